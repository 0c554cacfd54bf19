"""Walking the history: newest first, children before parents."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from sovrgit.objects.commit import Commit
from sovrgit.objects.ids import ObjectId
from sovrgit.pod.treediff import find

if TYPE_CHECKING:
    from sovrgit.store.store import ObjectStore


def walk(
    store: ObjectStore, tips: Iterable[ObjectId], without: Collection[ObjectId] = ()
) -> Iterator[tuple[ObjectId, Commit]]:
    """The commits that can be reached from `tips` and not from `without`.

    Newest first by committer time; a commit never comes before its children, even if clocks went backwards.
    """
    hidden = ancestors(store, without) if without else set()
    waiting = _visible(tips, hidden)
    while len(waiting) == 1:
        # Whatever is left comes after this one, so a straight history is read only as far as it is wanted.
        commit = store.commit(waiting[0])
        yield waiting[0], commit
        waiting = _visible(commit.parents, hidden)
    yield from _in_order(store, waiting, hidden)


def _visible(commits: Iterable[ObjectId], hidden: set[ObjectId]) -> list[ObjectId]:
    return [item for item in dict.fromkeys(commits) if item not in hidden]


def _in_order(store: ObjectStore, tips: list[ObjectId], hidden: set[ObjectId]) -> Iterator[tuple[ObjectId, Commit]]:
    """The same for any history. All of it is read first, to know how many children each commit has."""
    commits: dict[ObjectId, Commit] = {}
    parents: dict[ObjectId, list[ObjectId]] = {}
    children: dict[ObjectId, int] = {}
    stack = list(tips)
    while stack:
        current = stack.pop()
        if current in commits:
            continue
        commits[current] = store.commit(current)
        parents[current] = _visible(commits[current].parents, hidden)
        for parent in parents[current]:
            children[parent] = children.get(parent, 0) + 1
        stack += parents[current]
    ready = [(-commits[tip].time, tip) for tip in tips if not children.get(tip)]
    heapq.heapify(ready)
    while ready:
        _, current = heapq.heappop(ready)
        yield current, commits[current]
        for parent in parents[current]:
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
    """Whether `old` can be reached from `new`; a commit is its own ancestor. Neither need be here.

    The newest commits are looked at first and the search ends when `old` is found: what a branch gained decides the
    cost then, not how long the history is.
    """
    seen = {new}
    ready = [(0, new)] if store.has(new) else []
    while ready and old not in seen:
        commit = store.commit(heapq.heappop(ready)[1])
        for parent in commit.parents:
            if parent not in seen:
                seen.add(parent)
                # In the place of its own time, which is not known before it is read.
                heapq.heappush(ready, (-commit.time, parent))
    return old in seen


def touching(
    store: ObjectStore, commits: Iterable[tuple[ObjectId, Commit]], paths: Iterable[bytes]
) -> Iterator[tuple[ObjectId, Commit]]:
    """Those of the commits in which one of the paths is not what it was in every parent.

    An empty path stands for the whole tree. The first commit has touched whatever is in it.
    """
    wanted = list(paths)
    for identity, commit in commits:
        before = [store.commit(parent).tree for parent in commit.parents]
        if any(_differs(store, commit.tree, before, path) for path in wanted):
            yield identity, commit


def _differs(store: ObjectStore, tree: ObjectId, before: list[ObjectId], path: bytes) -> bool:
    if tree in before:
        return False
    if not path:
        return True
    now = find(store, tree, path)
    if not before:
        return now is not None
    return all(find(store, parent, path) != now for parent in before)
