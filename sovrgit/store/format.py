"""The layout of a pack, in bytes: header, entries, table of contents, trailer.

Every entry carries a header of its own, so that whatever is left of a damaged pack can be read without its table.
"""

from __future__ import annotations

import enum
import struct
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from sys import byteorder
from typing import NamedTuple

from sovrgit.errors import IntegrityFailure, ObjectInvalid
from sovrgit.objects.codec import Fields, decode, encode
from sovrgit.objects.ids import ID_SIZE, Data, Kind, ObjectId

PACK_MAGIC = b"SOVRPACK"
END_MAGIC = b"SOVRPEND"
FORMAT_VERSION = 1

ENTRY_MARK = 0xA7
"""First byte of every entry: not ASCII, so that a scan over text does not stop at every byte."""

_PACK_HEADER = struct.Struct("<8sBB6x")
_ENTRY_FIELDS = struct.Struct("<BBBBIQ32s")
_CRC = struct.Struct("<I")
_TRAILER_FIELDS = struct.Struct("<II")
_CHUNK = struct.Struct("<32sI")

PACK_HEADER_SIZE = _PACK_HEADER.size
ENTRY_HEADER_SIZE = _ENTRY_FIELDS.size + _CRC.size
TRAILER_SIZE = _TRAILER_FIELDS.size + _CRC.size + len(END_MAGIC)
CHUNK_RECORD_SIZE = _CHUNK.size

PACK_TARGET = 32 << 20
"""Bytes after which a new pack is begun: one request of seconds for a network remote, cheap to repeat."""

MAX_ENTRIES = 100_000
"""Entries after which a new pack is begun: keeps its table of contents below eight MiB."""

SMALL = 4 << 10
"""Bytes up to which a file travels in metadata packs, so that a clone without payload has scripts and settings."""

MAX_PACK = 80 << 20
"""Bytes of the largest pack that is read. Above the target by the last entry and the table of contents."""

CHUNK_FROM = 1 << 20
"""Bytes from which an object is cut into chunks."""

MAX_PAYLOAD = 16 << 20
"""Bytes of the largest payload of an entry, stored or decompressed. Larger objects are chunked."""

MAX_OBJECT = (1 << 63) - 1
"""Bytes that an object may be said to have: what the catalogue and a tree can hold."""


class PackClass(enum.IntEnum):
    """What a pack holds: a reader who wants no payload needs the metadata packs only."""

    METADATA = 1
    CONTENT = 2


class Codec(enum.IntEnum):
    """How an entry's payload is stored."""

    RAW = 0
    ZSTD = 1
    CHUNKS = 2


def class_of(kind: Kind, codec: Codec, size: int) -> PackClass:
    """The class of pack that an entry belongs in: content is what only a reader of that one file needs."""
    is_content = kind is Kind.BLOB and codec is not Codec.CHUNKS and size > SMALL
    return PackClass.CONTENT if is_content else PackClass.METADATA


class EntryHeader(NamedTuple):
    """What stands before a payload. `stored` is the payload's length, `size` the object's; `depth` the levels of
    chunk lists above the data, 0 where the payload is the data itself."""

    kind: Kind
    codec: Codec
    depth: int
    stored: int
    size: int
    id: ObjectId


class ChunkRecord(NamedTuple):
    """One piece of a chunked object: a blob's id and its length in bytes."""

    id: ObjectId
    length: int


def pack_header(kind: PackClass) -> bytes:
    """The first bytes of a pack."""
    return _PACK_HEADER.pack(PACK_MAGIC, FORMAT_VERSION, kind)


def read_pack_header(data: bytes, what: str) -> PackClass:
    """The class of the pack that begins with `data`.

    Raises:
        IntegrityFailure: if it is not a pack of a version that is known.
    """
    if len(data) < PACK_HEADER_SIZE or not data.startswith(PACK_MAGIC):
        raise IntegrityFailure(what=what, reason="it does not begin as a pack does")
    _, version, kind = _PACK_HEADER.unpack_from(data)
    if version != FORMAT_VERSION or kind not in {*PackClass}:
        raise IntegrityFailure(what=what, reason=f"version {version}, class {kind} is not known")
    return PackClass(kind)


