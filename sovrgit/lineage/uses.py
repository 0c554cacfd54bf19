"""Which runs had a content among their inputs: every tree is read once, however many runs used it."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

from sovrgit.lineage.builder import Builder
from sovrgit.lineage.index import RunInput
from sovrgit.objects.ids import ObjectId


class Uses:
    """The inputs of all runs, seen from the contents.

    Args:
        wanted: the contents of files that will be asked for. Folders can always be asked for.
    """

    def __init__(self, builder: Builder, inputs: Collection[RunInput], wanted: Collection[bytes]) -> None:
        self._runs: dict[ObjectId, list[RunInput]] = {}
        self._holders: dict[ObjectId, list[tuple[ObjectId, bytes]]] = {}
        for item in inputs:
            self._runs.setdefault(item.input, []).append(item)
        seen = set(self._runs)
        stack = list(seen)
        while stack:
            tree = stack.pop()
            for entry in builder.entries(tree):
                if not entry.is_directory and entry.id not in wanted:
                    continue
                self._holders.setdefault(entry.id, []).append((tree, entry.name))
                if entry.is_directory and entry.id not in seen:
                    seen.add(entry.id)
                    stack.append(entry.id)

    def of(self, content: ObjectId) -> list[tuple[RunInput, bytes]]:
        """The runs that used a content, each with one path that it had there."""
        found = [(run, b"") for run in self._runs.get(content, ())]
        seen = {content}
        queue = deque([(content, b"")])
        while queue:
            current, path = queue.popleft()
            for tree, name in self._holders.get(current, ()):
                if tree in seen:
                    continue
                seen.add(tree)
                above = name + b"/" + path if path else name
                found += [(run, above) for run in self._runs.get(tree, ())]
                queue.append((tree, above))
        return found
