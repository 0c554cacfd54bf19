"""What each pod of a task finds in `payload/external`: the payload of the task, and the output of the pods it needs."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from sovrgit.errors import TaskInvalid
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.run import THIS_TASK, External, Run
from sovrgit.objects.tree import EMPTY_TREE_ID, EntryKind, Tree, TreeEntry
from sovrgit.pod.paths import folders_above
from sovrgit.pod.pod import Pod
from sovrgit.pod.treediff import find, walk
from sovrgit.runs.inputs import read_recipe
from sovrgit.runs.supplied import Supplied
from sovrgit.store.session import WriteSession
from sovrgit.store.store import ObjectStore
from sovrgit.tasks.graph import Graph, Step, matching
from sovrgit.tasks.sources import Source

NO_COMMIT = ObjectId(bytes(32))
"""Stands for the commit of the task while it is planned: what a run starts from is committed only when it begins."""


class Result(NamedTuple):
    """A run of a step that succeeded."""

    id: ObjectId
    run: Run


class Shared(NamedTuple):
    """The payload of the task, which goes to every pod, and all that is in it: folders before what is in them."""

    supplied: tuple[Supplied, ...] = ()
    items: tuple[bytes, ...] = ()


def own_payload(pod: Pod, snapshot: ObjectId, folder: str | None) -> tuple[Supplied, ...]:
    """The payload that lies in a folder of the task itself.

    Raises:
        TaskInvalid: if there is no such folder.
    """
    if folder is None:
        return ()
    entry = find(pod.store, snapshot, os.fsencode(folder)) if folder != "." else None
    if entry is None or not entry.is_directory:
        raise TaskInvalid(
            reason=f"its payload `{folder}` is no folder of the pod",
            hint="make the folder, or name another one as `payload` in recipe.json",
        )
    return (Supplied(External(THIS_TASK, NO_COMMIT, folder, entry.id), b"", entry),)


def shared_payload(store: ObjectStore, supplied: Sequence[Supplied]) -> Shared:
    """The payload of a task, with everything in it."""
    items: dict[bytes, None] = {}
    for item in supplied:
        for path, _ in walk(store, item.entry, item.name):
            items |= dict.fromkeys(folders_above(path))
            items |= {path: None} if path else {}
    return Shared(tuple(supplied), tuple(items))


class Supplier:
    """Puts together what a step gets, in the repository of the task.

    Nothing leads to the folders that it makes there; the caller keeps `gc` away.
    """

    def __init__(self, pod: Pod, graph: Graph, sources: Sequence[Source], shared: Shared) -> None:
        self._pod = pod
        self._graph = graph
        self._sources = sources
        self._shared = shared
        self._matched: dict[int, tuple[bytes, ...]] = {}

    def supplied(self, step: Step, results: Mapping[int, Result]) -> tuple[Supplied, ...]:
        """What a step gets: the payload of the task first, then the outputs of those that it needs.

        Args:
            results: at least of the steps that it needs.
        """
        outputs = self._outputs(step, results)
        shared: Sequence[Supplied] = self._shared.supplied
        others = frozenset(self._others(step))
        spread = [item.entry.id for item in outputs if not item.name]
        if others or (spread and shared):
            with self._pod.store.session() as session:
                taker = _Taker(self._pod.store, session)
                shared = [kept for item in shared if (kept := taker.without(item, others, spread)) is not None]
                if taker.has_made:
                    session.commit()
        return (*shared, *outputs)

    def _others(self, step: Step) -> Collection[bytes]:
        """The items that are for other runs of the same pod."""
        pattern = self._graph.pods[step.entry].each
        if pattern is None:
            return ()
        if step.entry not in self._matched:
            self._matched[step.entry] = tuple(matching(pattern, self._shared.items))
        return [item for item in self._matched[step.entry] if item != step.item]

    def _outputs(self, step: Step, results: Mapping[int, Result]) -> list[Supplied]:
        pod = self._graph.pods[step.entry]
        found = []
        for need in step.needs:
            needed = self._graph.steps[need]
            source = self._sources[needed.entry]
            made = output_of(self._pod.store, results[need].run)
            if made is None:
                continue
            folder, entry = made
            # As the first Sovr CLI chains pods: what one puts out lies directly in the next one's payload.
            name = "" if pod.chained and not needed.label else needed.label if pod.chained else needed.name
            external = External(source.reference, source.commit or NO_COMMIT, folder, entry.id)
            found.append(Supplied(external, name.encode(), entry))
        return found


def output_of(store: ObjectStore, run: Run) -> tuple[str, TreeEntry] | None:
    """The output folder of a run and what was left in it; None if that was nothing."""
    if run.output is None:
        return None
    golem = read_recipe(store, run.input)[1].golem
    if golem is None:
        return None
    entry = find(store, run.output, golem.output_folder.encode())
    return (golem.output_folder, entry) if entry is not None and entry.is_directory else None


class _Taker:
    """Takes paths out of payload."""

    def __init__(self, store: ObjectStore, session: WriteSession) -> None:
        self._store = store
        self._session = session
        self.has_made = False

    def without(self, item: Supplied, paths: Collection[bytes], spread: Sequence[ObjectId]) -> Supplied | None:
        """A payload without some paths, and without the files that the trees in `spread` put in their place, as the
        first Sovr CLI copied one over the other; None if nothing is left of it."""
        if not item.name:
            over: Sequence[ObjectId] = spread
        else:
            found = [find(self._store, tree, item.name) for tree in spread]
            if any(entry is not None and not entry.is_directory for entry in found):
                return None
            over = [entry.id for entry in found if entry is not None]
        if item.name in paths:
            return None
        entry = item.entry
        if entry.is_directory:
            entry = self._without(entry, item.name, paths, over)
            if entry.id == EMPTY_TREE_ID != item.entry.id:
                return None
        if entry.id == item.entry.id:
            return item
        return Supplied(item.external._replace(id=entry.id), item.name, entry)

    def _without(
        self, folder: TreeEntry, above: bytes, paths: Collection[bytes], over: Sequence[ObjectId]
    ) -> TreeEntry:
        trees = [{entry.name: entry for entry in self._store.tree(tree).entries} for tree in over]
        kept: list[TreeEntry] = []
        before = self._store.tree(folder.id).entries
        for entry in before:
            path = above + b"/" + entry.name if above else entry.name
            there = [tree[entry.name] for tree in trees if entry.name in tree]
            if path in paths or (not entry.is_directory and any(not other.is_directory for other in there)):
                continue
            if entry.is_directory:
                below = self._without(entry, path, paths, [other.id for other in there if other.is_directory])
                if below.id == EMPTY_TREE_ID != entry.id:
                    continue
                entry = below
            kept.append(entry)
        if tuple(kept) == before:
            return folder
        self.has_made = True
        tree = Tree.of(kept)
        identity = self._session.add(Kind.TREE, tree.encode()) if kept else EMPTY_TREE_ID
        return TreeEntry(folder.name, EntryKind.DIRECTORY, identity, tree.size)


def at_commit(supplied: Sequence[Supplied], commit: ObjectId) -> tuple[Supplied, ...]:
    """External payload with the commit of the task, where that was not known yet."""
    return tuple(
        item._replace(external=item.external._replace(commit=commit)) if item.external.commit == NO_COMMIT else item
        for item in supplied
    )
