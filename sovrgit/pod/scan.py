"""Looking at the working tree: which folders are as the index says, and what is in the others."""

from __future__ import annotations

import errno
import os
import stat
import threading
from array import array
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from sovrgit.pod.ignore import IGNORE_FILE, IgnoreRules
from sovrgit.pod.index import (
    DIRECTORY,
    EXECUTABLE,
    FILE,
    IGNORED,
    NO_STAMP,
    SPECIAL,
    SYMLINK,
    UNKNOWN,
    Folder,
    Index,
    join,
    parent_of,
)
from sovrgit.pod.reading import unreadable
from sovrgit.store.files import temporary_name

REPOSITORY = ".sovr"

_TICK = 20_000_000
"""Nanoseconds by which a file system's clock may lag behind: kernels stamp files with the time of the last timer
tick, at most 10 ms old. A file touched later than this before the scan could change again under the same stamp."""

_COARSE = 2_000_000_000
"""The same for file systems whose stamps have no fraction of a second (FAT counts in steps of two)."""

_FORMAT = stat.S_IFMT(0xFFFF)
"""The bits of a mode that say what kind of file it is."""

_NO_FOLDER = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}

_ATTEMPTS = 10
"""Times a folder is looked for that comes and goes while it is being read."""

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


def scan(root: Path, index: Index, head: bytes, tracked: Callable[[str], Collection[bytes]], temporary: Path) -> Scan:
    """Compare the working tree with the index.

    Args:
        root: the pod's folder.
        index: what was seen before.
        head: the id of the tree that was committed last; ignored files that are in it stay in the pod.
        tracked: the names that this tree has in a folder.
        temporary: a folder on the same file system, to read its clock.
    """
    clock = _clock(temporary)
    paths = list(index.folders)
    dirty = _differing(os.fspath(root), index, paths)
    if index.head != head:
        dirty |= {path for path, folder in index.folders.items() if IGNORED in folder.kinds}
    if not index.folders:
        dirty = {""}
    if not dirty:
        return Scan(index.folders, set(), set(), clock)
    return _Rescan(os.fspath(root), index, tracked, clock).run(dirty)


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
    total = sum(folder.count for folder in index.folders.values())
    if total < _FORK_FROM or threading.active_count() > 1 or not hasattr(os, "fork") or (os.cpu_count() or 1) < 2:
        return {paths[position] for position in _check(root, index, paths, 0, len(paths))}
    try:
        differing = _check_with_child(root, index, paths, total)
    except OSError:
        # There may be no more processes, or no more descriptors.
        differing = _check(root, index, paths, 0, len(paths))
    return {paths[position] for position in differing}


def _check_with_child(root: str, index: Index, paths: list[str], total: int) -> list[int]:
    """The same as `_check` of all, half of it by another process."""
    # Calls to stat hold the interpreter lock for as long as they take, so threads would not help.
    half, seen = 0, 0
    while seen < total // 2:
        seen += index.folders[paths[half]].count
        half += 1
    reader, writer = os.pipe()
    try:
        child = os.fork()
    except OSError:
        os.close(reader)
        os.close(writer)
        raise
    if child == 0:
        try:
            # Or nobody would tell this process that the parent has stopped reading.
            os.close(reader)
            found = array("I", _check(root, index, paths, half, len(paths))).tobytes()
            with os.fdopen(writer, "wb") as pipe:
                pipe.write(len(found).to_bytes(8, "little") + found)
        finally:
            os._exit(0)
    os.close(writer)
    try:
        # Closed before the child is waited for, which could else wait for somebody to read what it writes.
        with os.fdopen(reader, "rb") as pipe:
            first = _check(root, index, paths, 0, half)
            answer = pipe.read()
    finally:
        os.waitpid(child, 0)
    if len(answer) < 8 or int.from_bytes(answer[:8], "little") != len(answer) - 8:
        second = _check(root, index, paths, half, len(paths))
    else:
        second = list(array("I", answer[8:]))
    return first + second


