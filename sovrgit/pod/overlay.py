"""What was left at a remote, laid over the working tree as it was found, so that nobody takes it for deleted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.pod.index import DIRECTORY, EXECUTABLE, FILE, NO_STAMP, SYMLINK, UNKNOWN, Folder, join, parent_of
from sovrgit.pod.sparse import Sparse

if TYPE_CHECKING:
    from sovrgit.store.store import ObjectStore

_KIND_BYTES = {EntryKind.FILE: FILE, EntryKind.EXECUTABLE: EXECUTABLE, EntryKind.SYMLINK: SYMLINK}


class LeftOut(NamedTuple):
    """An entry of a tree that the rules leave out: a file, or a folder with all that is in it."""

    path: bytes
    entry: TreeEntry


def left_out(store: ObjectStore, tree: ObjectId, sparse: Sparse) -> Iterator[LeftOut]:
    """The outermost entries of a tree that are left out. Only folders on the way to a rule are looked into."""
    if not sparse.rules:
        return
    above = sparse.folders() | {b""}
    waiting = [(b"", tree)]
    while waiting:
        path, current = waiting.pop()
        for entry in store.tree(current).entries:
            full = path + b"/" + entry.name if path else entry.name
            if entry.is_directory and full in above:
                waiting.append((full, entry.id))
            elif sparse.leaves_out(full):
                yield LeftOut(full, entry)


def selected(store: ObjectStore, tree: ObjectId, sparse: Sparse) -> Iterator[tuple[bytes, TreeEntry]]:
    """The files and links of a tree that are not left out, with their paths."""
    out = {item.path for item in left_out(store, tree, sparse)}
    waiting = [(b"", tree)]
    while waiting:
        path, current = waiting.pop()
        for entry in store.tree(current).entries:
            full = path + b"/" + entry.name if path else entry.name
            if full in out:
                continue
            if entry.is_directory:
                waiting.append((full, entry.id))
            else:
                yield full, entry


@dataclass(slots=True)
class Overlay:
    """Rows for what was left out, in folders that were read from disk.

    `absent` has the outermost entries that are laid over, and `files` counts those that are files. `covered` are paths
    at which there is something all the same: somebody put it there, or it was got and then not written down.
    """

    folders: dict[str, Folder]
    absent: list[LeftOut] = field(default_factory=list)
    covered: list[LeftOut] = field(default_factory=list)
    files: int = 0
    _counts: dict[str, int] = field(default_factory=dict)
    _virtual: list[str] = field(default_factory=list)
    _whole: set[str] = field(default_factory=set)
    _positions: dict[str, dict[str, int]] = field(default_factory=dict)

    def lay(self, store: ObjectStore, tree: ObjectId, sparse: Sparse) -> None:
        """Add what a tree has and the rules leave out, where nothing is in its place."""
        waiting = list(left_out(store, tree, sparse))
        while waiting:
            item = waiting.pop()
            path, entry = item
            above, _, name = os.fsdecode(path).rpartition("/")
            if not self._reach(above):
                # A file stands where the folder was: that is a change, and what was in the folder is gone with it.
                continue
            kind = self._kind_at(above, name)
            if kind is None:
                self._add(above, name, entry)
                self.absent.append(item)
            elif kind == DIRECTORY and entry.is_directory:
                waiting += [LeftOut(path + b"/" + child.name, child) for child in store.tree(entry.id).entries]
            else:
                self.covered.append(item)
        for changed in self._counts.keys() - set(self._virtual):
            self._forget_tree(changed)

    def tree_of(self, path: str) -> ObjectId | None:
        """The tree of a folder that is left out with everything in it, so that it has no rows."""
        folder = self.folders[path]
        return ObjectId(folder.tree) if path in self._whole else None

    def is_same(self, item: LeftOut) -> bool:
        """Whether what covers an entry is the same, as far as that is known without reading it."""
        above, _, name = os.fsdecode(item.path).rpartition("/")
        folder, at = self.folders[above], self._positions[above][name]
        return folder.kinds[at] == _KIND_BYTES.get(item.entry.kind) and folder.id_at(at) == item.entry.id

    def lift(self) -> None:
        """Take the rows away again, for the index: it has what is on disk and nothing else."""
        for path, count in self._counts.items():
            folder = self.folders[path]
            del folder.names[count:], folder.kinds[count:], folder.sizes[count:], folder.mtimes[count:]
            del folder.ctimes[count:], folder.inodes[count:], folder.ids[count * len(UNKNOWN) :]
            self._forget_tree(path)
        for path in self._virtual:
            del self.folders[path]
        self._counts.clear()
        self._virtual.clear()
        self._whole.clear()

    def _reach(self, path: str) -> bool:
        """See that a folder is there, if need be as one that is left out with everything that is in it."""
        if path in self.folders:
            return True
        above, name = parent_of(path), path.rpartition("/")[2]
        if not self._reach(above) or self._kind_at(above, name) is not None:
            return False
        self._append(above, name, DIRECTORY, 0, UNKNOWN)
        self._make(path)
        return True

    def _kind_at(self, path: str, name: str) -> int | None:
        folder = self.folders[path]
        if path not in self._positions:
            self._positions[path] = {known: at for at, known in enumerate(folder.names)}
        at = self._positions[path].get(name)
        return None if at is None else folder.kinds[at]

    def _add(self, above: str, name: str, entry: TreeEntry) -> None:
        if not entry.is_directory:
            self._append(above, name, _KIND_BYTES[entry.kind], entry.size, entry.id)
            self.files += 1
            return
        self._append(above, name, DIRECTORY, 0, UNKNOWN)
        folder = self._make(join(above, name))
        # Nobody looks into a folder whose tree is known.
        folder.tree, folder.size = entry.id, entry.size
        self._whole.add(join(above, name))

    def _make(self, path: str) -> Folder:
        folder = self.folders[path] = Folder.empty(NO_STAMP)
        self._positions[path] = {}
        self._virtual.append(path)
        self._counts[path] = 0
        return folder

    def _append(self, above: str, name: str, kind: int, size: int, digest: bytes) -> None:
        folder = self.folders[above]
        # Its columns may still be packed together.
        self._counts.setdefault(above, len(folder.names))
        self._positions[above][name] = len(folder.names)
        folder.append(name, kind, size, 0, 0, 0, digest)

    def _forget_tree(self, path: str) -> None:
        """A folder's tree is known only together with what was left out of it, which may be another commit's."""
        while True:
            self.folders[path].tree = b""
            if not path:
                return
            path = parent_of(path)
