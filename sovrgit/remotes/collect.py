"""What one side has and the other lacks: cost follows what changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sovrgit.errors import IntegrityFailure
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import Tree, TreeEntry
from sovrgit.store.store import ObjectStore


class Collector:
    """Gathers the objects that must be sent so that the other side can use some refs.

    Args:
        store: where the objects are.
        known: objects (commits, runs, verdicts) that the other side has, with all that they need. Those that are not
            here are of no use and left out.
    """

    def __init__(self, store: ObjectStore, known: Iterable[ObjectId]) -> None:
        self._store = store
        self.wanted: dict[ObjectId, None] = {}
        self._known: set[ObjectId] = set()
        for item in known:
            if store.has(item):
                self._know(item)

    def add(self, item: ObjectId) -> None:
        """Gather an object and everything it needs.

        Raises:
            ObjectMissing: if something that it needs is not here.
            IntegrityFailure: if a ref leads to an object that no ref may lead to.
        """
        kind = self._store.kind(item)
        if kind is Kind.COMMIT:
            self._add_commits(item)
        elif kind is Kind.RUN:
            self._add_run(item, ())
        elif kind is Kind.VERDICT:
            if self._new(item):
                verdict = self._store.verdict(item)
                self.add(verdict.run)
                self.add(verdict.repeat)
        elif kind is Kind.TAG:
            if self._new(item):
                self.add(self._store.tag(item).target)
        else:
            raise IntegrityFailure(what="a ref", reason=f"it leads to a {kind.label}, {item.short}")

    def _know(self, item: ObjectId) -> None:
        stack = [item]
        while stack:
            current = stack.pop()
            if current in self._known or not self._store.has(current):
                continue
            self._known.add(current)
            if self._store.kind(current) is Kind.COMMIT:
                commit = self._store.commit(current)
                stack += commit.parents
                if commit.run is not None:
                    self._known.add(commit.run)

    def _add_commits(self, tip: ObjectId) -> None:
        order: list[ObjectId] = []
        stack = [tip]
        while stack:
            current = stack.pop()
            if self._new(current):
                order.append(current)
                stack += self._store.commit(current).parents
        for current in order:
            commit = self._store.commit(current)
            before = [self._store.commit(parent).tree for parent in commit.parents]
            self._add_tree(commit.tree, before)
            if commit.run is not None:
                self._add_run(commit.run, [commit.tree, *before])

    def _add_run(self, item: ObjectId, near: Sequence[ObjectId]) -> None:
        if not self._new(item):
            return
        run = self._store.run(item)
        if run.base is not None and self._store.has(run.base):
            near = [*near, self._store.commit(run.base).tree]
        for tree in (run.input, run.output, run.log):
            if tree is not None:
                self._add_tree(tree, near)
        if run.repeats is not None:
            self.add(run.repeats)

    def _add_tree(self, tree: ObjectId, before: Sequence[ObjectId]) -> None:
        if tree in before or not self._new(tree):
            return
        olds = [self._store.tree(old) for old in before]
        chunks = self._store.chunks(tree)
        if chunks:
            known = {piece for old in before for piece in self._store.chunks(old)}
            self._add_blobs(piece for piece in chunks if piece not in known)
        for entry in self._store.tree(tree).entries:
            counterparts = [found for old in olds if (found := _get(old, entry.name)) is not None]
            if any(found.id == entry.id for found in counterparts):
                continue
            if entry.is_directory:
                self._add_tree(entry.id, [found.id for found in counterparts if found.is_directory])
            elif self._new(entry.id):
                self._add_chunks(entry, counterparts)

    def _add_chunks(self, entry: TreeEntry, counterparts: list[TreeEntry]) -> None:
        pieces = self._store.chunks(entry.id)
        if pieces:
            known = {piece for old in counterparts if not old.is_directory for piece in self._store.chunks(old.id)}
            self._add_blobs(piece for piece in pieces if piece not in known)

    def _add_blobs(self, items: Iterable[ObjectId]) -> None:
        for item in items:
            self._new(item)

    def _new(self, item: ObjectId) -> bool:
        if item in self._known or item in self.wanted:
            return False
        self.wanted[item] = None
        return True


def _get(tree: Tree, name: bytes) -> TreeEntry | None:
    # Trees are sorted, and large ones are asked for every name in turn.
    entries = tree.entries
    low, high = 0, len(entries)
    while low < high:
        middle = (low + high) // 2
        if entries[middle].name < name:
            low = middle + 1
        else:
            high = middle
    return entries[low] if low < len(entries) and entries[low].name == name else None
