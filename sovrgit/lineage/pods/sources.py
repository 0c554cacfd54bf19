"""Where objects and answers of indexes come from: the pod that is asked about first, then what is known of others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from sovrgit.errors import IntegrityFailure, ObjectInvalid, ObjectMissing
from sovrgit.lineage.index import ExternalUse, LineageIndex, Maker, Making, RunInput
from sovrgit.lineage.pods.others import OtherPods
from sovrgit.objects.commit import Commit
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.run import Run
from sovrgit.objects.tree import Tree
from sovrgit.objects.verdict import Verdict
from sovrgit.pod.pod import Pod
from sovrgit.store.store import ObjectStore

_Item = TypeVar("_Item")

_MAX_TREES = 20_000
"""Folders that are kept in memory for one question."""


class Trees(Protocol):
    """What gives trees."""

    def tree(self, wanted: ObjectId) -> Tree:
        """A tree.

        Raises:
            ObjectMissing: if it is not here.
        """


class Objects:
    """The objects of a pod, and those that came from others. Content is only ever looked for in the pod itself."""

    def __init__(self, pod: Pod, others: OtherPods | None) -> None:
        self._own = pod.store
        self._others = others
        self._trees: dict[ObjectId, Tree] = {}
        self._among_others = False

    def commit(self, wanted: ObjectId) -> Commit:
        """A commit; each of these raises ObjectMissing if it is not here."""
        return self._read(wanted, lambda store: store.commit(wanted))

    def tree(self, wanted: ObjectId) -> Tree:
        """A tree. The same ones are asked for again and again."""
        found = self._trees.get(wanted)
        if found is None:
            if len(self._trees) >= _MAX_TREES:
                self._trees.clear()
            found = self._trees[wanted] = self._read(wanted, lambda store: store.tree(wanted))
        return found

    def run(self, wanted: ObjectId) -> Run:
        """A run."""
        return self._read(wanted, lambda store: store.run(wanted))

    def verdict(self, wanted: ObjectId) -> Verdict:
        """A verdict."""
        return self._read(wanted, lambda store: store.verdict(wanted))

    def has(self, wanted: ObjectId) -> bool:
        """Whether an object is here."""
        store = self._cached
        return self._own.has(wanted) or (store is not None and store.has(wanted))

    @property
    def _cached(self) -> ObjectStore | None:
        cache = self._others.store if self._others is not None else None
        return None if cache is None else cache.store

    def _read(self, wanted: ObjectId, read: Callable[[ObjectStore], _Item]) -> _Item:
        cached = self._cached
        # Where the last one was, the next one is: a story stays in a pod for a while, and each look costs a query.
        if cached is None or (not self._among_others and self._own.has(wanted)):
            return read(self._own)
        try:
            found = read(cached)
        except ObjectMissing:
            # A partial clone may get it on first use.
            self._among_others = False
            return read(self._own)
        except (IntegrityFailure, ObjectInvalid):
            # What is kept of others is a cache, and this part of it is damaged.
            self._among_others = False
            if self._own.has(wanted):
                return read(self._own)
            raise ObjectMissing(id=wanted) from None
        self._among_others = True
        return found


class Indexes:
    """The index of a pod, and that of what came from others."""

    def __init__(self, index: LineageIndex, others: OtherPods | None) -> None:
        self._own = index
        self._others = others
        self._judged: set[ObjectId] | None = None
        self._made: dict[ObjectId, ObjectId] = {}

    def _both(self) -> Iterator[LineageIndex]:
        yield self._own
        if self._others is not None and self._others.index is not None:
            yield self._others.index

    def _joined(self, ask: Callable[[LineageIndex], list[_Item]]) -> list[_Item]:
        return list(dict.fromkeys(item for index in self._both() for item in ask(index)))

    def of_commit(self, commit: ObjectId) -> LineageIndex:
        """The index that knows the history of a commit."""
        return next((index for index in self._both() if index.has_commit(commit)), self._own)

    def commit_made_by(self, run: ObjectId) -> ObjectId | None:
        """The commit that a run made, if there is one."""
        if run in self._made:
            return self._made[run]
        return next((made for index in self._both() if (made := index.commit_made_by(run)) is not None), None)

    def inputs(self) -> list[RunInput]:
        """The input tree of every run, the earliest first."""
        return sorted(self._joined(LineageIndex.inputs), key=lambda item: (item.started, item.run))

    def makers(self, content: ObjectId) -> list[Maker]:
        """The runs that left something in their output."""
        return self._joined(lambda index: index.makers(content))

    def makings(self, content: ObjectId) -> list[Making]:
        """The same with the commits of each run: those that either index knows."""
        found: dict[tuple[ObjectId, bytes], Making] = {}
        for making in (making for index in self._both() for making in index.makings(content)):
            key = (making.run, making.path)
            before = found.get(key)
            if before is not None:
                commits = tuple(dict.fromkeys(before.commits + making.commits))
                making = before._replace(made=before.made or making.made, commits=commits)
            found[key] = making
            if making.made is not None:
                self._made[making.run] = making.made
        return list(found.values())

    def output_ids(self) -> set[bytes]:
        """The ids of everything that a run put out."""
        return set[bytes]().union(*(index.output_ids() for index in self._both()))

    def users_of_external(self, content: ObjectId) -> list[ExternalUse]:
        """The runs that used something as payload of another pod."""
        return self._joined(lambda index: index.users_of_external(content))

    def external_ids(self) -> set[bytes]:
        """The ids of everything that a run used as payload of another pod."""
        return set[bytes]().union(*(index.external_ids() for index in self._both()))

    def verdicts_on(self, run: ObjectId) -> list[ObjectId]:
        """The verdicts on a run."""
        if self._judged is None:
            self._judged = set[ObjectId]().union(*(index.judged_runs() for index in self._both()))
        return self._joined(lambda index: index.verdicts_on(run)) if run in self._judged else []

    def repeats_of(self, run: ObjectId) -> list[ObjectId]:
        """The runs that repeat a run."""
        return self._joined(lambda index: index.repeats_of(run))

    def judged_repeats(self, run: ObjectId) -> set[ObjectId]:
        """The repetitions of a run that there is a verdict on."""
        return set(self._joined(lambda index: list(index.judged_repeats(run))))

    def tasks_of(self, run: ObjectId) -> list[tuple[ObjectId, str]]:
        """The tasks that a run is part of, and what it is called there."""
        return self._joined(lambda index: index.tasks_of(run))

    def commits_of(self, run: ObjectId) -> list[ObjectId]:
        """The commits that a run made, or whose output was taken from it."""
        return self._joined(lambda index: index.commits_of(run))

    def forks(self) -> list[ObjectId]:
        """The commits that begin a fork."""
        return self._joined(LineageIndex.forks)

    def is_own(self, commit: ObjectId) -> bool:
        """Whether a commit belongs to the pod that is asked about."""
        return self._own.has_commit(commit)

    def place_of(self, commit: ObjectId) -> str:
        """The key of the pod that a commit is from; nothing for the pod that is asked about."""
        if self._others is None or self._others.index is None or self._own.has_commit(commit):
            return ""
        return self._others.index.place_of(commit)
