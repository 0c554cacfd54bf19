"""What `sovr status` tells."""

from __future__ import annotations

from dataclasses import dataclass

from sovrgit.objects.ids import ObjectId
from sovrgit.pod.pod import Pod
from sovrgit.pod.treediff import Change
from sovrgit.pod.worktree import WorkingTree


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a pod: `branch` is the ref's full name, `head` its commit, `changes` what a commit would record."""

    branch: str
    head: ObjectId | None
    changes: tuple[Change, ...]
    files: int

    @property
    def is_clean(self) -> bool:
        """Whether a commit would record nothing."""
        return not self.changes


def status(pod: Pod) -> Status:
    """Compare the working tree with the commit that is checked out.

    Raises:
        StorageFailure: if a folder or file cannot be read.
        FileUnstable: if one is gone while it is being looked at.
        ObjectMissing, IntegrityFailure: if the commit cannot be read.
    """
    refs = pod.refs.read()
    tree = WorkingTree.look(pod)
    changes = tree.changes()
    if tree.found.changed or tree.found.removed:
        # What was learned saves reading next time; a pod that cannot be written to is no reason to fail.
        tree.remember()
    files = sum(folder.files for folder in tree.found.folders.values())
    return Status(refs.head, refs.current(), tuple(changes), files)
