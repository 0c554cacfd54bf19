"""Inflating zlib streams whose size is known beforehand, and never beyond it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

MAX_IN_MEMORY = 1 << 30
"""Bytes in an object that is held in memory: one that is stored as a difference, or is no file. Git itself makes no
differences of files beyond `core.bigFileThreshold`, 512 MiB if it is not set."""

STREAM_FROM = 16 << 20
"""Bytes from which a file that is stored whole is read piece by piece."""

_PIECE = 1 << 20
_SLACK = 64
"""Bytes that a stream is longer than its content at least: its header, its checksum, and one of its blocks."""


def inflate(view: memoryview, start: int, size: int, damaged: Callable[[str], Exception]) -> bytes:
    """The `size` bytes that the stream at `start` inflates to.

    Raises:
        What `damaged` makes of the reason: if it is no such stream.
    """
    if size > MAX_IN_MEMORY:
        raise damaged(f"an object of {size} bytes, which is held in memory, is too large")
    expected = size + (size >> 8) + _SLACK
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(view[start : start + expected], size + 1)
        # What is stored longer than it is comes from a strange program; Git reads it, too.
        at = start + expected
        while len(data) < size and not inflater.eof and (at < len(view) or inflater.unconsumed_tail):
            data += inflater.decompress(inflater.unconsumed_tail + view[at : at + expected], size + 1 - len(data))
            at += expected
    except zlib.error as error:
        raise damaged(f"an object that cannot be inflated ({error})") from None
    if len(data) != size:
        raise damaged("an object of another size than it says")
    return data


def inflate_stream(view: memoryview, start: int, size: int, damaged: Callable[[str], Exception]) -> Iterator[bytes]:
    """The same piece by piece, for objects of any size.

    Raises:
        What `damaged` makes of the reason: if it is no such stream.
    """
    inflater = zlib.decompressobj()
    at = start
    left = size
    waiting = b""
    try:
        while left and not inflater.eof and (waiting or at < len(view)):
            if not waiting:
                waiting = bytes(view[at : at + _PIECE])
                at += _PIECE
            piece = inflater.decompress(waiting, min(left, _PIECE) + 1)
            waiting = inflater.unconsumed_tail
            if len(piece) > left:
                raise damaged("an object of another size than it says")
            left -= len(piece)
            if piece:
                yield piece
    except zlib.error as error:
        raise damaged(f"an object that cannot be inflated ({error})") from None
    if left:
        raise damaged("an object of another size than it says")
