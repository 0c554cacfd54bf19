"""The Python API: branches, tags, merging, and taking back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from sovrgit.facade.base import PodBase, Where, inside

if TYPE_CHECKING:
    from sovrgit.pod.branches import Branch, Switched
    from sovrgit.pod.merge import FastForward, Merged
    from sovrgit.pod.mergestate import MergeState
    from sovrgit.pod.reflog import Position
    from sovrgit.pod.tags import TagName
    from sovrgit.pod.undo import Undone


class Branching(PodBase):
    """What moves branches, and what moves them back."""

    def branches(self, *, remote: bool = False) -> list[Branch]:
        """The branches of this pod, or with `remote` also those that were last seen at remotes."""
        from sovrgit.pod.branches import branches

        return branches(self.repository, remote=remote)

    def branch(self, name: str, start: str = "HEAD", *, force: bool = False) -> Branch:
        """Make a branch that begins at a revision.

        Raises:
            NameTaken, UnsafeName: if it cannot be called so.
            RevisionNotFound: if there is no such revision.
        """
        from sovrgit.pod.branches import create_branch
        from sovrgit.pod.revisions import resolve_commit

        begin = resolve_commit(self.repository, start)
        return create_branch(self.repository, name, begin, time_ns=self._clock(), force=force)

    def delete_branch(self, name: str, *, force: bool = False) -> Branch:
        """Remove a branch whose commits are in what is checked out, or at a remote; with `force` any.

        Raises:
            RevisionNotFound, NameTaken, NotMerged: as for `sovrgit.pod.branches.delete_branch`.
        """
        from sovrgit.pod.branches import delete_branch

        return delete_branch(self.repository, name, time_ns=self._clock(), force=force)

    def switch(self, name: str, *, create: bool = False, start: str | None = None, detach: bool = False) -> Switched:
        """Check out a branch, a new one with `create`, or with `detach` the commit that a revision stands for.

        Raises:
            RevisionNotFound, NameTaken, UnsafeName: if there is no such thing, or it is there already.
            LocalChanges: if a file that would change is changed locally; nothing is touched.
        """
        from sovrgit.pod import branches
        from sovrgit.pod.revisions import resolve_commit

        now = self._clock()
        if detach:
            return branches.switch_detached(self.repository, resolve_commit(self.repository, name), time_ns=now)
        if create:
            begin = resolve_commit(self.repository, start) if start is not None else None
            return branches.switch_new(self.repository, name, begin, time_ns=now)
        return branches.switch_branch(self.repository, name, time_ns=now)

    def tags(self) -> list[TagName]:
        """All tags, by name."""
        from sovrgit.pod.tags import tags

        return tags(self.repository)

    def tag(self, name: str, target: str = "HEAD", *, message: str | None = None, force: bool = False) -> TagName:
        """Name a revision, or anything with an id; with a message the tag is annotated.

        Raises:
            NameTaken, UnsafeName, RevisionNotFound: as for `branch`.
        """
        from sovrgit.pod.revisions import resolve_any
        from sovrgit.pod.tags import create_tag

        identity, _ = resolve_any(self.repository, target)
        tagger = self.stamp() if message is not None else None
        return create_tag(
            self.repository,
            name,
            identity,
            time_ns=self._clock(),
            message=message or "",
            tagger=tagger,
            force=force,
        )

    def merge(
        self,
        revision: str,
        *,
        message: str | None = None,
        fast_forward: FastForward = "allowed",
        unrelated: bool = False,
    ) -> Merged:
        """Bring a revision into the branch that is checked out. Conflicts are no exception: the result has them.

        Raises:
            RevisionNotFound, MergeUnfinished, HistoryDiverged, Unsupported, LocalChanges: as for
                `sovrgit.pod.merge.merge`.
        """
        from sovrgit.pod.merge import MergeRequest, merge
        from sovrgit.pod.revisions import resolve_commit

        other = resolve_commit(self.repository, revision)
        request = MergeRequest(other, revision, self.stamp(), message, fast_forward, unrelated)
        return merge(self.repository, request, time_ns=self._clock())

    def cherry_pick(self, revision: str, *, parent: int = 1) -> Merged:
        """Do again here what a commit did elsewhere.

        Raises:
            RevisionNotFound, MergeUnfinished, LocalChanges: as for `merge`.
        """
        from sovrgit.pod.merge import cherry_pick
        from sovrgit.pod.revisions import resolve_commit

        commit = resolve_commit(self.repository, revision)
        return cherry_pick(self.repository, commit, self.stamp(), parent=parent, time_ns=self._clock())

    def revert(self, revision: str, *, parent: int = 1) -> Merged:
        """Take back what a commit did, by a new commit.

        Raises:
            RevisionNotFound, MergeUnfinished, LocalChanges: as for `merge`.
        """
        from sovrgit.pod.merge import revert
        from sovrgit.pod.revisions import resolve_commit

        commit = resolve_commit(self.repository, revision)
        return revert(self.repository, commit, self.stamp(), parent=parent, time_ns=self._clock())

    def resolve(
        self, paths: Iterable[Where], side: Literal["ours", "theirs", "done"], *, force: bool = False
    ) -> MergeState:
        """Settle conflicts at and below paths; what is left of them. `commit(None)` finishes the merge.

        Raises:
            NoMerge, PathNotFound, Conflicted: as for `sovrgit.pod.resolve.resolve`.
        """
        from sovrgit.pod.resolve import resolve

        wanted = [inside(path) for path in paths]
        return resolve(self.repository, wanted, side, time_ns=self._clock(), force=force)

    def abort_merge(self) -> None:
        """Give a merge up that waits: the files are as they were before it.

        Raises:
            NoMerge: if none waits.
        """
        from sovrgit.pod.resolve import abort

        abort(self.repository, time_ns=self._clock())

    def reflog(self, name: str = "HEAD") -> list[Position]:
        """Where a branch, a tag or HEAD was, the latest first."""
        from sovrgit.pod.reflog import positions

        ref = "HEAD" if name == "HEAD" else self.repository.refs.read().full_name(name) or f"refs/heads/{name}"
        return list(positions(self.repository, ref))

    def undo(self, steps: int = 1) -> list[Undone]:
        """Take back the last commands that moved a branch, a tag or files.

        Raises:
            NothingToUndo: if there were not so many.
            MergeUnfinished: if a merge waits.
            LocalChanges: if files would be overwritten that were changed since.
        """
        from sovrgit.pod.undo import undo

        return undo(self.repository, time_ns=self._clock(), steps=steps)
