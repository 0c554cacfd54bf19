"""What `sovr status` tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sovrgit.objects.ids import ObjectId
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

    `branch` is the ref's full name, `head` its commit, `changes` what a commit would record, `merge` one that waits;
    `renames` are pairs of the changes that are one file under another name.
    """

    branch: str
    head: ObjectId | None
    changes: tuple[Change, ...]
    files: int
    merge: MergeState | None = None
    renames: tuple[Rename, ...] = ()

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
    return Status(refs.head, refs.current(), tuple(changes), files, _merge(pod), _renames(pod, changes))


def _renames(pod: Pod, changes: list[Change]) -> tuple[Rename, ...]:
    kinds = {change.kind for change in changes}
    if not {"added", "removed"} <= kinds:
        return ()
    from sovrgit.pod.renames import find_renames
    from sovrgit.pod.worktree import read_working

    return tuple(find_renames(changes, pod.store.read_entry, read_working(pod)))


def _merge(pod: Pod) -> MergeState | None:
    if not (pod.folder / MERGE_FILE).exists():
        return None
    # Most pods have none, and loading what merging needs takes longer than the rest of this.
    from sovrgit.pod.mergestate import read_state

    return read_state(pod)