def entry_header(kind: int, codec: int, depth: int, stored: int, size: int, digest: bytes) -> bytes:
    """The bytes before a payload."""
    fields = _ENTRY_FIELDS.pack(ENTRY_MARK, kind, codec, depth, stored, size, digest)
    return fields + _CRC.pack(zlib.crc32(fields))


def read_entry_header(data: Data, offset: int, what: str) -> EntryHeader:
    """The entry header at `offset`.

    Raises:
        IntegrityFailure: if there is none, or a length is out of bounds.
    """
    if len(data) - offset < ENTRY_HEADER_SIZE:
        raise IntegrityFailure(what=what, reason="it ends in the middle of an entry")
    mark, kind, codec, depth, stored, size, digest = _ENTRY_FIELDS.unpack_from(data, offset)
    (crc,) = _CRC.unpack_from(data, offset + _ENTRY_FIELDS.size)
    if mark != ENTRY_MARK or crc != zlib.crc32(data[offset : offset + _ENTRY_FIELDS.size]):
        raise IntegrityFailure(what=what, reason=f"no entry header at byte {offset}")
    check_entry(kind, codec, depth, stored, size, offset, what)
    return EntryHeader(_KINDS[kind], _CODECS[codec], depth, stored, size, ObjectId(digest))


def check_entry(kind: int, codec: int, depth: int, stored: int, size: int, offset: int, what: str) -> None:
    """Check that what a header or a table says of the entry at `offset` is possible.

    Raises:
        IntegrityFailure: if it is not.
    """
    if kind not in _KINDS or codec not in _CODECS or stored > MAX_PAYLOAD:
        raise IntegrityFailure(what=what, reason=f"an entry of unknown form at byte {offset}")
    if (codec == Codec.CHUNKS) != (depth > 0) or size > (MAX_OBJECT if depth else MAX_PAYLOAD):
        raise IntegrityFailure(what=what, reason=f"an entry with impossible lengths at byte {offset}")


def trailer(toc_offset: int, count: int) -> bytes:
    """The last bytes of a pack: where its table of contents begins, and the number of entries before it."""
    fields = _TRAILER_FIELDS.pack(toc_offset, count)
    return fields + _CRC.pack(zlib.crc32(fields)) + END_MAGIC


def read_trailer(data: bytes, what: str) -> tuple[int, int]:
    """The offset of the table of contents and the number of entries.

    Raises:
        IntegrityFailure: if `data` is not a pack's end.
    """
    (crc,) = _CRC.unpack_from(data, _TRAILER_FIELDS.size)
    if not data.endswith(END_MAGIC) or crc != zlib.crc32(data[: _TRAILER_FIELDS.size]):
        raise IntegrityFailure(what=what, reason="it does not end as a pack does")
    offset, count = _TRAILER_FIELDS.unpack_from(data)
    return offset, count


def chunk_list(records: list[ChunkRecord]) -> bytes:
    """The payload of an entry with codec CHUNKS."""
    return b"".join([_CHUNK.pack(*record) for record in records])


def read_chunk_list(data: bytes, what: str) -> list[ChunkRecord]:
    """The pieces of a chunked object.

    Raises:
        IntegrityFailure: if the list is empty, cut off, or has an empty piece.
    """
    if not data or len(data) % CHUNK_RECORD_SIZE:
        raise IntegrityFailure(what=what, reason="its chunk list is cut off")
    records = [ChunkRecord(ObjectId(digest), length) for digest, length in _CHUNK.iter_unpack(data)]
    if not all(0 < record.length <= MAX_PAYLOAD for record in records):
        raise IntegrityFailure(what=what, reason="its chunk list has a piece of impossible length")
    return records


