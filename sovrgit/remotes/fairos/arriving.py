"""A pack on its way into a file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from sovrgit.remotes.fairos.contents import Write
from sovrgit.store.files import reporting, write_all

_AT_ONCE = 512 << 10
_MOST_PIECES = 64
"""What is gathered before it is written. Every write lets go of the interpreter's lock and has to wait for it again,
which costs more than writing does when several packs arrive side by side."""


@contextlib.contextmanager
def arriving(target: Path, size: int, advance: Callable[[int], None]) -> Iterator[Write]:
    """Write what arrives inside the block into a new file, which is removed if the block fails.

    Args:
        size: bytes that are taken at most; the rest is dropped.
        advance: told of bytes that are in the file.

    Raises:
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    with reporting(target):
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
    try:
        file = _File(target, descriptor, size, advance)
        yield file.write
        file.flush()
    except BaseException:
        # The failure that led here is the one to report.
        with contextlib.suppress(OSError):
            target.unlink()
        raise
    finally:
        os.close(descriptor)


class _File:
    def __init__(self, target: Path, descriptor: int, size: int, advance: Callable[[int], None]) -> None:
        self._target = target
        self._descriptor = descriptor
        self._room = size
        self._advance = advance
        self._pieces: list[bytes] = []
        self._gathered = 0

    def write(self, data: bytes) -> None:
        piece = data[: self._room]
        if not piece:
            return
        self._room -= len(piece)
        self._gathered += len(piece)
        self._pieces.append(piece)
        if self._gathered >= _AT_ONCE or len(self._pieces) >= _MOST_PIECES:
            self.flush()

    def flush(self) -> None:
        if not self._pieces:
            return
        with reporting(self._target):
            written = os.writev(self._descriptor, self._pieces)
            if written < self._gathered:
                write_all(self._descriptor, b"".join(self._pieces)[written:])
        self._advance(self._gathered)
        self._pieces.clear()
        self._gathered = 0
