"""Which commit brought what stands at a path: answers are remembered, so that a history is walked once for a path."""

from __future__ import annotations

from typing import NamedTuple

from sovrgit.lineage.builder import Builder
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import TreeEntry


class Introduction(NamedTuple):
    """The commit in which a path got its content; `added` says that no parent had anything there.

    `certain` is False if the history goes on where it is not here.
    """

    commit: ObjectId
    added: bool
    certain: bool


class Introductions:
    """Finds introductions in one pod's history."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._known: dict[tuple[ObjectId, bytes], Introduction] = {}

    def of(self, commit: ObjectId, path: bytes, entry: TreeEntry) -> Introduction | None:
        """Where a path got the entry that a commit has there; None if the commit does not have it, or is not here."""
        read = self._builder.read_commit(commit)
        if read is None or not self._same(read.tree, path, entry):
            return None
        walked = []
        current = commit
        while (current, path) not in self._known:
            walked.append(current)
            earlier, certain = self._earlier(current, path, entry)
            if earlier is None:
                self._known[current, path] = Introduction(current, not self._before(current, path), certain)
            else:
                current = earlier
        found = self._known[current, path]
        for item in walked:
            self._known[item, path] = found
        return found

    def _earlier(self, commit: ObjectId, path: bytes, entry: TreeEntry) -> tuple[ObjectId | None, bool]:
        """A parent that has the same entry, and whether all parents are here."""
        read = self._builder.read_commit(commit)
        certain = True
        for parent in read.parents if read is not None else ():
            above = self._builder.read_commit(parent)
            if above is None:
                certain = False
            elif read is not None and (above.tree == read.tree or self._same(above.tree, path, entry)):
                return parent, True
        return None, certain

    def _before(self, commit: ObjectId, path: bytes) -> bool:
        read = self._builder.read_commit(commit)
        parents = [self._builder.read_commit(parent) for parent in read.parents] if read is not None else []
        return any(above is not None and self._builder.find(above.tree, path) is not None for above in parents)

    def _same(self, tree: ObjectId, path: bytes, entry: TreeEntry) -> bool:
        found = self._builder.find(tree, path)
        return found is not None and found.id == entry.id and found.kind is entry.kind
