"""Moving the working tree to another commit, or single paths to what a commit says, without losing local changes."""

from __future__ import annotations

import os
from collections.abc import Sequence

from sovrgit.errors import LocalChanges, PathNotFound
from sovrgit.objects.ids import ObjectId
from sovrgit.pod.checkout import Advance, apply_changes
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import RefChange
from sovrgit.pod.treediff import Change, diff_trees
from sovrgit.pod.worktree import WorkingTree

_NAMED_IN_MESSAGE = 5


def move_to(pod: Pod, target: ObjectId, *, command: str, time_ns: int, advance: Advance | None = None) -> int:
    """Bring the working tree and the current branch to a commit; the number of paths that changed.

    Local changes elsewhere are kept. The caller holds the pod's lock.

    Raises:
        LocalChanges: if a path that would change is changed locally; nothing is touched.
        UnsafeName, ObjectMissing, IntegrityFailure, StorageFull, ReadOnly, StorageFailure: as for `apply_changes`.
    """
    refs = pod.refs.read()
    working = WorkingTree.look(pod)
    tree = pod.store.commit(target).tree
    incoming = list(diff_trees(pod.store, working.head_tree, tree))
    wanted = _without_done(incoming, working.changes())
    apply_changes(pod.store, pod.root, pod.temporary, wanted, *([advance] if advance else []))
    pod.refs.update([RefChange(refs.head, refs.current(), target)], command=command, time_ns=time_ns)
    _learn(pod)
    return len(wanted)


def restore(pod: Pod, tree: ObjectId, paths: Sequence[bytes], advance: Advance | None = None) -> list[Change]:
    """Bring paths of the working tree to what a tree says; what was done.

    Files that the tree does not have are left alone, unless they are named themselves.

    Raises:
        PathNotFound: if a path is neither in the tree nor in the working tree.
    """
    with pod.lock():
        working = WorkingTree.look(pod)
        # The working tree seen as the old side, the tree as the new one.
        local = working.changes() if tree == working.head_tree else _against(working, tree)
        wanted: list[Change] = []
        for path in paths:
            touched = [change for change in local if _within(change.path, path)]
            if not touched and not _exists(working, tree, path):
                raise PathNotFound(path=os.fsdecode(path), where="the working tree or the commit")
            wanted += [
                Change(change.path, change.new, change.old)
                for change in touched
                if change.old is not None or change.path == path
            ]
        apply_changes(pod.store, pod.root, pod.temporary, wanted, *([advance] if advance else []))
        _learn(pod)
    return wanted


def _against(working: WorkingTree, tree: ObjectId) -> list[Change]:
    working.head_tree, kept = tree, working.head_tree
    try:
        return working.changes()
    finally:
        working.head_tree = kept


def _exists(working: WorkingTree, tree: ObjectId, path: bytes) -> bool:
    from sovrgit.pod.treediff import find

    return not path or find(working.pod.store, tree, path) is not None


def _without_done(incoming: list[Change], local: list[Change]) -> list[Change]:
    """The incoming changes that are still to be made.

    Raises:
        LocalChanges: if one of them meets a local change that is not the same.
    """
    changed_here = {change.path: change for change in local}
    wanted = []
    clashes = []
    for change in incoming:
        here = changed_here.get(change.path)
        if here is not None and here.new == change.new:
            continue
        if here is not None or any(_within(path, change.path) or _within(change.path, path) for path in changed_here):
            clashes.append(change.path)
        else:
            wanted.append(change)
    if clashes:
        named = ", ".join(f"`{os.fsdecode(path)}`" for path in clashes[:_NAMED_IN_MESSAGE])
        more = len(clashes) - _NAMED_IN_MESSAGE
        raise LocalChanges(paths=named + (f" and {more} more" if more > 0 else ""))
    return wanted


def _within(path: bytes, folder: bytes) -> bool:
    return not folder or path == folder or path.startswith(folder + b"/")


def _learn(pod: Pod) -> None:
    """Look again, so that the index knows the files that were just written."""
    working = WorkingTree.look(pod)
    working.changes()
    working.save_index()
