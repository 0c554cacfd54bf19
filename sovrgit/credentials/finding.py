"""Which login counts for a server: the environment's, else the one that is kept, else what the first Sovr CLI left."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sovrgit.credentials.logins import KeptLogin, Login, PasswordLogin, SignatureLogin, decode, encode
from sovrgit.credentials.stores import Secrets
from sovrgit.errors import ConfigInvalid, LoginNeeded

NAMESPACE = "fairos login"
ENVIRONMENT = "the environment"
OLD_FILE = "creds.json"

_LARGEST_OLD = 1 << 16


@dataclass(frozen=True, slots=True)
class FoundLogin:
    """A login, the place it was found in, and the account's address if that is known.

    `old` is the file of the first Sovr CLI, if it comes from there: nothing protects it.
    """

    login: Login
    place: str
    address: str | None = None
    old: Path | None = None


def machine_login(user: str | None, password: str | None, signature: str | None) -> Login | None:
    """The login that a machine is given in its environment, or None; empty values count as not given.

    Raises:
        ConfigInvalid: if only half of one is there, or two.
    """
    if not (user or password or signature):
        return None
    if user and signature:
        hint = "unset `SOVR_FAIROS_USER` or `SOVR_FAIROS_SIGNATURE`"
        raise ConfigInvalid(file=ENVIRONMENT, reason="it names a user and has a signature too", hint=hint)
    if signature:
        return SignatureLogin.parse(signature, password or "")
    if user and password:
        return PasswordLogin(user, password)
    hint = "set `SOVR_FAIROS_USER`, and `SOVR_FAIROS_PASSWORD` or `SOVR_FAIROS_PASSWORD_FILE`"
    raise ConfigInvalid(file=ENVIRONMENT, reason="it has only half of a login", hint=hint)


def find_login(
    server: str, secrets: Secrets, *, machine: Login | None = None, old_files: Iterable[Path] = ()
) -> FoundLogin | None:
    """The login for a server, or None if none is known.

    Args:
        server: the address, in its one form.
        machine: what the environment says for this server.
        old_files: where the first Sovr CLI may have left its file, if it would have used this server.

    Raises:
        ConfigInvalid, StorageFailure: if what is kept cannot be read.
    """
    if machine is not None:
        return FoundLogin(machine, ENVIRONMENT)
    found = secrets.find(NAMESPACE, server)
    if found is not None:
        kept = decode(found.value, found.place)
        return FoundLogin(kept.login, found.place, kept.address)
    return old_login(old_files)


def old_login(files: Iterable[Path]) -> FoundLogin | None:
    """The login that the first Sovr CLI left in one of these files, or None."""
    for path in files:
        login = _read_old(path)
        if login is not None:
            return FoundLogin(login, str(path), old=path)
    return None


def need_login(
    server: str,
    secrets: Secrets,
    *,
    machine: Login | None = None,
    old_files: Iterable[Path] = (),
    shown: str | None = None,
) -> FoundLogin:
    """The same, where it cannot be done without.

    Args:
        shown: the address as the user wrote it, for the message.

    Raises:
        LoginNeeded: if none is known.
        ConfigInvalid, StorageFailure: as for `find_login`.
    """
    found = find_login(server, secrets, machine=machine, old_files=old_files)
    if found is None:
        hint = None
        if secrets.passed_over:
            hint = f"{secrets.passed_over[-1].message}; unlock it if there should be one, or run `sovr login`"
        raise LoginNeeded(server=shown or server, hint=hint)
    return found


def keep_login(server: str, secrets: Secrets, login: Login, address: str) -> str:
    """Keep a login for a server; the place.

    Raises:
        ConfigInvalid, StorageFull, ReadOnly, StorageFailure: if it cannot be kept.
    """
    return secrets.keep(NAMESPACE, server, encode(KeptLogin(login, address)))


def forget_login(server: str, secrets: Secrets) -> list[str]:
    """Forget what is kept for a server; the places that had it.

    Raises:
        ConfigInvalid, StorageFull, ReadOnly, StorageFailure: if that cannot be done.
    """
    return secrets.forget(NAMESPACE, server)


def _read_old(path: Path) -> PasswordLogin | None:
    """The login in a file of the first Sovr CLI. Other programs have files of this name too: they are not for us."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            fields = json.loads(file.read(_LARGEST_OLD))
        if isinstance(fields, dict) and isinstance(fields["username"], str) and isinstance(fields["password"], str):
            return PasswordLogin(fields["username"], fields["password"])
    except (OSError, ValueError, KeyError, RecursionError, ConfigInvalid):
        pass
    return None
