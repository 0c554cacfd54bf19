"""What the operating system says of files and folders: their kind, and which times can be trusted."""

from __future__ import annotations

import os
import stat

from sovrgit.pod.index import DIRECTORY, EXECUTABLE, FILE, SPECIAL, SYMLINK

_TICK = 20_000_000
"""Nanoseconds by which a file system's clock may lag behind: kernels stamp files with the time of the last timer
tick, at most 10 ms old. A file touched later than this before the scan could change again under the same stamp."""

_COARSE = 2_000_000_000
"""The same for file systems whose stamps have no fraction of a second (FAT counts in steps of two)."""

_FORMAT = stat.S_IFMT(0xFFFF)
"""The bits of a mode that say what kind of file it is."""


def changed_at(found: os.stat_result) -> int:
    """When a folder's names last changed, in nanoseconds. Programs that unpack or synchronise set the time of
    modification back, but not that of the last change of status; where that means something else, the first counts."""
    return max(found.st_mtime_ns, found.st_ctime_ns)


def is_recent(stamp: int, clock: int) -> bool:
    """Whether something stamped `stamp` could still change under the same stamp after a look at `clock`."""
    return stamp >= clock - (_TICK if stamp % 1_000_000_000 else _COARSE)


def kind_of(mode: int) -> int:
    """What a mode says that a name is."""
    form = mode & _FORMAT
    if form == stat.S_IFREG:
        return EXECUTABLE if mode & stat.S_IXUSR else FILE
    if form == stat.S_IFLNK:
        return SYMLINK
    return DIRECTORY if form == stat.S_IFDIR else SPECIAL
