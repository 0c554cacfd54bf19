"""The disk that is measured on: what lies there, what it is like, and when things are deleted from it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

SENTINELS = 300
"""Empty files that are created before each run, to see whether the file system is in the same state every time."""


class Sizes(NamedTuple):
    """Bytes that a tool's files have after a step (`used`) and that the file system gave them (`allocated`)."""

    used: int
    allocated: int


class Room:
    """Where finished runs wait to be deleted.

    An ext4 without a journal does not reuse the inodes of files that were deleted in the last minutes, and passes over
    each of them whenever a file is created (`recently_deleted` in `fs/ext4/ialloc.c`): a tool would pay tenfold for
    what was deleted before it. So runs are deleted when their set is finished, or when room is needed.
    """

    def __init__(self, folder: Path, needed_bytes: int, needed_files: int) -> None:
        self._folder = folder
        self._needed_bytes = needed_bytes
        self._needed_files = needed_files

    def put_away(self, run: Path) -> None:
        """Keep a finished run until there is time to delete it."""
        self._folder.mkdir(exist_ok=True)
        run.rename(self._folder / str(sum(1 for _ in self._folder.iterdir())))

    def make(self) -> None:
        """Delete the finished runs if the next one might not fit."""
        free = os.statvfs(self._folder.parent)
        # Some file systems have no fixed number of files, and say zero.
        short = free.f_files > 0 and free.f_favail < self._needed_files
        if short or free.f_bavail * free.f_frsize < self._needed_bytes:
            self.clear()

    def clear(self) -> None:
        """Delete the finished runs."""
        shutil.rmtree(self._folder, ignore_errors=True)


def measure_sizes(folders: tuple[Path, ...]) -> Sizes:
    """What the files in `folders` use and were given; a file with several names counts once."""
    seen: set[tuple[int, int]] = set()
    used = allocated = 0
    for folder in folders:
        for parent, _, names in os.walk(folder):
            for name in names:
                status = os.lstat(os.path.join(parent, name))
                if (status.st_dev, status.st_ino) not in seen:
                    seen.add((status.st_dev, status.st_ino))
                    used += status.st_size
                    allocated += status.st_blocks * 512
    return Sizes(used, allocated)


def first_difference(original: Path, copy: Path) -> str:
    """Path of the first file of `original` that `copy` has not or has with other bytes; empty if there is none.

    What a tool adds of its own is not looked at.
    """
    for path in sorted(original.rglob("*")):
        name = path.relative_to(original)
        if path.is_file() and not _same(path, copy / name):
            return str(name)
    return ""


def _same(one: Path, other: Path) -> bool:
    # cmp reads both in blocks and stops at the first difference; for small files a process is dearer than the bytes.
    if not other.is_file() or one.stat().st_size != other.stat().st_size:
        return False
    if one.stat().st_size < 1 << 20:
        return one.read_bytes() == other.read_bytes()
    return subprocess.run(["cmp", "-s", one, other], check=False).returncode == 0


def creation_time(folder: Path) -> float:
    """Seconds to create an empty file. The files stay until the run is deleted, for the reason given at `Room`."""
    folder.mkdir()
    start = time.perf_counter()
    for number in range(SENTINELS):
        (folder / str(number)).touch()
    return (time.perf_counter() - start) / SENTINELS


def copy(source: Path, target: Path, *, touch: bool = False) -> None:
    """Copy a file or folder with its times, or with the present time if `touch`."""
    subprocess.run(["cp", "-a", "--reflink=never", source, target], check=True)
    if touch:
        os.utime(target)
