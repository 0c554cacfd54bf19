"""Secrets in a file that only its owner can read, for machines without a keyring."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

from sovrgit.errors import ConfigInvalid
from sovrgit.pod.lock import locked
from sovrgit.store.files import reporting, storage_error, write_atomic

_VERSION = 1
_LARGEST = 4 << 20
"""Bytes; a file of secrets is a thousand times smaller."""

_Contents = dict[str, dict[str, str]]


class FileStore:
    """One file for all secrets, replaced as a whole by every change.

    Every method raises `ConfigInvalid` if others may read the file, or if it is not one of ours.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, namespace: str, name: str) -> str | None:
        return self._read().get(namespace, {}).get(name)

    def set(self, namespace: str, name: str, value: str) -> None:
        with reporting(self._path.parent):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(self._lock):
            contents = self._read()
            contents.setdefault(namespace, {})[name] = value
            self._write(contents)

    def delete(self, namespace: str, name: str) -> bool:
        if not self._path.exists():
            return False
        with locked(self._lock):
            contents = self._read()
            if name not in contents.get(namespace, {}):
                return False
            del contents[namespace][name]
            if not contents[namespace]:
                del contents[namespace]
            self._write(contents)
        return True

    def describe(self) -> str:
        return str(self._path)

    @property
    def _lock(self) -> Path:
        return self._path.with_name(self._path.name + ".lock")

    def _read(self) -> _Contents:
        try:
            with open(self._path, "rb", opener=_open) as file:
                self._check_owner(os.fstat(file.fileno()))
                data = file.read(_LARGEST + 1)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise storage_error(error, self._path) from error
        return self._decoded(data)

    def _check_owner(self, found: os.stat_result) -> None:
        if not stat.S_ISREG(found.st_mode):
            raise ConfigInvalid(file=self._path, reason="it is not a file")
        if found.st_uid != os.geteuid():
            raise ConfigInvalid(file=self._path, reason="it belongs to another user", hint="move it away")
        if found.st_mode & 0o077:
            hint = f"run `chmod 600 {self._path}`, and change the passwords if others may have read them"
            raise ConfigInvalid(file=self._path, reason="others may read or change it, and it holds secrets", hint=hint)

    def _decoded(self, data: bytes) -> _Contents:
        try:
            document = json.loads(data)
            if len(data) <= _LARGEST and document["version"] == _VERSION:
                return {
                    str(namespace): {str(name): str(value) for name, value in names.items()}
                    for namespace, names in document["secrets"].items()
                }
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            pass
        hint = "move it away and run `sovr login` again"
        raise ConfigInvalid(file=self._path, reason="it is not a file of secrets of this version", hint=hint)

    def _write(self, contents: _Contents) -> None:
        text = json.dumps({"version": _VERSION, "secrets": contents}, indent=2, sort_keys=True) + "\n"
        write_atomic(self._path, text.encode(), mode=0o600)


def _open(path: str, flags: int) -> int:
    # Not a pipe: that would wait for ever.
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
