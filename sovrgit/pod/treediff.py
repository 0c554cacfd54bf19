"""Comparing trees: cost follows what differs, not what there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import EMPTY_TREE_ID, Tree, TreeEntry

if TYPE_CHECKING:
    from sovrgit.store.store import ObjectStore


class Change(NamedTuple):
    """A path that differs. `old` or `new` is None where the path is only on one side.

    A directory appears only where it is empty, on the side on which it is.
    """

    path: bytes
    old: TreeEntry | None
    new: TreeEntry | None

    @property
    def kind(self) -> str:
        """`added`, `removed`, `modified`, or `type` where a file became a link, a folder or executable."""
        if self.old is None:
            return "added"
        if self.new is None:
            return "removed"
        return "modified" if self.old.kind is self.new.kind else "type"


def diff_trees(store: ObjectStore, old: ObjectId, new: ObjectId, prefix: bytes = b"") -> Iterator[Change]:
    """The paths in which two trees differ, in order."""
    if old != new:
        yield from _diff(store, store.tree(old), store.tree(new), prefix)


def _diff(store: ObjectStore, old: Tree, new: Tree, prefix: bytes) -> Iterator[Change]:
    before = {entry.name: entry for entry in old.entries}
    after = {entry.name: entry for entry in new.entries}
    for name in sorted(before.keys() | after.keys()):
        left, right = before.get(name), after.get(name)
        if left == right:
            continue
        path = prefix + name
        if left is not None and right is not None and left.is_directory and right.is_directory:
            if left.id != right.id:
                yield from _diff(store, store.tree(left.id), store.tree(right.id), path + b"/")
                if right.id == EMPTY_TREE_ID:
                    yield Change(path, None, right)
        elif (left is None or not left.is_directory) and (right is None or not right.is_directory):
            yield Change(path, left, right)
        else:
            if left is not None:
                yield from (Change(found, entry, None) for found, entry in walk(store, left, path))
            if right is not None:
                yield from (Change(found, None, entry) for found, entry in walk(store, right, path))


def walk(store: ObjectStore, entry: TreeEntry, path: bytes) -> Iterator[tuple[bytes, TreeEntry]]:
    """All files and links below an entry, and folders that are empty, with their paths."""
    if not entry.is_directory:
        yield path, entry
        return
    tree = store.tree(entry.id)
    if not tree.entries:
        yield path, entry
    for child in tree.entries:
        yield from walk(store, child, path + b"/" + child.name if path else child.name)


def find(store: ObjectStore, tree: ObjectId, path: bytes) -> TreeEntry | None:
    """The entry at a path below a tree, None if there is none. The path is not empty."""
    *folders, name = path.split(b"/")
    for folder in folders:
        entry = store.tree(tree).get(folder)
        if entry is None or not entry.is_directory:
            return None
        tree = entry.id
    return store.tree(tree).get(name)
