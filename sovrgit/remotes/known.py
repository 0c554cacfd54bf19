"""What one side is known to have: looked into only as far back as somebody asks."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

from sovrgit.objects.commit import Commit
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.store.store import ObjectStore

_NEAR = 4
"""Trees of known tips that others are compared with. Each costs a read of the folders that differ."""


class Known:
    """Commits, runs, verdicts and tags that a side has, with all that they need.

    History is read from the newest commit back. A commit whose parents are dated later than itself may be taken for
    one that is not known; that costs time, and nothing else.

    Args:
        store: where they are looked up. Those that are not here are of no use and left out.
        tips: what the side has.
    """

    def __init__(self, store: ObjectStore, tips: Iterable[ObjectId]) -> None:
        self._store = store
        self._items: set[ObjectId] = set()
        self._unread: list[ObjectId] = []
        self._frontier: list[tuple[int, ObjectId, Sequence[ObjectId]]] = []
        self.trees: list[ObjectId] = []
        """Trees that the side has whole."""
        for tip in dict.fromkeys(tips):
            self._add(tip)

    def has(self, item: ObjectId) -> bool:
        """Whether the side has something, as far as was looked."""
        return item in self._items

    def has_commit(self, item: ObjectId, time: int) -> bool:
        """Whether the side has a commit, made at `time` in seconds since 1970; looks as far back as that."""
        while self._frontier and -self._frontier[0][0] >= time:
            for parent in heapq.heappop(self._frontier)[2]:
                if parent not in self._items and self._store.has(parent):
                    self._reach(parent)
        return item in self._items

    def has_record(self, item: ObjectId) -> bool:
        """Whether the side has a run or a verdict; looks into all records that it has."""
        while self._unread and item not in self._items:
            record = self._unread.pop()
            if self._store.kind(record) is Kind.VERDICT:
                verdict = self._store.verdict(record)
                self._add(verdict.run)
                self._add(verdict.repeat)
            else:
                run = self._store.run(record)
                for needed in (run.repeats, *(member.run for member in run.pods)):
                    if needed is not None:
                        self._add(needed)
        return item in self._items

    def _add(self, item: ObjectId) -> None:
        # Tags may name tags.
        while item not in self._items and self._store.has(item):
            kind = self._store.kind(item)
            if kind is Kind.COMMIT:
                commit = self._reach(item)
                if len(self.trees) < _NEAR:
                    self.trees.append(commit.tree)
                return
            self._items.add(item)
            if kind is not Kind.TAG:
                if kind in (Kind.RUN, Kind.VERDICT):
                    self._unread.append(item)
                return
            item = self._store.tag(item).target

    def _reach(self, item: ObjectId) -> Commit:
        commit = self._store.commit(item)
        self._items.add(item)
        if commit.run is not None and commit.run not in self._items and self._store.has(commit.run):
            self._items.add(commit.run)
            self._unread.append(commit.run)
        heapq.heappush(self._frontier, (-commit.time, item, commit.parents))
        return commit
