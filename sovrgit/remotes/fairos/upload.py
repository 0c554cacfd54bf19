"""The form that carries a file to a FairOS server, made piece by piece."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from sovrgit.errors import FileUnstable
from sovrgit.progress import Repeatable
from sovrgit.remotes.fairos.wire import Body
from sovrgit.store.files import reporting

SMALLEST_BLOCK = 1_000_000
LARGEST_BLOCK = 8_000_000
"""Bytes: what servers accept."""

BLOCKS = 8
"""Into so many a file is cut if their sizes allow it: the server stores as many at once as it has processors."""

_PIECE = 1 << 18


def block_size(size: int) -> int:
    """The size of the blocks that a file of `size` bytes is best stored in."""
    return min(max(-(-size // BLOCKS), SMALLEST_BLOCK), LARGEST_BLOCK)


def upload_body(
    fields: Mapping[str, str], name: str, source: Path | bytes, size: int, advance: Callable[[int], None]
) -> Body:
    """A form with fields and one file, of which no more than a piece is ever in memory.

    Args:
        size: bytes of the source.
        advance: told of bytes of the source that were sent; of none twice, though the form may have to be sent again:
            that a session has ended is sometimes noticed after everything was sent.

    Raises:
        FileUnstable: while it is sent, if the source is shorter.
        StorageFailure: while it is sent, if the source cannot be read.
    """
    boundary = os.urandom(16).hex()
    head = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in fields.items()
    )
    head += (
        f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    before, after = head.encode(), f"\r\n--{boundary}--\r\n".encode()

    counted = Repeatable(advance)

    def pieces() -> Iterator[bytes]:
        counted.begin()
        yield before
        for piece in _pieces(source, size):
            yield piece
            # Asked for the next one, so this one was sent.
            counted.advance(len(piece))
        yield after

    return Body(f"multipart/form-data; boundary={boundary}", len(before) + size + len(after), pieces)


def _pieces(source: Path | bytes, size: int) -> Iterator[bytes]:
    if isinstance(source, bytes):
        for start in range(0, size, _PIECE):
            yield source[start : start + _PIECE]
        return
    left = size
    with reporting(source), open(source, "rb") as file:
        while left:
            piece = file.read(min(left, _PIECE))
            if not piece:
                raise FileUnstable(path=source)
            left -= len(piece)
            yield piece
