"""The working tree against a commit: what differs, without storing anything."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from blake3 import blake3

from sovrgit.errors import IntegrityFailure, ObjectMissing, ReadOnly, StorageFailure, StorageFull
from sovrgit.objects.ids import ObjectId, blob_id
from sovrgit.objects.tree import EMPTY_TREE_ID, EntryKind, TreeEntry
from sovrgit.pod.external import hidden_folders
from sovrgit.pod.index import DIRECTORY, ENTRY_KINDS, FILE, NO_STAMP, SYMLINK, UNKNOWN, Folder, Index, join
from sovrgit.pod.overlay import LeftOut, Overlay
from sovrgit.pod.paths import MERGE_FILE
from sovrgit.pod.pod import Pod
from sovrgit.pod.reading import unreadable
from sovrgit.pod.scan import Scan, scan, smudge
from sovrgit.pod.sparse import Sparse
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

    `sparse` says what was left at a remote, None in a whole pod. In `found`, that counts as being there.
    """

    pod: Pod
    index: Index
    found: Scan
    head_tree: ObjectId
    sparse: Sparse | None = None
    _overlay: Overlay | None = field(default=None, repr=False)

    @classmethod
    def look(cls, pod: Pod, here: Iterable[bytes] = ()) -> WorkingTree:
        """Look at the working tree of a pod.

        Args:
            here: paths that are taken as they are, though what is there or below may have been left at a remote.

        Raises:
            StorageFailure: if a folder cannot be read.
            FileUnstable: if a folder keeps coming and going.
        """
        index = Index.load(pod.index_path)
        head = pod.head()
        # The index knows the tree of the commit it was written for, so a clean pod need not open its store.
        head_tree = ObjectId(index.head) if head is not None and index.commit == head else pod.head_tree()
        if index.head and index.head != head_tree:
            index = _for_other_head(index, pod.store, head_tree)
        with reporting(pod.root):
            tracked = _Tracked(pod, head_tree)
            found = scan(pod.root, index, head_tree, tracked, pod.temporary, hidden_folders(pod.folder))
        sparse = Sparse.read(pod.folder)
        working = cls(pod, index, found, head_tree, sparse and sparse.with_paths(here, out=False))
        working._lay()
        return working

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
        """Every path that differs from the commit, in order.

        Files that may be the same in spite of other times are read; those that are get their place in the index.

        Raises:
            StorageFailure: if a file cannot be read.
            FileUnstable: if a file is gone since the working tree was looked at.
        """
        found: list[Change] = []
        # A list of the folders we are in, not recursion: folders may be nested deeply.
        inside = [(_Below("", self.head_tree), 0, self._differences("", self.head_tree))]
        while inside:
            (path, tree), before, differences = inside[-1]
            item = next(differences, None)
            if isinstance(item, Change):
                found.append(item)
            elif item is not None:
                inside.append((item, len(found), self._differences(*item)))
            else:
                inside.pop()
                folder = self.found.folders[path]
                if len(found) == before and folder.tree != tree:
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


def _for_other_head(index: Index, store: ObjectStore, head: ObjectId) -> Index:
    """The index for another commit: what is not tracked any more may be ignored now, so its folder is read again."""
    try:
        for path in _losing(store, ObjectId(index.head), head):
            if path in index.folders:
                index.folders[path].modified = NO_STAMP
    except (ObjectMissing, IntegrityFailure):
        # The tree that the index is about is gone, or damaged. Nothing but the index needs it.
        return Index()
    return index


def _losing(store: ObjectStore, old: ObjectId, new: ObjectId) -> Iterator[str]:
    """The folders in which the old tree has names that the new one has not."""
    waiting = [("", old, new)]
    while waiting:
        path, old, new = waiting.pop()
        if old == new:
            continue
        after = {entry.name: entry for entry in store.tree(new).entries}
        before = store.tree(old).entries
        if any(entry.name not in after for entry in before):
            yield path
        for entry in before:
            if entry.is_directory:
                now = after.get(entry.name)
                below = now.id if now is not None and now.is_directory else EMPTY_TREE_ID
                waiting.append((join(path, os.fsdecode(entry.name)), entry.id, below))


class _Tracked:
    """The names that the committed tree has in a folder, looked up only when an ignored name turns up."""

    def __init__(self, pod: Pod, tree: ObjectId) -> None:
        self._pod = pod
        self._tree = tree
        self._known: dict[str, frozenset[bytes]] = {}

    def __call__(self, path: str) -> frozenset[bytes]:
        if path not in self._known:
            entry: ObjectId | None = self._tree
            for name in os.fsencode(path).split(b"/") if path else []:
                found = self._pod.store.tree(entry).get(name) if entry else None
                entry = found.id if found is not None and found.is_directory else None
            names = self._pod.store.tree(entry).entries if entry else ()
            self._known[path] = frozenset(child.name for child in names)
        return self._known[path]


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
