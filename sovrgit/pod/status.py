"""What `sovr status` tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sovrgit.errors import ObjectMissing
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import TreeEntry
from sovrgit.pod.overlay import LeftOut
from sovrgit.pod.paths import MERGE_FILE
from sovrgit.pod.pod import Pod
from sovrgit.pod.treediff import Change
from sovrgit.pod.worktree import WorkingTree

if TYPE_CHECKING:
    from sovrgit.pod.mergestate import MergeState
    from sovrgit.pod.renames import Rename


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a pod.

    `branch` is the ref's full name, `head` its commit, `changes` what a commit would record, `merge` one that waits,
    `absent` what was left at a remote: files, and folders with all that is in them. `files` counts what is here;
    `renames` are pairs of the changes that are one file under another name.
    """

    branch: str
    head: ObjectId | None
    changes: tuple[Change, ...]
    files: int
    merge: MergeState | None = None
    renames: tuple[Rename, ...] = ()
    absent: tuple[LeftOut, ...] = ()

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
    files, absent = tree.files, tuple(tree.absent)
    if tree.found.changed or tree.found.removed:
        # What was learned saves reading next time; a pod that cannot be written to is no reason to fail.
        tree.remember()
    return Status(refs.head, refs.current(), tuple(changes), files, _merge(pod), _renames(pod, changes), absent)


def _renames(pod: Pod, changes: list[Change]) -> tuple[Rename, ...]:
    kinds = {change.kind for change in changes}
    if not {"added", "removed"} <= kinds:
        return ()
    from sovrgit.pod.renames import find_renames
    from sovrgit.pod.worktree import read_working

    def read(path: bytes, entry: TreeEntry) -> bytes:
        # What was left at a remote is not fetched for a guess.
        try:
            return pod.store.read_entry(path, entry)
        except ObjectMissing:
            return b""

    return tuple(find_renames(changes, read, read_working(pod)))


def _merge(pod: Pod) -> MergeState | None:
    if not (pod.folder / MERGE_FILE).exists():
        return None
    # Most pods have none, and loading what merging needs takes longer than the rest of this.
    from sovrgit.pod.mergestate import read_state

    return read_state(pod)
