"""Reading packs: by offset, by table of contents, and entry by entry where the table is gone."""

from __future__ import annotations

import os
from pathlib import Path

from blake3 import blake3

from sovrgit.errors import IntegrityFailure, ObjectInvalid, ObjectMissing, StorageFailure
from sovrgit.objects.ids import Data, Kind, ObjectId, hash_object
from sovrgit.store.compress import decompress
from sovrgit.store.format import (
    END_MAGIC,
    ENTRY_HEADER_SIZE,
    ENTRY_MARK,
    MAX_PACK,
    PACK_HEADER_SIZE,
    TRAILER_SIZE,
    EntryHeader,
    PackClass,
    Toc,
    read_entry_header,
    read_pack_header,
    read_trailer,
)

_READ_SIZE = 4 << 20

_SCRAP = 64 << 10
"""Bytes read at once from a pack that the disk may not give as a whole."""


class PackReader:
    """An open pack. Reads are positioned, so several threads may share one.

    Raises:
        ObjectMissing: if the pack is not there.
        IntegrityFailure: from every method, if the pack does not hold what it should.
        StorageFailure: from every method, if the operating system cannot read it.
    """

    def __init__(self, path: Path, pack: ObjectId) -> None:
        self.what = f"pack {pack.short}"
        self.id = pack
        self.path = path
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise ObjectMissing(id=f"of {self.what}") from None
        except OSError as error:
            raise self._failed(error) from error
        self.size = os.fstat(self._descriptor).st_size

    def __enter__(self) -> PackReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes at `offset`."""
        try:
            data = os.pread(self._descriptor, length, offset) if 0 <= length <= MAX_PACK else b""
        except OSError as error:
            raise self._failed(error) from error
        if len(data) != length:
            raise IntegrityFailure(what=self.what, reason=f"it ends before byte {offset + length}")
        return data

    def read_into(self, buffer: memoryview, offset: int) -> None:
        """Fill a buffer with the bytes at `offset`."""
        try:
            count = os.preadv(self._descriptor, [buffer], offset)
        except OSError as error:
            raise self._failed(error) from error
        if count != len(buffer):
            raise IntegrityFailure(what=self.what, reason=f"it ends before byte {offset + len(buffer)}")

    def entry(self, offset: int, stored: int) -> tuple[EntryHeader, memoryview]:
        """The header and payload of the entry at `offset`, whose payload has `stored` bytes."""
        return self.entry_in(self.read(offset, ENTRY_HEADER_SIZE + stored), 0, stored)

    def entry_in(self, data: Data, position: int, stored: int) -> tuple[EntryHeader, memoryview]:
        """The same, out of bytes that were read before."""
        header = read_entry_header(data, position, self.what)
        if header.stored != stored:
            raise IntegrityFailure(what=self.what, reason="an entry has another length than the catalogue says")
        start = position + ENTRY_HEADER_SIZE
        return header, memoryview(data)[start : start + stored]

    def pack_class(self) -> PackClass:
        """What the pack is said to hold."""
        return read_pack_header(self.read(0, min(PACK_HEADER_SIZE, self.size)), self.what)

    def toc(self) -> Toc:
        """The table of contents, read from the end of the pack."""
        if self.size > MAX_PACK or self.size < PACK_HEADER_SIZE + ENTRY_HEADER_SIZE + TRAILER_SIZE:
            raise IntegrityFailure(what=self.what, reason=f"its size of {self.size} bytes is impossible")
        self.pack_class()
        offset, count = read_trailer(self.read(self.size - TRAILER_SIZE, TRAILER_SIZE), self.what)
        stored = self.size - TRAILER_SIZE - offset - ENTRY_HEADER_SIZE
        if stored < 0 or offset < PACK_HEADER_SIZE:
            raise IntegrityFailure(what=self.what, reason="its table of contents lies outside")
        header, payload = self.entry(offset, stored)
        encoded = bytes(decompress(header.codec, payload, header.size, self.what))
        if header.kind is not Kind.TOC or hash_object(Kind.TOC, encoded) != header.id:
            raise IntegrityFailure(what=self.what, reason="its table of contents has another hash than it should")
        try:
            toc = Toc.decode(encoded)
        except ObjectInvalid as error:
            raise IntegrityFailure(what=self.what, reason=error.message) from None
        if len(toc) != count or toc.pack is not None:
            raise IntegrityFailure(what=self.what, reason="its table of contents belongs to another pack")
        return toc

    def digest(self) -> ObjectId:
        """The hash of the whole file, which must be the pack's id."""
        hasher = blake3()
        for position in range(0, self.size, _READ_SIZE):
            hasher.update(self.read(position, min(_READ_SIZE, self.size - position)))
        return ObjectId(hasher.digest())

    def whatever_is_left(self) -> bytes:
        """The bytes of the pack, with zeros where the disk does not give them."""
        pieces = []
        for position in range(0, min(self.size, MAX_PACK), _SCRAP):
            length = min(_SCRAP, self.size - position)
            try:
                pieces.append(self.read(position, length))
            except (StorageFailure, IntegrityFailure):
                pieces.append(bytes(length))
        return b"".join(pieces)

    def _failed(self, error: OSError) -> StorageFailure:
        return StorageFailure(path=self.path, reason=(error.strerror or str(error)).lower())


def verified(header: EntryHeader, payload: Data, expected: ObjectId, what: str) -> Data:
    """The data of an unchunked entry, checked against its id.

    Raises:
        IntegrityFailure: if it is not the object that was asked for.
    """
    data = decompress(header.codec, payload, header.size, what)
    if header.id != expected or hash_object(header.kind, data) != expected:
        raise IntegrityFailure(what=f"object {expected.short} in {what}", reason="its hash is another")
    return data


def salvage(reader: PackReader) -> tuple[Toc, PackClass]:
    """The table of contents of a damaged pack, put together from the headers of its entries.

    Where a header is damaged, the bytes after it are searched for the next one. What the table lists is checked
    against its id when it is read, so a false find does no harm.
    """
    try:
        kind = reader.pack_class()
    except (IntegrityFailure, StorageFailure):
        kind = PackClass.CONTENT
    data = reader.whatever_is_left()
    toc = Toc.empty()
    position = min(PACK_HEADER_SIZE, len(data))
    while (position := data.find(bytes([ENTRY_MARK]), position)) >= 0:
        try:
            header = read_entry_header(data, position, reader.what)
        except IntegrityFailure:
            position += 1
            continue
        start = position + ENTRY_HEADER_SIZE
        if start + header.stored > len(data):
            position += 1
            continue
        at_end = start + header.stored + TRAILER_SIZE == len(data) and data.endswith(END_MAGIC)
        if not (header.kind is Kind.TOC and at_end):
            toc.append(header.kind, header.codec, header.depth, position, header.stored, header.size, header.id)
        position = start + header.stored
    return toc, kind
