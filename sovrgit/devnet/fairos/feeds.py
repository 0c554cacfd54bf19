"""Feeds: what was written about a path, by the owner of an address, under a password. The last one counts."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from pathlib import Path

from sovrgit.devnet.fairos.causes import (
    DELETED_FEED,
    NO_SUCH_FEED,
    NOT_JSON,
    TOO_BIG_A_CHUNK,
    TOO_MUCH_METADATA,
    Cause,
    damaged,
)
from sovrgit.devnet.fairos.faults import Kind, now
from sovrgit.devnet.fairos.metadata import FileMeta, compact
from sovrgit.devnet.fairos.paths import INDEX, base
from sovrgit.store.files import write_all

_TAIL = 256 << 10
"""Bytes of the end of a feed that are read: the last sixty versions at least."""

_CHUNK = 4096
_ENCRYPTION = 16
"""Bytes by which encryption lengthens what is written to a feed."""


class Feeds:
    """A folder of feeds: ADDRESS/HASH, with a line for every version."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def read(self, address: str, path: str, password: str) -> FileMeta:
        """What was last written about a path.

        Raises:
            Cause: `NO_SUCH_FEED` if nothing ever was, `DELETED_FEED` if it was deleted, `NOT_JSON` if it was written
                under another password.
        """
        if now(Kind.UNREADABLE):
            raise Cause(NO_SUCH_FEED)
        place = self._feed(address, path)
        versions = self._versions(place)
        if not versions:
            raise Cause(NO_SUCH_FEED)
        stale = now(Kind.STALE)
        # If there are not as many versions, the oldest one is read.
        at = max(len(versions) - 1 - (stale.much(1) if stale else 0), 0)
        try:
            key, value = json.loads(versions[at])
        except (ValueError, TypeError) as error:
            raise damaged("feeds") from error
        if value is None:
            raise Cause(DELETED_FEED)
        if key != _key(password):
            raise Cause(NOT_JSON)
        return FileMeta.parse(value)

    def update(self, address: str, path: str, password: str, meta: FileMeta | None) -> None:
        """Write about a path; None deletes.

        Raises:
            Cause: if that is too long.
        """
        if now(Kind.LOST_UPDATE) and base(path) != INDEX:
            return
        self._write(address, path, password, meta, only_new=False)

    def create(self, address: str, path: str, password: str, meta: FileMeta) -> None:
        """Write about a path for the first time. If it is not, then nobody will see it: what there is comes later.

        Raises:
            Cause: if that is too long.
        """
        self._write(address, path, password, meta, only_new=True)

    def _write(self, address: str, path: str, password: str, meta: FileMeta | None, *, only_new: bool) -> None:
        document = None if meta is None else meta.document()
        length = 0 if document is None else len(compact(document))
        if length > _CHUNK:
            raise Cause(TOO_MUCH_METADATA)
        if length > _CHUNK - _ENCRYPTION:
            raise Cause(TOO_BIG_A_CHUNK)
        place = self._feed(address, path)
        with self._lock:
            if only_new and place.exists():
                return
            place.parent.mkdir(exist_ok=True, mode=0o700)
            # Appending is a tenth of the work of replacing, which makes file systems write to the disk at once.
            descriptor = os.open(place, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                end = os.fstat(descriptor).st_size
                torn = end and os.pread(descriptor, 1, end - 1) != b"\n"
                write_all(descriptor, b"\n" * bool(torn) + compact([_key(password), document]) + b"\n")
            finally:
                os.close(descriptor)

    def _feed(self, address: str, path: str) -> Path:
        return self._folder / address / _hash(path)

    def _versions(self, place: Path) -> list[bytes]:
        """The last lines of a feed, the newest at the end. What a crash has torn is no line."""
        try:
            with place.open("rb") as file:
                begin = max(os.fstat(file.fileno()).st_size - _TAIL, 0)
                file.seek(begin)
                # Up to the first line end is the rest of a line that begins before.
                return file.read().split(b"\n")[1 if begin else 0 : -1]
        except FileNotFoundError:
            return []


def _hash(path: str) -> str:
    return hashlib.sha256(path.encode("utf-8", "surrogatepass")).hexdigest()


def _key(password: str) -> str:
    """What tells whether something was written under a password."""
    return hashlib.sha256(password.encode()).hexdigest()[:16]
