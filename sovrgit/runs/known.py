"""Results that this pod knows: those that are its own, and those whose records have only come from somebody else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cached_property

from sovrgit.errors import ObjectMissing
from sovrgit.lineage.index import KnownRun, LineageIndex
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.run import Run
from sovrgit.pod.pod import Pod
from sovrgit.pod.reflog import moves
from sovrgit.pod.refs import DETACHED, HEADS, RUNS
from sovrgit.pod.treediff import find
from sovrgit.runs.inputs import claims_key
from sovrgit.runs.reused import Wanted
from sovrgit.store.format import Codec
from sovrgit.store.store import ObjectStore


class Ownership:
    """Which runs are a pod's own: made here, or in the history of a branch here.

    What `fetch` has brought is somebody else's before it is merged. What was found out once is kept, for looks at many
    runs: it counts for as long as nothing moves but by new runs of this pod.
    """

    def __init__(self, pod: Pod, index: LineageIndex) -> None:
        self.index = index
        self._pod = pod
        self._found: dict[ObjectId, bool] = {}

    def has(self, run: ObjectId) -> bool:
        """Whether a run is the pod's own, by itself or as one of a task that is."""
        if self._is_own(run):
            return True
        # The latest first: it is the one that was there last.
        return any(self._is_own(task) for task, _ in reversed(self.index.tasks_of(run)))

    def _is_own(self, run: ObjectId) -> bool:
        if run not in self._found:
            commits = self.index.commits_of(run)
            self._found[run] = (
                not self._tips.isdisjoint(commits)
                or (bool(commits) and not self._history.isdisjoint(commits))
                # What was undone, amended away, or never committed.
                or run in self._made_here
            )
        return self._found[run]

    @cached_property
    def _tips(self) -> set[ObjectId]:
        refs = self._pod.refs.read()
        tips = {value for name, value in refs.values.items() if name.startswith(HEADS)}
        return tips if (current := refs.current()) is None else {*tips, current}

    @cached_property
    def _history(self) -> set[ObjectId]:
        found: set[ObjectId] = set()
        for tip in self._tips:
            if tip not in found:
                found |= self.index.ancestry(tip).keys()
        return found

    @cached_property
    def _made_here(self) -> set[ObjectId]:
        """The runs that were recorded here, and those of commits that branches here stood at once."""
        recorded: set[ObjectId] = set()
        stood: set[ObjectId] = set()
        for move in moves(self._pod):
            for change in move.changes:
                if change.new is None:
                    continue
                if change.name.startswith(HEADS) or change.name == DETACHED:
                    stood.add(change.new)
                elif change.name == f"{RUNS}{change.new}" and move.command == "run":
                    recorded.add(change.new)
        for commit in stood - self._history:
            # Nothing may lead to it any more, so that the index does not know it.
            with contextlib.suppress(ObjectMissing):
                if (run := self._pod.store.commit(commit).run) is not None:
                    recorded.add(run)
        return recorded


def own_result(pod: Pod, index: LineageIndex, wanted: Wanted, ownership: Ownership | None = None) -> KnownRun | None:
    """The latest result with a run key that is the pod's own.

    Args:
        ownership: of this pod, for a look at many results.
    """
    owned = ownership or Ownership(pod, index)
    return next((known for known in _fitting(pod, index, wanted) if owned.has(known.id)), None)


def others_here(pod: Pod, wanted: Wanted, ownership: Ownership) -> list[KnownRun]:
    """The results with a run key that came from somebody else and were taken over by nobody here."""
    return [known for known in _fitting(pod, ownership.index, wanted) if not ownership.has(known.id)]


@contextlib.contextmanager
def looking_at(pod: Pod, ownership: Ownership | None = None) -> Iterator[Ownership]:
    """What is known of whose the runs of a pod are: what somebody has found out already, or a new look."""
    if ownership is not None:
        yield ownership
        return
    with LineageIndex(pod) as index:
        yield Ownership(pod, index)


def misplaced(store: ObjectStore, run: Run, wanted: Wanted) -> str:
    """What is wrong with where the output of a record lies, or nothing. Anybody could name the scripts as output.

    Raises:
        ObjectMissing: if the folders of the output are not here.
    """
    if run.output is None:
        return ""
    folders = [folder.encode().split(b"/") for folder in wanted.outputs]
    if not _is_inside(store, run.output, folders):
        return "its output lies outside of the folder that the recipe names"
    hidden = any(wanted.logs.startswith(f"{folder}/") for folder in wanted.outputs)
    if hidden and find(store, run.output, wanted.logs.encode()) is not None:
        return "its output has a log in it"
    return ""


def is_here(store: ObjectStore, tree: ObjectId | None) -> bool:
    """Whether a tree is here with all that is in it. What was left at a remote is got."""
    if tree is None:
        return True
    try:
        entries = store.tree(tree).entries
        store.ensure(entry.id for entry in entries if not entry.is_directory)
        for entry in entries:
            if entry.is_directory:
                if not is_here(store, entry.id):
                    return False
            elif store.location(entry.id).codec is Codec.CHUNKS and not all(map(store.has, store.chunks(entry.id))):
                return False
    except ObjectMissing:
        return False
    return True


def _fitting(pod: Pod, index: LineageIndex, wanted: Wanted) -> Iterator[KnownRun]:
    for known in index.all_succeeded_with(wanted.key):
        if not claims_key(known.run, wanted.key):
            continue
        try:
            if not misplaced(pod.store, known.run, wanted):
                yield known
        except ObjectMissing:
            continue


def _is_inside(store: ObjectStore, tree: ObjectId, folders: list[list[bytes]]) -> bool:
    """Whether there is nothing in a tree but what lies below some folders, given by their components."""
    for entry in store.tree(tree).entries:
        rest = [folder[1:] for folder in folders if folder[0] == entry.name]
        if not rest or not entry.is_directory:
            return False
        if [] not in rest and not _is_inside(store, entry.id, rest):
            return False
    return True
