"""What one side has and the other lacks: cost follows what changed."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sovrgit.errors import IntegrityFailure
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import EMPTY_TREE_ID, TreeEntry, check_size
from sovrgit.remotes.known import Known
from sovrgit.store.catalogue import Location
from sovrgit.store.format import Codec
from sovrgit.store.store import ObjectStore


class _Step(NamedTuple):
    """What matters of a commit here."""

    time: int
    tree: ObjectId
    parents: tuple[ObjectId, ...]
    run: ObjectId | None


class Collector:
    """Gathers the objects that must be sent so that the other side can use some refs, and where each of them is.

    Args:
        store: where the objects are.
        known: objects (commits, runs, verdicts, tags) that the other side has, with all that they need.
        promised: tells which of some blobs that are not here are known to be at a remote. They go into `left`.
    """

    def __init__(
        self,
        store: ObjectStore,
        known: Iterable[ObjectId],
        promised: Callable[[Collection[ObjectId]], Collection[ObjectId]] | None = None,
    ) -> None:
        self._store = store
        self._known = Known(store, known)
        self._promised = promised
        self.left: set[ObjectId] = set()
        self.wanted: dict[ObjectId, Location] = {}

    def add(self, item: ObjectId) -> None:
        """Gather an object and everything it needs.

        Raises:
            ObjectMissing: if something that it needs is not here.
            IntegrityFailure: if a link leads to an object of a kind that it must not lead to, or to a damaged one.
            ObjectInvalid, UnsafeName: if an object means nothing.
        """
        # A list, not recursion: whoever made the objects decides how long the way is.
        waiting = [item]
        while waiting:
            current = waiting.pop()
            if current in self.wanted or self._known.has(current):
                continue
            kind = self._store.kind(current)
            if kind is Kind.COMMIT:
                waiting += self._add_commits(current)
            elif kind is Kind.RUN:
                waiting += self._add_run(current, ())
            elif kind is Kind.VERDICT:
                if not self._known.has_record(current):
                    self._want(current, Kind.VERDICT)
                    verdict = self._store.verdict(current)
                    waiting += (verdict.run, verdict.repeat)
            elif kind is Kind.TAG:
                self._want(current, Kind.TAG)
                waiting.append(self._store.tag(current).target)
            else:
                raise IntegrityFailure(what="a ref", reason=f"it leads to a {kind.label}, {current.short}")

    def _add_commits(self, tip: ObjectId) -> list[ObjectId]:
        """Commits back to those that are known, newest first; the records that they lead to."""
        steps = {tip: self._step(tip)}
        waiting = [(-steps[tip].time, tip)]
        new: dict[ObjectId, _Step] = {}
        while waiting:
            current = heapq.heappop(waiting)[1]
            step = steps[current]
            if current in self.wanted or self._known.has_commit(current, step.time):
                continue
            self._want(current, Kind.COMMIT)
            new[current] = step
            for parent in step.parents:
                if parent not in steps:
                    steps[parent] = self._step(parent)
                    heapq.heappush(waiting, (-steps[parent].time, parent))
        # Parents first: a tree may be compared only with those that are there as a whole. A state that comes back, as
        # when a change is taken back, would otherwise be left out in favour of one that is left out in favour of it.
        for step in _parents_first(tip, new):
            self._add_tree(step.tree, [steps[parent].tree for parent in step.parents] or self._known.trees)
        records: list[ObjectId] = []
        for step in new.values():
            if step.run is not None:
                records += self._add_run(step.run, [step.tree, *(steps[parent].tree for parent in step.parents)])
        return records

    def _step(self, item: ObjectId) -> _Step:
        commit = self._store.commit(item)
        return _Step(commit.time, commit.tree, commit.parents, commit.run)

    def _add_run(self, item: ObjectId, near: Sequence[ObjectId]) -> list[ObjectId]:
        """A run with its trees, which are compared with those in `near`; the records that it leads to."""
        if item in self.wanted:
            return []
        run = self._store.run(item)
        # The base need not travel: it may have been amended away. Only if it does can its tree be counted on.
        if run.base is not None and self._will_be_there(run.base):
            near = [*near, self._store.commit(run.base).tree]
        if self._known.has_record(item):
            return []
        self._want(item, Kind.RUN)
        near = near or self._known.trees
        for tree in (run.input, run.output, run.log):
            if tree is not None:
                self._add_tree(tree, near)
        if not any(entry.id == run.recipe for entry in self._entries(run.input)):
            self._want_files({run.recipe: ()})
        return [] if run.repeats is None else [run.repeats]

    def _will_be_there(self, commit: ObjectId) -> bool:
        if not self._store.has(commit) or self._store.kind(commit) is not Kind.COMMIT:
            return False
        return commit in self.wanted or self._known.has_commit(commit, self._store.commit(commit).time)

    def _add_tree(self, tree: ObjectId, near: Sequence[ObjectId]) -> None:
        """A tree and what is below it, but for what is in the same folders of the trees in `near`, under any name."""
        if tree in near:
            return
        folders_there: set[ObjectId] = set()
        files_there: set[ObjectId] = set()
        files: list[tuple[TreeEntry, list[ObjectId]]] = []
        compared: list[tuple[ObjectId, Sequence[ObjectId]]] = [(tree, near)]
        # Folders that are new, or have another name: looked at last, when it is known what has gone elsewhere.
        others: list[tuple[ObjectId, Sequence[ObjectId]]] = []
        while compared or others:
            current, before = (compared or others).pop()
            if current in folders_there or not self._want_tree(current, before):
                continue
            olds = [self._entries(old) for old in before]
            for old in olds:
                folders_there.update([entry.id for entry in old if entry.is_directory])
                files_there.update([entry.id for entry in old if not entry.is_directory])
            fresh = [
                entry
                for entry in self._entries(current)
                if entry.id not in (folders_there if entry.is_directory else files_there)
            ]
            names = {entry.name for entry in fresh}
            counterparts: dict[bytes, list[TreeEntry]] = {}
            for old in olds:
                for entry in old:
                    if entry.name in names:
                        counterparts.setdefault(entry.name, []).append(entry)
            for entry in fresh:
                found = counterparts.get(entry.name, ())
                same = [other.id for other in found if other.is_directory == entry.is_directory]
                if not entry.is_directory:
                    files.append((entry, same))
                elif same:
                    compared.append((entry.id, same))
                else:
                    others.append((entry.id, ()))
        new = {entry.id: (entry.size, same) for entry, same in files if entry.id not in files_there}
        self._want_files({item: same for item, (_, same) in new.items()})
        for item, (size, _) in new.items():
            # Before anybody reads it: a list of chunks can claim to be far longer than any disk.
            if item not in self.left:
                check_size(item, self.wanted[item].size, size)

    def _entries(self, tree: ObjectId) -> tuple[TreeEntry, ...]:
        return self._store.tree(tree).entries

    def _want_tree(self, tree: ObjectId, before: Sequence[ObjectId]) -> bool:
        if tree in self.wanted:
            return False
        if tree == EMPTY_TREE_ID and not self._store.has(tree):
            # Known to everybody, and often never stored.
            return False
        if self._want(tree, Kind.TREE).codec is Codec.CHUNKS:
            self._want_pieces(tree, before)
        return True

    def _want_files(self, files: Mapping[ObjectId, Sequence[ObjectId]]) -> None:
        """Blobs, each with its counterparts, and their chunks."""
        new = self._here([item for item in files if item not in self.wanted])
        for item, location in self._store.locations(new).items():
            self._take(item, location, Kind.BLOB)
            if location.codec is Codec.CHUNKS:
                self._want_pieces(item, files[item])

    def _here(self, items: list[ObjectId]) -> list[ObjectId]:
        """Those of some blobs that are here; the others are promised, or will not be found."""
        if self._promised is None:
            return items
        absent = self._store.absent(items)
        self.left.update(self._promised(absent) if absent else ())
        return [item for item in items if item not in self.left] if absent else items

    def _want_pieces(self, item: ObjectId, before: Sequence[ObjectId]) -> None:
        """The chunks of an object, but for those that an earlier version of it has."""
        # What an earlier version consists of is not known here, if its content was left at a remote.
        there = {piece for old in before if self._store.has(old) for piece in self._store.chunks(old)}
        new = {piece for piece in self._store.chunks(item) if piece not in there and piece not in self.wanted}
        for piece, location in self._store.locations(new).items():
            self._take(piece, location, Kind.BLOB)

    def _want(self, item: ObjectId, kind: Kind) -> Location:
        return self._take(item, self._store.location(item), kind)

    def _take(self, item: ObjectId, location: Location, kind: Kind) -> Location:
        if location.kind is not kind:
            raise IntegrityFailure(
                what=f"object {item.short}", reason=f"it is a {location.kind.label} where a {kind.label} belongs"
            )
        self.wanted[item] = location
        return location


def _parents_first(tip: ObjectId, steps: Mapping[ObjectId, _Step]) -> Iterator[_Step]:
    """The steps that can be reached from one of them, each after its parents, whatever times they were made at."""
    done: set[ObjectId] = set()
    waiting = [tip] if tip in steps else []
    while waiting:
        current = waiting[-1]
        before = [parent for parent in steps[current].parents if parent in steps and parent not in done]
        if current in done or not before:
            waiting.pop()
            if current not in done:
                done.add(current)
                yield steps[current]
        else:
            waiting += before
