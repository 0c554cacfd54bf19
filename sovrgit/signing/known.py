"""The keys of others that this user knows by name: a list in their own folder, never in a pod."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from sovrgit.errors import ConfigInvalid
from sovrgit.pod.lock import locked
from sovrgit.signing.ethereum import parse_address
from sovrgit.store.files import reporting, storage_error, write_atomic

_VERSION = 1
_LARGEST = 4 << 20
"""Bytes: names and addresses of some ten thousand people."""


class KnownKeys:
    """The list, in a file.

    Every method raises `ConfigInvalid` if the file is not one of ours, and StorageFailure if it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[str, str]:
        """The names, by address."""
        try:
            with open(self._path, "rb") as file:
                data = file.read(_LARGEST + 1)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise storage_error(error, self._path) from error
        try:
            document = json.loads(data)
            if len(data) <= _LARGEST and document["version"] == _VERSION:
                return {parse_address(address): str(name) for address, name in document["keys"].items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, ConfigInvalid):
            pass
        hint = "move it away, and name the keys again with `sovr trust key`"
        raise ConfigInvalid(file=self._path, reason="it is not a list of keys of this version", hint=hint)

    def name(self, address: str, name: str) -> None:
        """Know a key by a name; by another one, if it had one.

        Raises:
            StorageFull, ReadOnly, StorageFailure: if that cannot be written.
        """
        with self._changing() as keys:
            keys[address] = name

    def forget(self, address: str) -> bool:
        """Know a key no longer; whether it was known.

        Raises:
            StorageFull, ReadOnly, StorageFailure: if that cannot be written.
        """
        with self._changing() as keys:
            return keys.pop(address, None) is not None

    @contextlib.contextmanager
    def _changing(self) -> Iterator[dict[str, str]]:
        with reporting(self._path.parent):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(self._path.with_name(self._path.name + ".lock")):
            keys = self.read()
            yield keys
            text = json.dumps({"version": _VERSION, "keys": keys}, indent=2, sort_keys=True) + "\n"
            write_atomic(self._path, text.encode())
