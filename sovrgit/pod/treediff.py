"""Comparing trees: cost follows what differs, not what there is."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter, eq
from typing import TYPE_CHECKING, NamedTuple

from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import EMPTY_TREE_ID, TreeEntry
from sovrgit.pod import repeats

if TYPE_CHECKING:
    from sovrgit.store.store import ObjectStore


class Change(NamedTuple):
    """A path that differs. `old` or `new` is None where the path is only on one side.

    A directory appears only where it is empty: as `new` if it was not an empty directory before, as `old` if it is no
    directory any more. An empty directory that got its first file is told by the file.
    """

    path: bytes
    old: TreeEntry | None
    new: TreeEntry | None

    @property
    def is_directory(self) -> bool:
        """Whether this is about an empty directory."""
        return any(entry is not None and entry.is_directory for entry in (self.old, self.new))

    @property
    def kind(self) -> str:
        """`added`, `removed`, `modified`, or `type` where a file became a link or executable, or the other way."""
        if self.old is None:
            return "added"
        if self.new is None:
            return "removed"
        return "modified" if self.old.kind is self.new.kind else "type"


def diff_trees(store: ObjectStore, old: ObjectId, new: ObjectId, prefix: bytes = b"") -> Iterator[Change]:
    """The paths in which two trees differ, folder by folder in the order of names.

    A file that became a folder, or the other way, is removed and added.

    Raises:
        ObjectMissing, IntegrityFailure: if a tree cannot be read.
        ObjectInvalid: if it is none, or repeats its folders without measure.
    """
    # A list of what is still to be compared, not recursion: trees of others may be nested deeply.
    waiting = _differing(store, old, new, prefix)
    count = 0
    while waiting:
        path, left, right = waiting.pop()
        count += 1
        if count == repeats.SUSPECT_FROM:
            for tree in (old, new):
                repeats.refuse_repeats(store, tree)
        was_folder = left is not None and left.is_directory
        is_folder = right is not None and right.is_directory
        if left is not None and right is not None and was_folder and is_folder:
            if left.id != right.id and right.id == EMPTY_TREE_ID:
                yield Change(path, None, right)
            waiting += _differing(store, left.id, right.id, path + b"/")
        elif not was_folder and not is_folder:
            yield Change(path, left, right)
        else:
            if left is not None:
                yield from (Change(found, entry, None) for found, entry in walk(store, left, path))
            if right is not None:
                yield from (Change(found, None, entry) for found, entry in walk(store, right, path))


_name = attrgetter("name")


def _differing(
    store: ObjectStore, old: ObjectId, new: ObjectId, prefix: bytes
) -> list[tuple[bytes, TreeEntry | None, TreeEntry | None]]:
    """The paths of the entries that are not the same in both folders, the last one first."""
    if old == new:
        return []
    left, right = store.tree(old).entries, store.tree(new).entries
    if len(left) == len(right) and all(map(eq, map(_name, left), map(_name, right))):
        # Most changes are of files that stay where they are.
        pairs = zip(reversed(left), reversed(right), strict=True)
        return [(prefix + here.name, here, there) for here, there in pairs if here != there]
    before, after = ({entry.name: entry for entry in entries} for entries in (left, right))
    names = sorted(before.keys() | after.keys(), reverse=True)
    return [(prefix + name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)]


def walk(store: ObjectStore, entry: TreeEntry, path: bytes) -> Iterator[tuple[bytes, TreeEntry]]:
    """All files and links below an entry, and folders that are empty, with their paths.

    Raises:
        ObjectMissing, IntegrityFailure, ObjectInvalid: as for `diff_trees`.
    """
    top, count = entry.id, 0
    waiting = [(path, entry)]
    while waiting:
        path, entry = waiting.pop()
        count += 1
        if count == repeats.SUSPECT_FROM:
            repeats.refuse_repeats(store, top)
        if not entry.is_directory:
            yield path, entry
            continue
        entries = store.tree(entry.id).entries
        if not entries:
            yield path, entry
        waiting += [(path + b"/" + child.name if path else child.name, child) for child in reversed(entries)]


def find(store: ObjectStore, tree: ObjectId, path: bytes) -> TreeEntry | None:
    """The entry at a path below a tree, None if there is none. The path is not empty."""
    *folders, name = path.split(b"/")
    for folder in folders:
        entry = store.tree(tree).get(folder)
        if entry is None or not entry.is_directory:
            return None
        tree = entry.id
    return store.tree(tree).get(name)
