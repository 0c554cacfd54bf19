"""What a pod needs: everything that refs, journal, index, a waiting merge and payload of other pods lead to."""

from __future__ import annotations

from collections.abc import Iterable

from sovrgit.errors import IntegrityFailure, ObjectInvalid, ObjectMissing
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import EMPTY_TREE_ID
from sovrgit.pod.index import UNKNOWN, Index
from sovrgit.pod.links import links_of
from sovrgit.pod.mergestate import read_state
from sovrgit.pod.pod import Pod
from sovrgit.pod.reflog import moves
from sovrgit.pod.supplies import read_supplies
from sovrgit.store.store import ObjectStore


def roots(pod: Pod, *, since_ns: int) -> set[ObjectId]:
    """What must be kept, with all that it leads to.

    Args:
        since_ns: of the journal, what moved from this time on, in nanoseconds since 1970.

    Raises:
        IntegrityFailure: if the refs or a waiting merge cannot be read: then nothing is known to be of no use.
    """
    found = set(pod.refs.read().values.values())
    for move in moves(pod):
        if move.time_ns < since_ns:
            continue
        found.update(side for change in move.changes for side in (change.old, change.new) if side is not None)
        found.update(move.rewritten or ())
    found |= read_supplies(pod.folder).needed
    index = Index.load(pod.index_path)
    for folder in index.folders.values():
        if folder.tree:
            found.add(ObjectId(folder.tree))
        found.update(ObjectId(digest) for digest in folder.all_ids() if digest != UNKNOWN and any(digest))
    if index.head:
        found.add(ObjectId(index.head))
    state = read_state(pod)
    if state is not None:
        found |= {state.head, state.other, state.tree}
        found.update(side.id for conflict in state.conflicts for side in conflict[2:] if side is not None)
    return found


class Reach:
    """Everything that roots lead to, in `seen`, the pieces of large objects included.

    What is missing or damaged leads nowhere, and is no reason to stop: it may have been left at a remote, and `fsck`
    tells of the rest.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self.seen: set[bytes] = {EMPTY_TREE_ID}
        self._chunked = {item for pack in store.packs() for item, _ in store.chunked(pack.id)}

    def add(self, starts: Iterable[ObjectId]) -> None:
        """Follow further roots."""
        waiting = [start for start in starts if start not in self.seen]
        while waiting:
            item = waiting.pop()
            if item in self.seen:
                continue
            self.seen.add(item)
            try:
                waiting += self._below(item)
            except (ObjectMissing, IntegrityFailure, ObjectInvalid):
                continue

    def _below(self, item: ObjectId) -> list[ObjectId]:
        store = self._store
        below: list[ObjectId] = []
        if item in self._chunked:
            below += store.chunks(item)
        kind = store.kind(item)
        if kind is Kind.TREE:
            for entry in store.tree(item).entries:
                if entry.is_directory or entry.id in self._chunked:
                    if entry.id not in self.seen:
                        below.append(entry.id)
                else:
                    # Most objects are small files, which lead nowhere.
                    self.seen.add(entry.id)
        elif kind is not Kind.BLOB:
            below += [target for target, _ in links_of(store, item, kind)]
        return below
