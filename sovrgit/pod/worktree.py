"""The working tree against a commit: what differs, without storing anything."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from blake3 import blake3

from sovrgit.errors import ReadOnly, StorageFailure, StorageFull
from sovrgit.objects.ids import ObjectId, blob_id
from sovrgit.objects.tree import EMPTY_TREE_ID, EntryKind, TreeEntry
from sovrgit.pod.index import DIRECTORY, ENTRY_KINDS, FILE, SYMLINK, UNKNOWN, Folder, Index, join, parent_of
from sovrgit.pod.overlay import LeftOut, Overlay
from sovrgit.pod.paths import MERGE_FILE, folders_above
from sovrgit.pod.pod import Pod
from sovrgit.pod.reading import unreadable
from sovrgit.pod.scan import Scan, scan, smudge
from sovrgit.pod.sparse import Sparse
from sovrgit.pod.tracked import Tracked, for_other_head
from sovrgit.pod.treediff import Change, diff_trees, walk
from sovrgit.store.files import reporting

if TYPE_CHECKING:
    from sovrgit.store.store import ObjectStore

_READ_SIZE = 1 << 20

NOT_HASHED = ObjectId(UNKNOWN)
"""Stands in a change for the id of a file that was not read, because its size alone shows that it differs."""


class _Below(NamedTuple):
    """A folder to be compared with a tree."""

    path: str
    tree: ObjectId


@dataclass(slots=True)
class WorkingTree:
    """The working tree of a pod as one look at it found it, with the commit it is compared to.

    `near` are the folders that were looked at, None for all of them. `sparse` says what was left at a remote, None in a
    whole pod. In `found`, that counts as being there.
    """

    pod: Pod
    index: Index
    found: Scan
    head_tree: ObjectId
    near: frozenset[str] | None = None
    sparse: Sparse | None = None
    _overlay: Overlay | None = field(default=None, repr=False)

    @classmethod
    def look(cls, pod: Pod, near: Collection[bytes] | None = None, *, here: Iterable[bytes] = ()) -> WorkingTree:
        """Look at the working tree of a pod.

        Args:
            near: paths; only the folders above and below them are looked at, so that the cost does not follow what
                else there is. Nothing is known then of changes elsewhere. Where something was left at a remote, all
                are looked at.
            here: paths that are taken as they are, though what is there or below may have been left at a remote.

        Raises:
            StorageFailure: if a folder cannot be read.
            FileUnstable: if a folder keeps coming and going.
        """
        return cls._look(pod, Index.load(pod.index_path), near, here)

    @classmethod
    def _look(cls, pod: Pod, index: Index, near: Collection[bytes] | None, here: Iterable[bytes] = ()) -> WorkingTree:
        head = pod.head()
        # The index knows the tree of the commit it was written for, so a clean pod need not open its store.
        head_tree = ObjectId(index.head) if head is not None and index.commit == head else pod.head_tree()
        if index.head and index.head != head_tree:
            index = for_other_head(index, pod.store, head_tree)
        sparse = Sparse.read(pod.folder)
        everywhere = near is None or (sparse is not None and bool(sparse.rules))
        only = None if everywhere or near is None else _folders_near(near, index.folders)
        with reporting(pod.root):
            found = scan(pod.root, index, head_tree, Tracked(pod, head_tree), pod.temporary, only)
        index.head = head_tree
        working = cls(pod, index, found, head_tree, only, sparse and sparse.with_paths(here, out=False))
        working._lay()
        return working

    def learn(self, written: Collection[bytes]) -> None:
        """Look again where something was written, and remember what is there now, compared to the commit that is
        checked out now. The rest stays known as it was.

        Raises:
            StorageFailure, FileUnstable: as for `look`.
        """
        if self._overlay is not None:
            self._overlay.lift()
        smudge(self.found)
        known = Index(self.index.head, b"", self.found.folders)
        now = self._look(self.pod, known, written)
        now.changes()
        now.remember()
        now.settle()

    @property
    def absent(self) -> list[LeftOut]:
        """What the commit has and was left at a remote, with nothing in its place: files, and whole folders."""
        return sorted(self._overlay.absent) if self._overlay is not None else []

    @property
    def files(self) -> int:
        """The number of files and links that are here."""
        left = self._overlay.files if self._overlay is not None else 0
        return sum(folder.files for folder in self.found.folders.values()) - left

    def is_absent(self, path: bytes) -> bool:
        """Whether a path is left out, and nothing is in its place."""
        out = self.sparse is not None and self.sparse.leaves_out(path)
        return out and not os.path.lexists(os.path.join(os.fsencode(self.pod.root), path))

    def changes(self) -> list[Change]:
        """Every path that differs from the commit, in order, as far as it was looked at.

        Files that may be the same in spite of other times are read; those that are get their place in the index.

        Raises:
            StorageFailure: if a file cannot be read.
            FileUnstable: if a file is gone since the working tree was looked at.
        """
        found: list[Change] = []
        passed = 0
        # A list of the folders we are in, not recursion: folders may be nested deeply.
        inside = [(_Below("", self.head_tree), 0, self._differences("", self.head_tree))]
        while inside:
            (path, tree), before, differences = inside[-1]
            item = next(differences, None)
            if isinstance(item, Change):
                found.append(item)
            elif item is not None and self._was_looked_at(item.path):
                inside.append((item, len(found) + passed, self._differences(*item)))
            elif item is not None:
                passed += self.found.folders[item.path].tree != item.tree
            else:
                inside.pop()
                folder = self.found.folders[path]
                if len(found) + passed == before and folder.tree != tree:
                    folder.tree, folder.size = tree, self.pod.store.tree(tree).size
        return found

    def with_id(self, change: Change) -> Change:
        """One of the changes, with the id of its new side, which is read if it was not.

        Raises:
            StorageFailure: if the file cannot be read.
            FileUnstable: if it is gone.
        """
        if change.new is None or change.new.id != NOT_HASHED:
            return change
        kind = SYMLINK if change.new.kind is EntryKind.SYMLINK else FILE
        return change._replace(new=change.new._replace(id=ObjectId(self._hash(os.fsdecode(change.path), kind))))

    def save_index(self) -> None:
        """Write down what was learned. Only rows whose content is in the store have their ids.

        Raises:
            StorageFull, ReadOnly, StorageFailure: as the operating system reports.
        """
        if self._overlay is not None:
            self._overlay.lift()
        smudge(self.found)
        self.index.folders = self.found.folders
        self.index.head = self.head_tree
        self.index.commit = self._commit()
        self.index.save(self.pod.index_path)

    def keep_rules(self) -> None:
        """Write down what is left out, as this look at the working tree took it.

        Raises:
            StorageFull, ReadOnly, StorageFailure: as the operating system reports.
        """
        if self.sparse is not None:
            self.sparse.write(self.pod.folder)

    def settle(self) -> None:
        """Let what has come into the place of something that was left out be as everything else: if it goes again, it
        was deleted. The caller holds the pod's lock, and has saved the index.

        Raises:
            StorageFull, ReadOnly, StorageFailure: as the operating system reports.
        """
        if self.sparse is None or not self.sparse.rules:
            return
        overlay = Overlay(self.found.folders)
        overlay.lay(self.pod.store, self.head_tree, self.sparse)
        here = [item.path for item in overlay.covered if overlay.is_same(item)]
        overlay.lift()
        if here:
            self.sparse = self.sparse.with_paths(here, out=False)
            self.sparse.write(self.pod.folder)

    def remember(self) -> None:
        """Save the index if that is possible. It is a cache: for want of it nothing fails that is otherwise done."""
        with contextlib.suppress(StorageFull, ReadOnly, StorageFailure):
            self.save_index()

    def _left_out(self, path: str) -> ObjectId | None:
        """The tree of a folder that is left out as a whole."""
        return self._overlay.tree_of(path) if self._overlay is not None else None

    def _lay(self) -> None:
        if self.sparse is not None and self.sparse.rules:
            self._overlay = Overlay(self.found.folders)
            self._overlay.lay(self.pod.store, self.expected_tree(), self.sparse)

    def expected_tree(self) -> ObjectId:
        """What the files are taken from: the commit, or what a merge that waits has made of it."""
        if (self.pod.folder / MERGE_FILE).exists():
            from sovrgit.pod.mergestate import read_state

            state = read_state(self.pod)
            if state is not None:
                return state.tree
        return self.head_tree

    def _commit(self) -> bytes:
        """The checked out commit, if it has the tree that the index is about."""
        head = self.pod.head()
        return head if head is not None and self.pod.store.commit(head).tree == self.head_tree else b""

    def _was_looked_at(self, path: str) -> bool:
        return self.near is None or path in self.near or path in self.found.changed

    def _differences(self, path: str, tree: ObjectId) -> Iterator[Change | _Below]:
        """The changes in a folder, and the folders in it whose changes belong in their place."""
        folder = self.found.folders[path]
        if folder.tree == tree:
            return
        store = self.pod.store
        if (whole := self._left_out(path)) is not None:
            yield from diff_trees(store, tree, whole, os.fsencode(path) + b"/")
            return
        before = {entry.name: entry for entry in store.tree(tree).entries}
        after = {os.fsencode(name): at for at, name in enumerate(folder.names) if folder.kinds[at] in ENTRY_KINDS}
        for name in sorted(before.keys() | after.keys()):
            old = before.get(name)
            full = join(path, os.fsdecode(name))
            where = os.fsencode(full)
            if name not in after:
                yield from _gone(store, old, where)
                continue
            at = after[name]
            if folder.kinds[at] == DIRECTORY:
                if old is not None and not old.is_directory:
                    yield Change(where, old, None)
                yield from self._compare_folder(full, old)
                continue
            if old is not None and old.is_directory:
                yield from _gone(store, old, where)
                old = None
            new = self._entry(path, folder, at, old)
            if new != old:
                yield Change(where, old, new)

    def _compare_folder(self, path: str, old: TreeEntry | None) -> Iterator[Change | _Below]:
        was_folder = old is not None and old.is_directory
        before = old.id if old is not None and was_folder else None
        is_empty = not any(kind in ENTRY_KINDS for kind in self.found.folders[path].kinds)
        if before != EMPTY_TREE_ID and is_empty and self._left_out(path) is None:
            where = os.fsencode(path)
            yield Change(where, None, TreeEntry(where.rpartition(b"/")[2], EntryKind.DIRECTORY, EMPTY_TREE_ID, 0))
        yield _Below(path, before or EMPTY_TREE_ID)

    def _entry(self, path: str, folder: Folder, at: int, old: TreeEntry | None) -> TreeEntry:
        """The entry that a commit would have for a file, read only if nothing else decides."""
        name, kind, size = os.fsencode(folder.names[at]), ENTRY_KINDS[folder.kinds[at]], folder.sizes[at]
        digest = folder.id_at(at)
        if digest == UNKNOWN and old is not None and old.size == size:
            digest = self._hash(join(path, folder.names[at]), folder.kinds[at])
            if digest == old.id:
                folder.set_id(at, digest)
                # Its row has changed, and with it what the folder's tree may be.
                self.found.changed.add(path)
        return TreeEntry(name, kind, ObjectId(digest), size)

    def _hash(self, path: str, kind: int) -> bytes:
        full = self.pod.root / path
        try:
            return blob_id(os.fsencode(os.readlink(full))) if kind == SYMLINK else hash_file(full)
        except OSError as error:
            raise unreadable(error, path) from error


def learn(pod: Pod) -> None:
    """Look at everything, so that the index knows the files that were just written."""
    working = WorkingTree.look(pod)
    working.changes()
    working.remember()
    working.settle()


def read_working(pod: Pod) -> Callable[[bytes, TreeEntry], bytes]:
    """What gives the content of a file or link of the working tree; nothing for one that is gone meanwhile."""
    root = os.fsencode(pod.root)

    def read(path: bytes, entry: TreeEntry) -> bytes:
        full = root + b"/" + path
        try:
            if entry.kind is EntryKind.SYMLINK:
                return os.readlink(full)
            # Not blocking, in case a pipe has taken the file's place.
            descriptor = os.open(full, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                return file.read(entry.size)
        except OSError:
            return b""

    return read


def hash_file(path: Path) -> ObjectId:
    """The id of a file's content, read in pieces. A link is not followed."""
    hasher = blake3()
    # Not blocking, in case a pipe has taken the file's place.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        while data := os.read(descriptor, _READ_SIZE):
            hasher.update(data)
    finally:
        os.close(descriptor)
    return ObjectId(hasher.digest())


def _gone(store: ObjectStore, entry: TreeEntry | None, path: bytes) -> Iterator[Change]:
    if entry is not None:
        yield from (Change(found, old, None) for found, old in walk(store, entry, path))


def _folders_near(paths: Collection[bytes], folders: Collection[str]) -> frozenset[str]:
    """The folders above and below paths, out of those that are known, and what lies above them."""
    near = {""}
    for path in paths:
        near.update(map(os.fsdecode, folders_above(path)))
    tops = {path for path in map(os.fsdecode, paths) if path in folders}
    if tops:
        near |= {path for path in folders if any(at in tops for at in ("", path, *_above(path)))}
    return frozenset(near)


def _above(path: str) -> Iterator[str]:
    while path := parent_of(path):
        yield path
