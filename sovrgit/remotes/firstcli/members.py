"""What an archive may hold: names that stay inside, one thing at a path, and no more than the bounds allow."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import NamedTuple

from sovrgit.errors import UnsafeName
from sovrgit.objects.tree import EntryKind
from sovrgit.pod.aliases import REPOSITORIES

LONGEST_NAME = 255
"""Bytes of one name: what file systems take."""

LONGEST_PATH = 2048
"""Bytes of a path: half of what Linux takes, so that it fits below most folders."""

DEEPEST = 64
"""Folders that may lie within each other."""

LONGEST_TARGET = 4095
"""Bytes of a link's target: PATH_MAX of Linux without the closing NUL."""

_DRIVE = re.compile(r"[A-Za-z]:")


class Limits(NamedTuple):
    """Bounds of an archive.

    `entries` counts files and folders, `size` is in bytes after unpacking. `ratio` is how often larger than the archive
    its content may be; that does not count before `free` bytes, because small files of zeros are no bombs.
    """

    entries: int = 200_000
    size: int = 64 << 30
    ratio: int = 200
    free: int = 256 << 20


LIMITS = Limits()


class Refused(Exception):
    """What is wrong with an archive; becomes `ArchiveInvalid` where the archive's name is known."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Member(NamedTuple):
    """One thing in an archive.

    `path` is plain and relative, empty for the top itself. `size` is what the archive says; `pieces` gives the content,
    which may have any size, and for a link its target. `copy_of` is the path of an earlier file with the same content.
    `modified` is in seconds since 1970, 0 if that is not known.
    """

    path: bytes
    kind: EntryKind
    size: int
    modified: int
    pieces: Callable[[], Iterable[bytes]]
    copy_of: bytes | None = None


def plain_path(name: str) -> bytes:
    """The path that an entry's name stands for, without a slash at its end and without `.` components.

    Raises:
        UnsafeName: if it leads out of the folder, or can be understood in more than one way.
    """
    if "\0" in name:
        raise _unsafe(name, "it has a NUL character in it")
    if "\\" in name:
        raise _unsafe(name, "it has a backslash in it, which some systems take for a slash")
    if name.startswith("/") or _DRIVE.match(name):
        raise _unsafe(name, "it is absolute")
    parts = name.removesuffix("/").split("/")
    if ".." in parts:
        raise _unsafe(name, "it leads out of the folder")
    if "" in parts:
        raise _unsafe(name, "a part of it is empty")
    try:
        # Not the encoding of this system: a pod has the same names everywhere.
        names = [part.encode("utf-8", "surrogateescape") for part in parts if part != "."]
    except UnicodeEncodeError:
        raise _unsafe(name, "it is no text") from None
    path = b"/".join(names)
    if len(path) > LONGEST_PATH or len(names) > DEEPEST or any(len(part) > LONGEST_NAME for part in names):
        raise _unsafe(name, "it is too long")
    return path


def repository_in(path: bytes) -> bytes | None:
    """The part of a path that leads into a repository of ours or of Git, in whatever way its name is written.

    Some file systems ignore case, and characters that are not seen.
    """
    parts = path.split(b"/")
    for number, part in enumerate(parts, 1):
        if part[:1] == b"." or not part.isascii():
            text = part.decode("utf-8", "surrogateescape")
            seen = "".join(char for char in text if unicodedata.category(char) != "Cf")
            if seen.casefold() in REPOSITORIES:
                return b"/".join(parts[:number])
    return None


def safe_target(path: bytes, target: bytes) -> bytes:
    """The target of a link at a path, if it stays inside whatever other links there are.

    `..` is taken at the beginning only: the folders above a link are real, so there it means what it says. Behind the
    name of another link it could mean anything.

    Raises:
        UnsafeName: if it may lead out.
    """
    parts = target.split(b"/")
    up = next((number for number, part in enumerate(parts) if part != b".."), len(parts))
    out = not target or target[:1] == b"/" or b"\0" in target or b"\\" in target or len(target) > LONGEST_TARGET
    if out or up > path.count(b"/") or b".." in parts[up:] or repository_in(target) is not None:
        raise _unsafe(path.decode("utf-8", "surrogateescape"), "it is a link whose target may lie outside of the pod")
    return target


class Places:
    """What is where: two things cannot be at one path, and nothing can be inside of a file."""

    def __init__(self, limits: Limits) -> None:
        self._limit = limits.entries
        self._entries = 0
        self._files: set[bytes] = set()
        self._folders: dict[bytes, bool] = {}
        """Whether a folder has an entry of its own."""

    def count(self) -> None:
        """Another entry, whatever it is.

        Raises:
            Refused: if there are too many.
        """
        self._entries += 1
        if self._entries > self._limit:
            raise Refused(f"it has more than {self._limit} entries")

    def claim(self, member: Member) -> None:
        """Give a member its place.

        Raises:
            UnsafeName: if that is taken, or inside of a file.
            Refused: if there are too many folders.
        """
        path = member.path
        for end in _slashes(path):
            above = path[:end]
            if above in self._files:
                raise _unsafe(_text(path), "it is to be inside of something that is no folder")
            self._folders.setdefault(above, False)
        if path in self._files or self._folders.get(path, False):
            raise _unsafe(_text(path), "it is there twice")
        if member.kind is EntryKind.DIRECTORY:
            self._folders[path] = True
        elif path in self._folders:
            raise _unsafe(_text(path), "it is both a folder and something else")
        else:
            self._files.add(path)
        if len(self._folders) > self._limit:
            raise Refused(f"it has more than {self._limit} folders")


class Meter:
    """Counts what is unpacked.

    Args:
        packed: bytes of the archive.
    """

    def __init__(self, limits: Limits, packed: int) -> None:
        self.total = 0
        self._limit = min(limits.size, max(limits.free, packed * limits.ratio))

    def take(self, size: int) -> None:
        """So many bytes are about to be written.

        Raises:
            Refused: if that makes too many.
        """
        self.total += size
        if self.total > self._limit:
            raise Refused(f"it unpacks to more than {self._limit} bytes")

    @property
    def left(self) -> int:
        """Bytes that may still come."""
        return self._limit - self.total


def _slashes(path: bytes) -> Iterable[int]:
    at = path.find(b"/")
    while at >= 0:
        yield at
        at = path.find(b"/", at + 1)


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")


def _unsafe(name: str, reason: str) -> UnsafeName:
    shown = name.encode("utf-8", "backslashreplace").decode()
    return UnsafeName(name=shown if len(shown) <= 100 else shown[:99] + "…", reason=reason)
