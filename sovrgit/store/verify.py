"""Verifying a whole pack before anything in it is used."""

from __future__ import annotations

import threading
from pathlib import Path

from blake3 import blake3

from sovrgit.errors import IntegrityFailure
from sovrgit.objects.ids import SHORT_DIGITS, Kind, ObjectId, hash_object
from sovrgit.store.compress import decompress
from sovrgit.store.format import ENTRY_HEADER_SIZE, MAX_PACK, Codec, Toc, check_entry, entry_header
from sovrgit.store.packreader import PackReader


def verify_pack(path: Path, pack: ObjectId, size: int, *, leave_blobs: bool = False) -> Toc:
    """Check a pack's hash, its table of contents, and every object in it; its table of contents.

    Chunked objects are checked when they are read, since their pieces may be in other packs; with `leave_blobs` so are
    all blobs.

    Raises:
        IntegrityFailure: if anything is not as it should be.
    """
    with PackReader(path, pack) as reader:
        if reader.size != size or size > MAX_PACK:
            raise IntegrityFailure(what=reader.what, reason=f"it has {reader.size} bytes instead of {size}")
        data = _buffer(size)
        reader.read_into(data, 0)
        if blake3(data).digest() != pack:
            raise IntegrityFailure(what=reader.what, reason="its hash is another")
        toc = reader.toc()
        for digest, kind, codec, depth, offset, stored, length in toc.rows():
            start = offset + ENTRY_HEADER_SIZE
            if start + stored > size:
                raise IntegrityFailure(what=reader.what, reason="its table of contents points outside")
            check_entry(kind, codec, depth, stored, length, offset, reader.what)
            if data[offset:start] != entry_header(kind, codec, depth, stored, length, digest):
                raise IntegrityFailure(what=reader.what, reason="its table of contents differs from its entries")
            if codec == Codec.CHUNKS or (leave_blobs and kind == Kind.BLOB):
                continue
            content = decompress(Codec(codec), data[start : start + stored], length, reader.what)
            if hash_object(Kind(kind), content) != digest:
                raise IntegrityFailure(
                    what=reader.what, reason=f"object {digest.hex()[:SHORT_DIGITS]} has another hash"
                )
        return toc


_local = threading.local()


def _buffer(size: int) -> memoryview:
    """A buffer that the thread uses for one pack after the other: fresh memory costs as much as reading."""
    buffer: bytearray | None = getattr(_local, "buffer", None)
    if buffer is None or len(buffer) < size:
        buffer = _local.buffer = bytearray(size)
    return memoryview(buffer)[:size]
