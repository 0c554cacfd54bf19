"""What a folder holds, at a glance: few files are named, many are counted."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from sovrgit.errors import ObjectMissing
from sovrgit.lineage.pods.sources import Trees
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import TreeEntry

SHOWN = 12
"""Files and folders that are shown for a folder; with more, its folders are shown as one."""


class FileCounter:
    """Counts files below trees, each tree once."""

    def __init__(self, store: Trees) -> None:
        self._store = store
        self._counts: dict[ObjectId, int | None] = {}
        self.missing: set[ObjectId] = set()
        """Trees that are not here."""

    def count(self, tree: ObjectId) -> int | None:
        """The number of files and links below a tree; None if a part of it is not here."""
        stack = [tree]
        while stack:
            current = stack[-1]
            if current in self._counts:
                stack.pop()
                continue
            try:
                entries = self._store.tree(current).entries
            except ObjectMissing:
                self.missing.add(current)
                self._counts[current] = None
                continue
            below = [entry.id for entry in entries if entry.is_directory]
            unknown = [item for item in below if item not in self._counts]
            if unknown:
                stack += unknown
                continue
            counts = [self._counts[item] for item in below]
            known = [count for count in counts if count is not None]
            whole = len(known) == len(counts)
            self._counts[current] = len(entries) - len(below) + sum(known) if whole else None
        return self._counts[tree]

    def shown(self, path: bytes, entry: TreeEntry) -> list[tuple[bytes, TreeEntry]]:
        """What stands for an entry, in order: itself, or up to `SHOWN` files and folders that make it up.

        Folders without a file are left out. What is closest to the top is opened first.
        """
        items = {path: entry}
        queue = deque([path])
        while queue:
            current = queue.popleft()
            opened = items[current]
            if not opened.is_directory:
                continue
            if self.count(opened.id) == 0:
                del items[current]
                continue
            try:
                entries = self._store.tree(opened.id).entries
            except ObjectMissing:
                continue
            if len(items) - 1 + len(entries) > SHOWN:
                continue
            del items[current]
            for child in entries:
                below = current + b"/" + child.name if current else child.name
                items[below] = child
                queue.append(below)
        return sorted(items.items())

    def files(self, tree: ObjectId) -> Iterator[ObjectId]:
        """The content of every file below a tree that is here."""
        stack = [tree]
        seen = {tree}
        while stack:
            try:
                entries = self._store.tree(stack.pop()).entries
            except ObjectMissing:
                continue
            # A tree may hold the same folder over and over.
            below = {entry.id for entry in entries if entry.is_directory} - seen
            seen |= below
            stack += below
            yield from (entry.id for entry in entries if not entry.is_directory)