def _check(root: str, index: Index, paths: list[str], start: int, stop: int) -> list[int]:
    """Positions of the folders that differ. The innermost loop of `status`: local names, no calls but stat."""
    lstat = os.stat
    differing = []
    for position in range(start, stop):
        path = paths[position]
        folder = index.folders[path]
        try:
            descriptor = os.open(f"{root}/{path}", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            differing.append(position)
            continue
        try:
            # Every name that comes or goes stamps its folder, so the names need not be listed.
            if changed_at(os.fstat(descriptor)) != folder.modified:
                differing.append(position)
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
                    differing.append(position)
                    break
        except OSError:
            # Gone, or out of reach: reading the folder anew tells which.
            differing.append(position)
        finally:
            os.close(descriptor)
    return differing


# --- reading anew -----------------------------------------------------------------------------------------------


class _Rescan:
    """Reads the folders that differ, and those that are new."""

    def __init__(self, root: str, index: Index, tracked: Callable[[str], Collection[bytes]], clock: int) -> None:
        self._root = root
        self._index = index
        self._tracked = tracked
        self._clock = clock
        self._rules: dict[str, IgnoreRules | None] = {}
        self._result = Scan(dict(index.folders), set(), set(), clock)

    def run(self, dirty: set[str]) -> Scan:
        waiting = sorted(dirty, reverse=True)
        done: set[str] = set()
        missed: dict[str, int] = {}
        while waiting:
            path = waiting.pop()
            if path in done:
                continue
            done.add(path)
            if path and path not in self._result.folders and not self._is_listed(path):
                # Found to be gone together with a folder above it.
                continue
            rules_before = self._rules_stamp(path)
            try:
                folder, below = self._read(path)
            except OSError as error:
                missed[path] = missed.get(path, 0) + 1
                if not path or error.errno not in _NO_FOLDER or missed[path] == _ATTEMPTS:
                    raise unreadable(error, path) from error
                self._remove(path)
                waiting.append(parent_of(path))
                done -= {path, parent_of(path)}
                continue
            previous = self._result.folders.get(path)
            self._result.folders[path] = folder
            self._result.changed.add(path)
            for name in self._names_gone(previous, folder):
                self._remove(join(path, name))
            if self._rules_stamp(path) != rules_before:
                # The rules of this folder hold in everything below it.
                self._rules = {known: rules for known, rules in self._rules.items() if not _inside(known, path)}
                waiting += [known for known in self._result.folders if _inside(known, path) and known != path]
                done -= {known for known in self._result.folders if _inside(known, path) and known != path}
            waiting += [child for child in below if child not in self._result.folders]
        self._forget_trees()
        return self._result

    def _forget_trees(self) -> None:
        """No folder above a change can have the tree that it had."""
        stale = {""}
        for path in self._result.changed | self._result.removed:
            while path not in stale:
                stale.add(path)
                path = parent_of(path)
        for path in stale & self._result.folders.keys():
            self._result.folders[path].tree = b""

    def _is_listed(self, path: str) -> bool:
        above = self._result.folders.get(parent_of(path))
        name = path.rpartition("/")[2]
        return above is not None and any(
            kind == DIRECTORY and name == known for known, kind in zip(above.names, above.kinds, strict=True)
        )

    def _names_gone(self, previous: Folder | None, folder: Folder) -> set[str]:
        if previous is None:
            return set()
        return _directories(previous) - _directories(folder)

    def _remove(self, path: str) -> None:
        for known in [known for known in self._result.folders if _inside(known, path)]:
            del self._result.folders[known]
            self._result.changed.discard(known)
            self._result.removed.add(known)

    def _rules_stamp(self, path: str) -> tuple[int, ...] | None:
        folder = self._result.folders.get(path)
        if folder is None or IGNORE_FILE not in folder.names:
            return None
        at = folder.names.index(IGNORE_FILE)
        return (folder.sizes[at], folder.mtimes[at], folder.ctimes[at], folder.inodes[at])

    def _rules_for(self, path: str) -> IgnoreRules | None:
        if path not in self._rules:
            above = self._rules_for(parent_of(path)) if path else None
            text = self._rules_text(join(path, IGNORE_FILE))
            self._rules[path] = above if text is None else IgnoreRules(f"{path}/" if path else "", text, above)
        return self._rules[path]

    def _rules_text(self, path: str) -> bytes | None:
        """The content of a file of rules, if it is a file. A link may lead out of the pod, a pipe may never end."""
        try:
            descriptor = os.open(f"{self._root}/{path}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in _NO_FOLDER or error.errno == errno.ENXIO:
                return None
            raise unreadable(error, path) from error
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            with open(descriptor, "rb", closefd=False) as file:
                return file.read()
        finally:
            os.close(descriptor)

    def _is_left_out(self, path: str) -> bool:
        """Whether the rules ignore a folder, or one above it: it is read only for what is tracked in it."""
        if not path:
            return False
        rules = self._rules_for(parent_of(path))
        return rules is not None and (rules.ignores(path, True) or self._is_left_out(parent_of(path)))

    def _read(self, path: str) -> tuple[Folder, list[str]]:
        """A folder's rows and the paths of its subfolders."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(f"{self._root}/{path}", flags)
        try:
            modified = changed_at(os.fstat(descriptor))
            folder = Folder.empty(NO_STAMP if is_recent(modified, self._clock) else modified)
            known = self._known_rows(path)
            rules = self._rules_for(path)
            left_out = self._is_left_out(path)
            names = os.listdir(descriptor)
            if rules is not None and not left_out and not rules.may_ignore(path, names):
                rules = None
            below = []
            for name in names:
                if len(name) == len(REPOSITORY) and name.lower() == REPOSITORY:
                    folder.append(name, IGNORED, 0, 0, 0, 0, UNKNOWN)
                    continue
                try:
                    found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                except FileNotFoundError:
                    # Gone since it was listed. Without a stamp the folder is read again next time.
                    folder.modified = NO_STAMP
                    continue
                kind = kind_of(found.st_mode)
                if (
                    rules is not None
                    and (left_out or rules.ignores(join(path, name), kind == DIRECTORY))
                    and os.fsencode(name) not in self._tracked(path)
                ):
                    if name == IGNORE_FILE:
                        # Ignored itself, but what it says must be noticed all the same.
                        stamps = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
                        folder.append(name, IGNORED, *stamps, UNKNOWN)
                    else:
                        folder.append(name, IGNORED, 0, 0, 0, 0, UNKNOWN)
                elif kind == DIRECTORY or kind == SPECIAL:
                    folder.append(name, kind, 0, 0, 0, 0, UNKNOWN)
                    if kind == DIRECTORY:
                        below.append(join(path, name))
                elif known:
                    row = (kind, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
                    before = known.get(name)
                    folder.append(name, *row, before[1] if before is not None and before[0] == row else UNKNOWN)
                else:
                    folder.append(
                        name, kind, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, UNKNOWN
                    )
            return folder, below
        finally:
            os.close(descriptor)

    def _known_rows(self, path: str) -> dict[str, tuple[tuple[int, ...], bytes]]:
        folder = self._index.folders.get(path)
        if folder is None:
            return {}
        rows = zip(folder.kinds, folder.sizes, folder.mtimes, folder.ctimes, folder.inodes, strict=True)
        return dict(zip(folder.names, zip(rows, folder.all_ids(), strict=True), strict=True))


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


def _directories(folder: Folder) -> set[str]:
    return {name for name, kind in zip(folder.names, folder.kinds, strict=True) if kind == DIRECTORY}


def _inside(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(f"{folder}/")


def smudge(found: Scan) -> None:
    """Mark what may still change without getting a new stamp, so that the next look reads it again."""
    for path in found.changed:
        folder = found.folders[path]
        for position, (mtime, ctime, inode) in enumerate(zip(folder.mtimes, folder.ctimes, folder.inodes, strict=True)):
            if inode and (is_recent(mtime, found.clock) or is_recent(ctime, found.clock)):
                folder.mtimes[position] = NO_STAMP
