"""Times of files and folders: which of them say that nothing has changed, and which cannot."""

from __future__ import annotations

import os

_TICK = 20_000_000
"""Nanoseconds by which a file system's clock may lag behind: kernels stamp files with the time of the last timer
tick, at most 10 ms old. A file touched later than this before the scan could change again under the same stamp."""

_COARSE = 2_000_000_000
"""The same for file systems whose stamps have no fraction of a second (FAT counts in steps of two)."""


def changed_at(found: os.stat_result) -> int:
    """When a folder's names last changed, in nanoseconds. Programs that unpack or synchronise set the time of
    modification back, but not that of the last change of status; where that means something else, the first counts."""
    return max(found.st_mtime_ns, found.st_ctime_ns)


def is_recent(stamp: int, clock: int) -> bool:
    """Whether something stamped `stamp` could still change under the same stamp after a look at `clock`."""
    return stamp >= clock - (_TICK if stamp % 1_000_000_000 else _COARSE)
