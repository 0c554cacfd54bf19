"""Writing one pack."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

from sovrgit.objects.ids import Data, Kind, ObjectId, hash_object
from sovrgit.store.compress import compress
from sovrgit.store.files import temporary_name, write_all
from sovrgit.store.format import (
    ENTRY_HEADER_SIZE,
    Codec,
    PackClass,
    Toc,
    entry_header,
    pack_header,
    trailer,
)

_FLUSH_AT = 1 << 20
"""Bytes gathered before a write: large enough for the disk, small enough to be hashed while in the cache."""

_DIRECT_FROM = 64 << 10
"""Bytes from which a payload is written by itself: copying it would cost more than a system call."""


class NewEntry(NamedTuple):
    """An entry ready to be written."""

    kind: Kind
    codec: Codec
    depth: int
    size: int
    id: ObjectId
    payload: Data


class FinishedPack(NamedTuple):
    """A pack that is complete but still has its temporary name."""

    id: ObjectId
    path: Path
    size: int
    kind: PackClass
    toc: Toc


def toc_entry(pack: FinishedPack) -> NewEntry:
    """The table of contents of a content pack, as the metadata pack that travels with it holds it."""
    encoded = replace(pack.toc, pack=pack.id).encode()
    codec, payload = compress(encoded)
    return NewEntry(Kind.TOC, codec, 0, len(encoded), hash_object(Kind.TOC, encoded), payload)


class PackWriter:
    """Appends entries to a temporary file; `finish` gives the pack its id. Not for several threads at once."""

    def __init__(self, folder: Path, kind: PackClass) -> None:
        self.kind = kind
        self.path = temporary_name(folder, "pack")
        self._toc = Toc.empty()
        self._hasher = blake3()
        self._gathered: list[Data] = [pack_header(kind)]
        self._waiting = self._position = len(self._gathered[0])
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._position

    @property
    def entries(self) -> int:
        """Entries so far."""
        return len(self._toc)

    def add(self, entry: NewEntry) -> None:
        """Append an entry."""
        kind, codec, depth, size, digest, payload = entry
        stored = len(payload)
        self._toc.append(kind, codec, depth, self._position, stored, size, digest)
        self._gathered.append(entry_header(kind, codec, depth, stored, size, digest))
        self._position += ENTRY_HEADER_SIZE + stored
        if stored >= _DIRECT_FROM:
            self._flush()
            self._write(payload)
            return
        # A view may be of a buffer that is about to be used again.
        self._gathered.append(payload if isinstance(payload, bytes) else bytes(payload))
        self._waiting += ENTRY_HEADER_SIZE + stored
        if self._waiting >= _FLUSH_AT:
            self._flush()

    def finish(self) -> FinishedPack:
        """Write the table of contents and the trailer, and make the file durable."""
        encoded = self._toc.encode()
        codec, payload = compress(encoded)
        offset = self._position
        identity = hash_object(Kind.TOC, encoded)
        tail = [
            entry_header(Kind.TOC, codec, 0, len(payload), len(encoded), identity),
            payload,
            trailer(offset, len(self._toc)),
        ]
        self._gathered += tail
        self._position += sum(map(len, tail))
        self._flush()
        os.fsync(self._descriptor)
        self._close()
        return FinishedPack(ObjectId(self._hasher.digest()), self.path, self._position, self.kind, self._toc)

    def abandon(self) -> None:
        """Remove the file, unless it has got another name since."""
        # Called because of another failure, which is the one to report; what stays behind is removed by `gc`.
        with contextlib.suppress(OSError):
            self._close()
        with contextlib.suppress(OSError):
            os.unlink(self.path)

    def _close(self) -> None:
        # Forgotten first: the descriptor is gone even if the operating system reports a late failure to write.
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _flush(self) -> None:
        data = b"".join(self._gathered)
        self._gathered.clear()
        self._waiting = 0
        self._write(data)

    def _write(self, data: Data) -> None:
        self._hasher.update(data)
        write_all(self._descriptor, data)
