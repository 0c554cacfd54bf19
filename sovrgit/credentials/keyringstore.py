"""Secrets in the keyring of the system, by the library `keyring`, which is loaded here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from sovrgit.credentials.stores import StoreUnusable

KEYRING = "the keyring"

_T = TypeVar("_T")


class Backend(Protocol):
    """What is used of a backend of the library."""

    def get_password(self, service: str, username: str) -> str | None:
        """The password, or None."""

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep a password."""

    def delete_password(self, service: str, username: str) -> None:
        """Forget a password."""


def system_keyring() -> Backend | None:
    """The keyring that this system has for programs, or None."""
    import keyring

    backend = keyring.get_keyring()
    # Backends that stand for "there is none" have the priority 0 or less.
    return backend if backend.priority > 0 else None


class KeyringStore:
    """The system's keyring, looked for when it is first needed. Where there is none it is empty and takes nothing.

    Args:
        load: finds the backend.
    """

    def __init__(self, load: Callable[[], Backend | None] = system_keyring) -> None:
        self._load = load
        self._backend: Backend | None = None

    def get(self, namespace: str, name: str) -> str | None:
        return self._do(lambda backend: backend.get_password(_service(namespace), name), None)

    def set(self, namespace: str, name: str, value: str) -> None:
        def keep(backend: Backend) -> bool:
            backend.set_password(_service(namespace), name, value)
            return True

        if not self._do(keep, False):
            raise StoreUnusable(path=KEYRING, reason="this system has none")

    def delete(self, namespace: str, name: str) -> bool:
        def forget(backend: Backend) -> bool:
            if backend.get_password(_service(namespace), name) is None:
                return False
            backend.delete_password(_service(namespace), name)
            return True

        return self._do(forget, False)

    def describe(self) -> str:
        return KEYRING

    def _do(self, action: Callable[[Backend], _T], otherwise: _T) -> _T:
        try:
            backend = self._backend = self._backend or self._load()
            return action(backend) if backend is not None else otherwise
        except Exception as error:  # noqa: BLE001 - backends raise whatever the libraries below them do
            # The kind only: nobody knows what the text holds.
            kind = type(error).__name__
        raise StoreUnusable(path=KEYRING, reason=f"it cannot be used ({kind})")


def _service(namespace: str) -> str:
    return f"sovr {namespace}"
