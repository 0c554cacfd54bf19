"""Getting the newest commits of some branches, with their trees and records, and nothing of what is older."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from sovrgit.errors import ObjectMissing
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import EMPTY_TREE_ID
from sovrgit.pod.refs import HEADS, TAGS

if TYPE_CHECKING:
    from sovrgit.store.store import ObjectStore


def cut_history(
    store: ObjectStore, tips: Iterable[ObjectId], depth: int, get: Callable[[Collection[ObjectId]], object]
) -> set[ObjectId]:
    """Bring the last `depth` commits behind each tip here, level by level; those at which history ends then.

    Args:
        get: brings objects here, as many as are known to be wanted.

    Raises:
        SovrError: what `get` raises.
    """
    level = list(dict.fromkeys(tips))
    seen: set[ObjectId] = set()
    boundary: set[ObjectId] = set()
    trees: list[ObjectId] = []
    records: list[ObjectId] = []
    for left in range(depth, 0, -1):
        get(level)
        seen.update(level)
        below: dict[ObjectId, None] = {}
        for item in level:
            commit = store.commit(item)
            trees.append(commit.tree)
            records += [commit.run] if commit.run is not None else []
            if left == 1 and commit.parents:
                boundary.add(item)
            below |= dict.fromkeys(commit.parents)
        level = [item for item in below if item not in seen]
    # A commit of the last level may be the parent of another branch's, which is here with all its parents.
    boundary = {item for item in boundary if not set(store.commit(item).parents) <= seen}
    while records:
        get(records)
        runs = [store.run(item) for item in records]
        trees += [tree for run in runs for tree in (run.input, run.output, run.log) if tree is not None]
        get([run.recipe for run in runs])
        named = [item for run in runs for item in (run.repeats, *(member.run for member in run.pods))]
        records = [item for item in dict.fromkeys(named) if item is not None and not store.has(item)]
    _get_trees(store, trees, get)
    return boundary


def _get_trees(store: ObjectStore, trees: Iterable[ObjectId], get: Callable[[Collection[ObjectId]], object]) -> None:
    level = dict.fromkeys(tree for tree in trees if tree != EMPTY_TREE_ID)
    seen: set[ObjectId] = set(level)
    while level:
        get(list(level))
        below: dict[ObjectId, None] = {}
        for tree in level:
            below |= dict.fromkeys(entry.id for entry in store.tree(tree).entries if entry.is_directory)
        level = dict.fromkeys(tree for tree in below if tree not in seen and tree != EMPTY_TREE_ID)
        seen |= level.keys()


def kept_refs(store: ObjectStore, refs: Mapping[str, ObjectId]) -> dict[str, ObjectId]:
    """Of a remote's refs, the branches, and the tags of what is here: records of runs stay there with older history."""
    return {
        name: value
        for name, value in refs.items()
        if name.startswith(HEADS) or (name.startswith(TAGS) and _is_here(store, value))
    }


def _is_here(store: ObjectStore, item: ObjectId) -> bool:
    try:
        while store.kind(item) is Kind.TAG:
            item = store.tag(item).target
        return store.kind(item) is Kind.COMMIT
    except ObjectMissing:
        return False
