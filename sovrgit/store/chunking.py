"""Content-defined chunking: where large objects are cut, so that an edit moves only the cuts around it.

FastCDC 2020 (Xia et al., https://ieeexplore.ieee.org/document/9055082) as `pyfastcdc` implements it. The parameters
are part of the format only in so far as other ones find fewer chunks again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pyfastcdc import FastCDC

AVERAGE = 256 << 10
"""A 2 GiB file with 1 % overwritten stores 1.5 % anew at this size; 64 KiB would save a quarter of that for four
times the objects (`docs/internals/store.md`)."""

MINIMUM = AVERAGE // 4
MAXIMUM = AVERAGE * 4

BLOCK = 8 << 20
"""Bytes read at a time. Memory in use is a small multiple of this, whatever the size of the file."""


def new_block() -> bytearray:
    """A buffer for `cut`."""
    return bytearray(BLOCK)


def cut(
    readinto: Callable[[memoryview], int], take: Callable[[], bytearray] = new_block
) -> Iterator[tuple[bytearray, list[memoryview]]]:
    """Cut a stream into chunks, in batches.

    Args:
        readinto: fills a buffer from the stream and returns the number of bytes, 0 at the end.
        take: gives a buffer of `BLOCK` bytes. Fresh memory costs as much as reading, so buffers are worth using again.

    Yields:
        A buffer and the chunks that lie in it. They are valid until somebody else writes into the buffer.
    """
    chunker = FastCDC(AVERAGE, min_size=MINIMUM, max_size=MAXIMUM)
    carried = b""
    ended = False
    while not ended:
        buffer = take()
        view = memoryview(buffer)
        filled = len(carried)
        view[:filled] = carried
        while filled < BLOCK:
            count = readinto(view[filled:])
            if count <= 0:
                ended = True
                break
            filled += count
        chunks: list[memoryview] = []
        position = 0
        for chunk in chunker.cut_buf(view[:filled]):
            # A chunk that begins closer to the end than the largest chunk could become longer with more data.
            if not ended and filled - chunk.offset < MAXIMUM:
                break
            chunks.append(chunk.data)
            position = chunk.offset + chunk.length
        carried = bytes(view[position:filled])
        if chunks:
            yield buffer, chunks
