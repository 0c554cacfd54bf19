"""One history: what a commit, of this pod or another one, could know of."""

from __future__ import annotations

from bisect import bisect_left

from sovrgit.lineage.builder import Builder
from sovrgit.lineage.graph import RunDetails
from sovrgit.lineage.introduced import Introduction
from sovrgit.objects.ids import ObjectId


class Scope:
    """The ancestors of a commit, and the runs among them.

    Args:
        commit: None for no history.
        pod: the key of the pod that the commit is from; nothing for the one that is asked about.
        depth: how many pods away that is.
    """

    def __init__(self, builder: Builder, commit: ObjectId | None, pod: str = "", depth: int = 0) -> None:
        self.commit = commit
        self.pod = pod
        self.depth = depth
        self._index = builder.index
        self.history = {} if commit is None else self._index.of_commit(commit).ancestry(commit)
        self._makers: dict[ObjectId, list[tuple[int, ObjectId, bytes]]] = {}

    def position(self, introduction: Introduction | None) -> int | None:
        """A number above those of the ancestors of an introduction's commit."""
        return None if introduction is None else self.history.get(introduction.commit)

    def made(self, content: ObjectId) -> list[tuple[int, ObjectId, bytes]]:
        """The runs of this history that put out a content, with the position of their commits, in order."""
        if content not in self._makers:
            found = []
            for maker in self._index.makings(content):
                positions = [self.history[item] for item in maker.commits if item in self.history]
                if positions:
                    found.append((positions[0], maker.run, maker.path))
            self._makers[content] = sorted(found, key=lambda item: item[0])
        return self._makers[content]

    def made_before(
        self, content: ObjectId, before: int | None, besides: ObjectId | None
    ) -> tuple[ObjectId, bytes] | None:
        """The last run that put out a content before a position, but for one run, and the path it had there."""
        made = self.made(content)
        end = len(made) if before is None else bisect_left(made, before, key=lambda item: item[0])
        earlier = (item for item in reversed(made[:end]) if item[1] != besides)
        return next(((run, path) for _, run, path in earlier), None)

    def commit_of(self, details: RunDetails) -> ObjectId | None:
        """The commit that a run made, or another one in this history that names it."""
        if details.made is not None and details.made in self.history:
            return details.made
        return next((item for item in self._index.commits_of(details.id) if item in self.history), details.made)
