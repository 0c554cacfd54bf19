"""Who needs what is lost: commits and paths that lead to objects which cannot be had."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, NamedTuple

from sovrgit.errors import SovrError
from sovrgit.objects.ids import ObjectId

if TYPE_CHECKING:
    from sovrgit.store.store import ObjectStore

MOST_COMMITS = 20
"""Commits that are named for one object; more help nobody."""


class Loss(NamedTuple):
    """An object that is lost, and what needs it: commits, the newest first, and the path in the first of them."""

    id: ObjectId
    commits: tuple[ObjectId, ...]
    path: bytes


def losses(store: ObjectStore, missing: Collection[ObjectId], tips: Iterable[ObjectId]) -> list[Loss]:
    """For each missing object the commits that need it. Commits that are missing themselves end the search."""
    lost = set(missing)
    found: dict[ObjectId, list[ObjectId]] = {item: [] for item in missing}
    paths: dict[ObjectId, bytes] = {}
    below: dict[ObjectId, frozenset[ObjectId]] = {}
    seen: set[ObjectId] = set()
    waiting = list(tips)
    while waiting:
        current = waiting.pop(0)
        if current in seen:
            continue
        seen.add(current)
        try:
            commit = store.commit(current)
        except SovrError:
            continue
        for item in _under(store, commit.tree, lost, below, paths, b""):
            if len(found[item]) < MOST_COMMITS:
                found[item].append(current)
        for needed in (commit.run, *commit.parents):
            if needed is not None and needed in lost:
                found[needed].append(current)
        waiting += commit.parents
    return [Loss(item, tuple(commits), paths.get(item, b"")) for item, commits in found.items()]


def _under(
    store: ObjectStore,
    tree: ObjectId,
    lost: set[ObjectId],
    below: dict[ObjectId, frozenset[ObjectId]],
    paths: dict[ObjectId, bytes],
    path: bytes,
) -> frozenset[ObjectId]:
    """The lost objects in a tree. Trees may be nested deeply, so this keeps its own list of what is open."""
    stack = [(tree, path, False)]
    while stack:
        current, at, looked = stack.pop()
        if current in below:
            continue
        if current in lost:
            below[current] = frozenset([current])
            paths.setdefault(current, at)
            continue
        try:
            entries = store.tree(current).entries
        except SovrError:
            below[current] = frozenset()
            continue
        folders = [(entry.id, at + b"/" + entry.name if at else entry.name) for entry in entries if entry.is_directory]
        if not looked:
            stack.append((current, at, True))
            stack += [(item, place, False) for item, place in folders if item not in below]
            continue
        direct = set()
        for entry in entries:
            if entry.id in lost and not entry.is_directory:
                direct.add(entry.id)
                paths.setdefault(entry.id, at + b"/" + entry.name if at else entry.name)
        below[current] = frozenset(direct.union(*(below.get(item, frozenset()) for item, _ in folders)))
    return below[tree]
