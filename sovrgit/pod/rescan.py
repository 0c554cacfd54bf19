"""Reading folders of the working tree anew: those that differ from the index, and those that are new."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Collection

from sovrgit.pod.aliases import REPOSITORIES
from sovrgit.pod.ignore import IGNORE_FILE, IgnoreRules
from sovrgit.pod.index import (
    DIRECTORY,
    IGNORED,
    NO_STAMP,
    SPECIAL,
    UNKNOWN,
    Folder,
    Index,
    join,
    parent_of,
)
from sovrgit.pod.reading import unreadable
from sovrgit.pod.scan import Scan
from sovrgit.pod.stamps import changed_at, is_recent, kind_of

_NO_FOLDER = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}

_ATTEMPTS = 10
"""Times a folder is looked for that comes and goes while it is being read."""


class Rescan:
    """Reads the folders that differ, and those that are new."""

    def __init__(
        self,
        root: str,
        index: Index,
        tracked: Callable[[str], Collection[bytes]],
        clock: int,
        hidden: Collection[str] = (),
    ) -> None:
        self._root = root
        self._index = index
        self._tracked = tracked
        self._clock = clock
        self._hidden = frozenset(hidden)
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
        """Whether a folder, or one above it, is hidden or ignored: it is read only for what is tracked in it."""
        if not path:
            return False
        if path in self._hidden:
            return True
        rules = self._rules_for(parent_of(path))
        if rules is not None and rules.ignores(path, True):
            return True
        return (rules is not None or bool(self._hidden)) and self._is_left_out(parent_of(path))

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
            hidden = {item.rpartition("/")[2] for item in self._hidden if parent_of(item) == path}
            below = []
            for name in names:
                if name.startswith(".") and name.lower() in REPOSITORIES:
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
                    left_out
                    or name in hidden
                    or (rules is not None and rules.ignores(join(path, name), kind == DIRECTORY))
                ) and os.fsencode(name) not in self._tracked(path):
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


def _directories(folder: Folder) -> set[str]:
    return {name for name, kind in zip(folder.names, folder.kinds, strict=True) if kind == DIRECTORY}


def _inside(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(f"{folder}/")