@dataclass(slots=True)
class Toc:
    """A pack's table of contents: one row an entry, in the order of the pack, kept as columns.

    In a metadata pack, the tables of the content packs it came with are entries of their own, with `pack` set.
    """

    ids: bytearray
    kinds: bytearray
    codecs: bytearray
    depths: bytearray
    offsets: array[int]
    stored: array[int]
    sizes: array[int]
    pack: ObjectId | None = None

    @classmethod
    def empty(cls) -> Toc:
        """A table without rows."""
        return cls(bytearray(), bytearray(), bytearray(), bytearray(), array("I"), array("I"), array("Q"))

    def __len__(self) -> int:
        return len(self.kinds)

    def append(self, kind: int, codec: int, depth: int, offset: int, stored: int, size: int, digest: bytes) -> None:
        """Add a row."""
        self.ids += digest
        self.kinds.append(kind)
        self.codecs.append(codec)
        self.depths.append(depth)
        self.offsets.append(offset)
        self.stored.append(stored)
        self.sizes.append(size)

    def rows(self) -> Iterator[tuple[bytes, int, int, int, int, int, int]]:
        """(id, kind, codec, depth, offset, stored, size) of every entry."""
        ids = bytes(self.ids)
        digests = (ids[start : start + ID_SIZE] for start in range(0, len(ids), ID_SIZE))
        return zip(digests, self.kinds, self.codecs, self.depths, self.offsets, self.stored, self.sizes, strict=True)

    def encode(self) -> bytes:
        """The canonical bytes."""
        values = {
            "ids": bytes(self.ids),
            "kinds": bytes(self.kinds),
            "codecs": bytes(self.codecs),
            "depths": bytes(self.depths),
            "offsets": _little(self.offsets),
            "stored": _little(self.stored),
            "sizes": _little(self.sizes),
        }
        return encode(values if self.pack is None else {**values, "pack": self.pack}, kind=Kind.TOC)

    @classmethod
    def decode(cls, data: bytes) -> Toc:
        """The table that `data` encodes.

        Raises:
            ObjectInvalid: if `data` is not a canonical table, or its columns differ in length.
        """
        fields = Fields(Kind.TOC, decode(data, kind=Kind.TOC))
        toc = cls(
            ids=bytearray(fields.data("ids")),
            kinds=bytearray(fields.data("kinds")),
            codecs=bytearray(fields.data("codecs")),
            depths=bytearray(fields.data("depths")),
            offsets=_column("I", fields.data("offsets")),
            stored=_column("I", fields.data("stored")),
            sizes=_column("Q", fields.data("sizes")),
            pack=fields.optional_id("pack"),
        )
        fields.done()
        count = len(toc)
        columns = (toc.codecs, toc.depths, toc.offsets, toc.stored, toc.sizes)
        if len(toc.ids) != count * ID_SIZE or any(len(column) != count for column in columns):
            raise ObjectInvalid(kind="toc", reason="its columns differ in length")
        if not {*toc.kinds} <= _KINDS.keys() or not {*toc.codecs} <= _CODECS.keys():
            raise ObjectInvalid(kind="toc", reason="an entry of unknown form")
        if max(toc.sizes, default=0) > MAX_OBJECT:
            raise ObjectInvalid(kind="toc", reason="an entry of impossible size")
        return toc


_KINDS = {int(kind): kind for kind in Kind}
_CODECS = {int(codec): codec for codec in Codec}


def _little(column: array[int]) -> bytes:
    if byteorder == "big":
        column = column[:]
        column.byteswap()
    return column.tobytes()


def _column(typecode: str, data: bytes) -> array[int]:
    column: array[int] = array(typecode)
    if len(data) % column.itemsize:
        raise ObjectInvalid(kind="toc", reason="a column is cut off")
    column.frombytes(data)
    if byteorder == "big":
        column.byteswap()
    return column
