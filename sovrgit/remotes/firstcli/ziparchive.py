"""What is in a zip archive, read by `zipfile` and believed in nothing."""

from __future__ import annotations

import calendar
import contextlib
import errno
import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from sovrgit.objects.tree import EntryKind
from sovrgit.remotes.firstcli.members import LONGEST_TARGET, Limits, Member, Refused, plain_path

_PIECE = 1 << 18
_ENTRY_BYTES = 300
"""Bytes of the table of contents that an entry may take on average; 46 and its name are what it needs."""

_RECORD = struct.Struct("<4s24xHHH12x")
_HEADER = struct.Struct("<4s22xHH")
_SIGNATURE, _LOCAL_SIGNATURE = b"PK\1\2", b"PK\3\4"
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_PATCHED = 0x20
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}

_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)
"""What `zipfile` raises for archives that are none."""


class ZipArchive:
    """A zip archive that is open for reading.

    Raises:
        Refused: from every method, for what is wrong with the archive.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self._file = _Watched(io.FileIO(path), limits)
        try:
            with _refusing():
                self._zip = zipfile.ZipFile(self._file)
                self._check_extents()
        except BaseException:
            self._file.close()
            raise

    def members(self) -> Iterator[Member]:
        """Everything that its table of contents lists, in that order."""
        for info in self._zip.infolist():
            yield self._member(info)

    def close(self) -> None:
        """Close the file."""
        self._zip.close()
        self._file.close()

    def _member(self, info: zipfile.ZipInfo) -> Member:
        # Not `filename`: what that is made of differs between versions of Python.
        path = plain_path(info.orig_filename)
        kind = _kind(info)
        if info.flag_bits & _ENCRYPTED:
            raise Refused("it has encrypted entries")
        if info.flag_bits & _PATCHED or info.compress_type not in _METHODS:
            raise Refused(f"it has entries compressed by a method other than deflate ({info.compress_type})")
        if kind is EntryKind.DIRECTORY and info.file_size:
            raise Refused("it has a folder with content of its own")
        if kind is EntryKind.SYMLINK and info.file_size > LONGEST_TARGET:
            raise Refused("it has a link whose target is too long")
        return Member(path, kind, info.file_size, _modified(info), lambda: self._pieces(info))

    def _pieces(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        """The content, which must have the size and the checksum that the archive says."""
        left = info.file_size
        with _refusing(), self._zip.open(info) as file:
            # One more than there should be, so that the end, and with it the checksum, is reached.
            while piece := file.read(min(_PIECE, left + 1)):
                left -= len(piece)
                yield piece
        if left:
            raise Refused("an entry has another size than is said")

    def _check_extents(self) -> None:
        """Entries that share bytes are how a small archive unpacks to a huge one."""
        extents = []
        for info in self._zip.infolist():
            start = info.header_offset
            if not 0 <= start < self._zip.start_dir:
                raise Refused("an entry is not where it is said to be")
            self._file.seek(start)
            signature, name, extra = _HEADER.unpack(self._file.read(_HEADER.size))
            if signature != _LOCAL_SIGNATURE:
                raise Refused("an entry is not where it is said to be")
            extents.append((start, start + _HEADER.size + name + extra + info.compress_size))
        extents.sort()
        ends = [start for start, _ in extents[1:]] + [self._zip.start_dir]
        if any(end > limit for (_, end), limit in zip(extents, ends, strict=False)):
            raise Refused("entries of it overlap")


class _Watched(io.BufferedReader):
    """A file that looks at what `zipfile` reads, which makes an object of every record of the table of contents."""

    def __init__(self, raw: io.FileIO, limits: Limits) -> None:
        super().__init__(raw)
        self._limits = limits

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > self._limits.entries * _ENTRY_BYTES:
            raise Refused("its table of contents is too large")
        data = super().read(size)
        if data.startswith(_SIGNATURE) and _records(data) > self._limits.entries:
            raise Refused(f"it has more than {self._limits.entries} entries")
        return data


def _records(data: bytes) -> int:
    """The number of records in a table of contents."""
    count = at = 0
    while at + _RECORD.size <= len(data):
        signature, name, extra, comment = _RECORD.unpack_from(data, at)
        if signature != _SIGNATURE:
            break
        count += 1
        at += _RECORD.size + name + extra + comment
    return count


def _kind(info: zipfile.ZipInfo) -> EntryKind:
    mode = info.external_attr >> 16
    form = stat.S_IFMT(mode)
    if info.orig_filename.endswith("/") or form == stat.S_IFDIR:
        if form not in (0, stat.S_IFDIR):
            raise Refused("it has an entry that is a folder and something else")
        return EntryKind.DIRECTORY
    if form == stat.S_IFLNK:
        return EntryKind.SYMLINK
    if form not in (0, stat.S_IFREG):
        raise Refused("it has a device, pipe or socket in it")
    return EntryKind.EXECUTABLE if mode & stat.S_IXUSR else EntryKind.FILE


def _modified(info: zipfile.ZipInfo) -> int:
    """The time that is noted, without a zone; taken for UTC, so that it is the same for everybody."""
    year, month, day, hour, minute, second = info.date_time
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return 0
    return calendar.timegm((year, month, day, hour, minute, second))


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise Refused(f"it is damaged or no zip archive ({_words(error)})") from None
    except OSError as error:
        # A place in the file that cannot be.
        if error.errno != errno.EINVAL:
            raise
        raise Refused("it is damaged or no zip archive (its structure is broken)") from None


def _words(error: Exception) -> str:
    """What happened, without the names that `zipfile` puts into its messages."""
    known = {zlib.error: "the compressed data is broken", EOFError: "it ends too early"}
    if isinstance(error, zipfile.BadZipFile) and "CRC" in str(error):
        return "a checksum is wrong"
    return next((text for kind, text in known.items() if isinstance(error, kind)), "its structure is broken")


def looks_like_zip(file: IO[bytes]) -> bool:
    """Whether a file begins as a zip archive does, an empty one included."""
    return file.read(4) in (_LOCAL_SIGNATURE, b"PK\5\6")
