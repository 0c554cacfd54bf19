"""What is tracked: it decides which files stay in the pod though rules ignore them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sovrgit.errors import IntegrityFailure, ObjectMissing
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import EMPTY_TREE_ID
from sovrgit.pod.index import NO_STAMP, Index, join
from sovrgit.pod.pod import Pod

if TYPE_CHECKING:
    from sovrgit.store.store import ObjectStore


def for_other_head(index: Index, store: ObjectStore, head: ObjectId) -> Index:
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


class Tracked:
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
