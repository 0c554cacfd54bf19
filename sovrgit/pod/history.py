"""Walking the history: newest first, children before parents."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from sovrgit.objects.commit import Commit
from sovrgit.objects.ids import ObjectId
from sovrgit.pod.treediff import find

if TYPE_CHECKING:
    from sovrgit.store.store import ObjectStore


def walk(
    store: ObjectStore, tips: Iterable[ObjectId], without: Iterable[ObjectId] = ()
) -> Iterator[tuple[ObjectId, Commit]]:
    """The commits that can be reached from `tips` and not from `without`.

    Newest first by committer time; a commit never comes before its children, even if clocks went backwards.
    """
    hidden = ancestors(store, without) if without else set()
    commits: dict[ObjectId, Commit] = {}
    children: dict[ObjectId, int] = {}
    stack = [tip for tip in tips if tip not in hidden]
    starts = list(dict.fromkeys(stack))
    while stack:
        current = stack.pop()
        if current in commits:
            continue
        commits[current] = store.commit(current)
        for parent in commits[current].parents:
            if parent not in hidden:
                children[parent] = children.get(parent, 0) + 1
                stack.append(parent)
    ready = [(-commits[tip].time, tip) for tip in starts if not children.get(tip)]
    heapq.heapify(ready)
    while ready:
        _, current = heapq.heappop(ready)
        yield current, commits[current]
        for parent in commits[current].parents:
            if parent in hidden:
                continue
            children[parent] -= 1
            if not children[parent]:
                heapq.heappush(ready, (-commits[parent].time, parent))


def ancestors(store: ObjectStore, tips: Iterable[ObjectId]) -> set[ObjectId]:
    """The commits that can be reached, the tips included. Tips that are not here are left out."""
    seen: set[ObjectId] = set()
    stack = [tip for tip in tips if store.has(tip)]
    while stack:
        current = stack.pop()
        if current not in seen:
            seen.add(current)
            stack += store.commit(current).parents
    return seen


def is_ancestor(store: ObjectStore, old: ObjectId, new: ObjectId) -> bool:
    """Whether `old` can be reached from `new`; a commit is its own ancestor."""
    return old == new or old in ancestors(store, [new])


def touching(
    store: ObjectStore, commits: Iterable[tuple[ObjectId, Commit]], paths: Iterable[bytes]
) -> Iterator[tuple[ObjectId, Commit]]:
    """Those of the commits in which one of the paths is not what it was in every parent."""
    wanted = list(paths)
    for identity, commit in commits:
        before = [store.commit(parent).tree for parent in commit.parents]
        if any(_differs(store, commit.tree, before, path) for path in wanted):
            yield identity, commit


def _differs(store: ObjectStore, tree: ObjectId, before: list[ObjectId], path: bytes) -> bool:
    now = find(store, tree, path)
    if not before:
        return now is not None
    return all(find(store, parent, path) != now for parent in before)
