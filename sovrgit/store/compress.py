"""Compression: zstd where it pays, decided cheaply.

Level 1 halves text and tables at hundreds of megabytes a second; higher levels cost twice the time for little
(`docs/internals/store.md` has the figures).
"""

from __future__ import annotations

import threading

import zstandard

from sovrgit.errors import IntegrityFailure
from sovrgit.objects.ids import Data
from sovrgit.store.format import MAX_PAYLOAD, Codec

LEVEL = 1

MIN_SIZE = 64
"""Bytes below which no attempt is made: a zstd frame alone costs a dozen."""

SAMPLE_FROM = 64 << 10
"""Objects at least this large are judged by a sample first."""

SAMPLE_SIZE = 8 << 10
SAMPLE_STEPS = 2
"""Two samples, at a third and two thirds: a header that differs from the body does not decide."""

WORTHWHILE = 0.97
"""Share of the size above which the compressed form is not kept."""

_local = threading.local()


def compress(data: Data) -> tuple[Codec, Data]:
    """The codec and payload under which `data` is stored."""
    size = len(data)
    if size < MIN_SIZE or (size >= SAMPLE_FROM and not _looks_compressible(data)):
        return Codec.RAW, data
    packed: bytes = _compressor().compress(data)
    if len(packed) > size * WORTHWHILE:
        return Codec.RAW, data
    return Codec.ZSTD, packed


def compress_batch(items: list[bytes]) -> list[tuple[Codec, Data]]:
    """`compress` for many small items in one native call, which releases the interpreter lock once for all."""
    wanted: list[Data] = [item for item in items if len(item) >= MIN_SIZE]
    packed = iter(_compressor().multi_compress_to_buffer(wanted, threads=0)) if wanted else iter(())
    result: list[tuple[Codec, Data]] = []
    for item in items:
        if len(item) >= MIN_SIZE:
            candidate = next(packed)
            if len(candidate) <= len(item) * WORTHWHILE:
                result.append((Codec.ZSTD, candidate.tobytes()))
                continue
        result.append((Codec.RAW, item))
    return result


def decompress(codec: Codec, payload: Data, size: int, what: str) -> Data:
    """The data behind a payload; never more than `size` bytes are produced.

    Raises:
        IntegrityFailure: if the payload is broken or does not give exactly `size` bytes.
    """
    if codec is Codec.RAW:
        data: Data = payload
    else:
        # The frame's own claim is checked before anything is allocated for it.
        try:
            if size > MAX_PAYLOAD or zstandard.frame_content_size(payload) != size:
                raise IntegrityFailure(what=what, reason="its compressed form has another length than it should")
            data = _decompressor().decompress(payload, max_output_size=size)
        except zstandard.ZstdError:
            raise IntegrityFailure(what=what, reason="it cannot be decompressed") from None
    if len(data) != size:
        raise IntegrityFailure(what=what, reason=f"it has {len(data)} bytes instead of {size}")
    return data


def _looks_compressible(data: Data) -> bool:
    view = memoryview(data)
    for step in range(1, SAMPLE_STEPS + 1):
        start = len(view) * step // (SAMPLE_STEPS + 1)
        if len(_compressor().compress(view[start : start + SAMPLE_SIZE])) <= SAMPLE_SIZE * WORTHWHILE:
            return True
    return False


def _compressor() -> zstandard.ZstdCompressor:
    # One a thread: they are costly to make and must not be shared.
    try:
        compressor: zstandard.ZstdCompressor = _local.compressor
    except AttributeError:
        compressor = _local.compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=False)
    return compressor


def _decompressor() -> zstandard.ZstdDecompressor:
    try:
        decompressor: zstandard.ZstdDecompressor = _local.decompressor
    except AttributeError:
        decompressor = _local.decompressor = zstandard.ZstdDecompressor()
    return decompressor
