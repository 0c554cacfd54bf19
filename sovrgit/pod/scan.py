"""Looking at the working tree: which folders are as the index says, and what is in the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from sovrgit.pod.index import IGNORED, NO_STAMP, Folder, Index
from sovrgit.pod.secondprocess import FromBothEnds, can_fork, second_process
from sovrgit.pod.stamps import changed_at, is_recent
from sovrgit.store.files import temporary_name

_FORK_FROM = 20_000
"""Names from which a second process pays: it costs about 5 ms."""


@dataclass(slots=True)
class Scan:
    """The working tree as it is. `changed` holds the folders whose rows differ from the index; every other one was
    found as it was. Files whose content must be read have the id UNKNOWN."""

    folders: dict[str, Folder]
    changed: set[str]
    removed: set[str]
    clock: int


def scan(
    root: Path,
    index: Index,
    head: bytes,
    tracked: Callable[[str], Collection[bytes]],
    temporary: Path,
    only: Collection[str] | None = None,
) -> Scan:
    """Compare the working tree with the index.

    Args:
        root: the pod's folder.
        index: what was seen before.
        head: the id of the tree that was committed last; ignored files that are in it stay in the pod.
        tracked: the names that this tree has in a folder.
        temporary: a folder on the same file system, to read its clock.
        only: the folders to look at; the others are taken to be as the index says.
    """
    clock = _clock(temporary)
    paths = [path for path in index.folders if only is None or path in only]
    dirty = _differing(os.fspath(root), index, paths)
    if index.head != head:
        dirty |= {path for path, folder in index.folders.items() if folder.holds(IGNORED)}
    if not index.folders:
        dirty = {""}
    if not dirty:
        return Scan(index.folders, set(), set(), clock)
    # Most of the time nothing has changed.
    from sovrgit.pod.rescan import Rescan

    return Rescan(os.fspath(root), index, tracked, clock).run(dirty)


def _clock(temporary: Path) -> int:
    """The time as the file system stamps it, which on a network is not this machine's."""
    path = temporary_name(temporary, "clock")
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        # A read-only pod: nothing recorded now can be written down, so no stamp needs to be trusted.
        return 0
    try:
        return os.fstat(descriptor).st_mtime_ns
    finally:
        os.close(descriptor)
        os.unlink(path)


# --- comparing --------------------------------------------------------------------------------------------------


def _differing(root: str, index: Index, paths: list[str]) -> set[str]:
    """The folders that are not as the index says, or are gone."""
    if sum(index.folders[path].count for path in paths) < _FORK_FROM or not can_fork():
        return _check(root, index, paths)
    # Calls to stat hold the interpreter lock for as long as they take, so threads would not help.
    work = FromBothEnds(paths)

    def check_others() -> bytes:
        return b"".join(os.fsencode(path) + b"\0" for path in _check(root, index, work.from_end()))

    with second_process(check_others) as child:
        differing = _check(root, index, work.from_start())
        answer = child.answer()
    found = _check(root, index, work.others()) if answer is None else map(os.fsdecode, answer.split(b"\0")[:-1])
    return differing.union(found)


def _check(root: str, index: Index, paths: Iterable[str]) -> set[str]:
    """The folders that differ. The innermost loop of `status`: local names, no calls but stat."""
    lstat = os.stat
    differing = set()
    for path in paths:
        folder = index.folders[path]
        try:
            descriptor = os.open(f"{root}/{path}", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            differing.add(path)
            continue
        try:
            # Every name that comes or goes stamps its folder, so the names need not be listed.
            if changed_at(os.fstat(descriptor)) != folder.modified:
                differing.add(path)
                continue
            for name, size, mtime, ctime, inode in zip(
                folder.names, folder.sizes, folder.mtimes, folder.ctimes, folder.inodes, strict=True
            ):
                if not inode:
                    continue
                found = lstat(name, dir_fd=descriptor, follow_symlinks=False)
                if (
                    found.st_mtime_ns != mtime
                    or found.st_ctime_ns != ctime
                    or found.st_size != size
                    or found.st_ino != inode
                ):
                    differing.add(path)
                    break
        except OSError:
            # Gone, or out of reach: reading the folder anew tells which.
            differing.add(path)
        finally:
            os.close(descriptor)
    return differing


def smudge(found: Scan) -> None:
    """Mark what may still change without getting a new stamp, so that the next look reads it again."""
    for path in found.changed:
        folder = found.folders[path]
        for position, (mtime, ctime, inode) in enumerate(zip(folder.mtimes, folder.ctimes, folder.inodes, strict=True)):
            if inode and (is_recent(mtime, found.clock) or is_recent(ctime, found.clock)):
                folder.mtimes[position] = NO_STAMP
