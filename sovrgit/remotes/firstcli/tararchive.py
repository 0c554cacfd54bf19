"""What is in a tar archive, compressed by gzip or not, read by `tarfile` and believed in nothing."""

from __future__ import annotations

import contextlib
import gzip
import io
import stat
import struct
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from sovrgit.objects.tree import EntryKind
from sovrgit.remotes.firstcli.members import Limits, Member, Meter, Refused, plain_path

_PIECE = 1 << 18
_HEADERS = 1 << 20
"""Bytes that may be read for one header, with what belongs to it: `tarfile` holds all of it in memory."""

_BLOCK = 512
_GZIP = b"\x1f\x8b"

_BROKEN = (
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    struct.error,
    EOFError,
    OverflowError,
    RuntimeError,
    ValueError,
)
"""What `tarfile` and `gzip` raise for archives that are none."""


class TarArchive:
    """A tar archive that is open for reading, from its beginning to its end.

    Raises:
        Refused: from every method, for what is wrong with the archive.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self._raw = io.BufferedReader(io.FileIO(path))
        compressed = self._raw.peek(2)[:2] == _GZIP
        # Headers, and what is left out, count here; what is written counts where it is written.
        bound = Meter(limits, path.stat().st_size).left + limits.entries * 2 * _BLOCK + _HEADERS
        self._file = _Bounded(gzip.GzipFile(fileobj=self._raw) if compressed else self._raw, bound)
        try:
            with _refusing():
                self._file.allow(_HEADERS)
                # Names are UTF-8 whatever this system uses: a pod has the same ones everywhere.
                self._tar = tarfile.TarFile(fileobj=cast("IO[bytes]", self._file), encoding="utf-8")
        except BaseException:
            self._raw.close()
            raise

    def members(self) -> Iterator[Member]:
        """Everything that is in it. The content of one must be taken before the next is asked for."""
        while True:
            with _refusing():
                self._file.allow(_HEADERS)
                info = self._tar.next()
                # It would keep all of them.
                self._tar.members.clear()  # type: ignore[attr-defined] # there, and not in the stubs
            if info is None:
                break
            yield self._member(info)
        with _refusing():
            # Where `tarfile` meets something that is no header, it takes that for the end.
            self._file.allow(_BLOCK)
            self._file.seek(self._tar.offset)
            if self._file.read(_BLOCK) != bytes(_BLOCK):
                raise Refused("it is damaged, or ends too early")
            self._reach_end()

    def close(self) -> None:
        """Close the file."""
        self._tar.close()
        self._raw.close()

    def _reach_end(self) -> None:
        """Read what follows the archive: behind it comes the checksum of a compressed one."""
        self._file.allow(_PIECE)
        while self._file.read(_PIECE):
            self._file.allow(_PIECE)

    def _member(self, info: tarfile.TarInfo) -> Member:
        path = plain_path(info.name)
        if info.size < 0:
            raise Refused("it has an entry of a size below nothing")
        modified = int(info.mtime) if 0 <= info.mtime < 1 << 40 else 0
        if info.isdir():
            return Member(path, EntryKind.DIRECTORY, 0, modified, tuple)
        if info.issym():
            target = info.linkname.encode("utf-8", "surrogateescape")
            return Member(path, EntryKind.SYMLINK, len(target), modified, lambda: (target,))
        if info.islnk():
            return Member(path, EntryKind.FILE, 0, modified, tuple, plain_path(info.linkname))
        if not info.isreg() or info.issparse():
            raise Refused("it has a device, a pipe, or a file with holes in it")
        kind = EntryKind.EXECUTABLE if info.mode & stat.S_IXUSR else EntryKind.FILE
        return Member(path, kind, info.size, modified, lambda: self._pieces(info))

    def _pieces(self, info: tarfile.TarInfo) -> Iterator[bytes]:
        left = info.size
        with _refusing():
            self._file.allow(left)
            self._file.seek(info.offset_data)
            while left:
                piece = self._file.read(min(_PIECE, left))
                if not piece:
                    raise Refused("it ends too early")
                left -= len(piece)
                yield piece


class _Bounded:
    """A file that `tarfile` reads from, and that gives it no more than was allowed.

    Args:
        size: bytes that may be passed in all.
    """

    def __init__(self, file: io.BufferedIOBase, size: int) -> None:
        self._file = file
        self._size = size
        self._allowed = 0

    def allow(self, amount: int) -> None:
        """So many bytes may be read from now on."""
        self._allowed = amount

    def read(self, size: int) -> bytes:
        if not 0 <= size <= self._allowed or self.tell() + size > self._size:
            raise Refused("it has a header that is too large, or unpacks to too much")
        self._allowed -= size
        return self._file.read(size)

    def seek(self, position: int) -> int:
        if position > self._size:
            raise Refused("it unpacks to too much")
        return self._file.seek(position)

    def tell(self) -> int:
        return self._file.tell()


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except _BROKEN:
        raise Refused("it is damaged, or neither a zip nor a tar archive") from None
