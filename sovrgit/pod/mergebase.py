"""The common ancestors that a merge begins with."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from sovrgit.objects.ids import ObjectId
from sovrgit.pod.history import is_ancestor

if TYPE_CHECKING:
    from sovrgit.store.store import ObjectStore

_OURS, _THEIRS, _COMMON = 1, 2, 4


def merge_bases(store: ObjectStore, ours: ObjectId, theirs: ObjectId) -> list[ObjectId]:
    """The best common ancestors of two commits: those that are no ancestors of another one; newest first.

    The history is read from both commits back, newest first, until all that is left is known to be common. Commits that
    are dated before their parents cost time, and nothing else.
    """
    if ours == theirs:
        return [ours]
    marks = {ours: _OURS, theirs: _THEIRS}
    times = {item: store.commit(item).time for item in marks}
    waiting = [(-times[item], item) for item in marks]
    heapq.heapify(waiting)
    found: dict[ObjectId, None] = {}
    while any(not marks[item] & _COMMON for _, item in waiting):
        _, current = heapq.heappop(waiting)
        mark = marks[current]
        if mark == _OURS | _THEIRS:
            found[current] = None
            mark |= _COMMON
        for parent in store.commit(current).parents:
            known = marks.get(parent, 0)
            if known | mark != known:
                marks[parent] = known | mark
                if parent not in times:
                    times[parent] = store.commit(parent).time
                heapq.heappush(waiting, (-times[parent], parent))
    return sorted(_best(store, list(found)), key=lambda item: (-times[item], item))


def _best(store: ObjectStore, found: list[ObjectId]) -> list[ObjectId]:
    if len(found) < 2:
        return found
    return [item for item in found if not any(other != item and is_ancestor(store, item, other) for other in found)]
