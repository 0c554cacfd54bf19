"""The history of one file, through changes of its name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sovrgit.objects.commit import Commit
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import TreeEntry
from sovrgit.pod.history import walk
from sovrgit.pod.renames import find_renames
from sovrgit.pod.treediff import diff_trees, find

if TYPE_CHECKING:
    from sovrgit.store.store import ObjectStore


def follow(store: ObjectStore, tip: ObjectId, path: bytes) -> Iterator[tuple[ObjectId, Commit, bytes]]:
    """The commits in which a file was changed, newest first, each with the name that it had there.

    Where a file came into being, the file that it was before is looked for among those that went in the same commit.
    """
    names = {tip: path}
    for identity, commit in walk(store, [tip]):
        here = names.pop(identity, None)
        if here is None:
            continue
        entry = find(store, commit.tree, here)
        changed = entry is not None
        for parent in commit.parents:
            name = name_before(store, parent, commit, here, entry)
            if name is None:
                continue
            names.setdefault(parent, name)
            if name == here and find(store, store.commit(parent).tree, name) == entry:
                changed = False
        if changed:
            yield identity, commit, here


def name_before(
    store: ObjectStore, parent: ObjectId, commit: Commit, path: bytes, entry: TreeEntry | None
) -> bytes | None:
    """What a file of a commit is called in a parent, None if it is not there under any name."""
    before = store.commit(parent).tree
    if entry is None or find(store, before, path) is not None:
        return path

    def read(_: bytes, found: TreeEntry) -> bytes:
        return bytes(store.read(found.id, Kind.BLOB))

    changes = list(diff_trees(store, before, commit.tree))
    wanted = [change for change in changes if change.new is None or change.path == path]
    return next((rename.old.path for rename in find_renames(wanted, read, read)), None)
