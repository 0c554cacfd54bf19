"""Moving the working tree to another commit, or single paths to what a commit says, without losing local changes."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from sovrgit.errors import LocalChanges, PathNotFound, UnsafeName
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import EMPTY_TREE_ID
from sovrgit.pod.checkout import apply_changes
from sovrgit.pod.keeping import keep_old
from sovrgit.pod.lock import refuse_running
from sovrgit.pod.mergestate import refuse_unfinished
from sovrgit.pod.newfile import Advance, silent
from sovrgit.pod.paths import folders_above, is_within, outermost
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import RefChange, Rewritten
from sovrgit.pod.treediff import Change, diff_trees, find
from sovrgit.pod.treeedit import TreeEditor
from sovrgit.pod.worktree import WorkingTree

_NAMED_IN_MESSAGE = 5


def move_to(
    pod: Pod,
    target: ObjectId,
    *,
    command: str,
    time_ns: int,
    advance: Advance | None = None,
    head: str | None = None,
    changes: Sequence[RefChange] | None = None,
) -> int:
    """Bring the working tree and the current branch to a commit; the number of paths that changed.

    Local changes elsewhere are kept. The caller holds the pod's lock.

    Args:
        head: another branch, to be checked out from now on.
        changes: the refs to move instead of the current branch.

    Raises:
        LocalChanges: if a path that would change is changed locally, or an ignored file is in the way; nothing is
            touched.
        MergeUnfinished: if a merge waits for its conflicts to be resolved.
        Locked: if the pod is being run.
        UnsafeName, ObjectMissing, IntegrityFailure, StorageFull, ReadOnly, StorageFailure: as for `apply_changes`.
    """
    refuse_unfinished(pod)
    refuse_running(pod.folder, pod.root)
    refs = pod.refs.read()
    before, tree = pod.head_tree(), pod.store.commit(target).tree
    rewrite = Rewrite.prepare(pod, before, tree)
    changed = rewrite.run(advance)
    if changes is None:
        changes = [RefChange(refs.head, refs.current(), target)]
    rewritten = Rewritten(rewrite.origin(before), tree) if before != tree else None
    pod.refs.update(changes, command=command, time_ns=time_ns, head=head, rewritten=rewritten)
    rewrite.learn()
    return changed


@dataclass(slots=True)
class Rewrite:
    """Bringing the files from one tree to another one. Cost follows what differs: nothing else is looked at.

    `met` are the changes that the user had made already.
    """

    pod: Pod
    working: WorkingTree
    incoming: list[Change]
    met: list[Change] = field(default_factory=list)

    @classmethod
    def prepare(cls, pod: Pod, old: ObjectId, new: ObjectId) -> Rewrite:
        """Look what would be written, and what is there.

        Raises:
            SovrError: as for `diff_trees` and `WorkingTree.look`.
        """
        incoming = list(diff_trees(pod.store, old, new))
        working = WorkingTree.look(pod, [change.path for change in incoming])
        working.head_tree = old
        return cls(pod, working, incoming)

    def run(self, advance: Advance | None = None, shown: Collection[bytes] = ()) -> int:
        """Write the files; the number of paths that changed.

        Args:
            shown: paths that are written even if they were left out.

        Raises:
            LocalChanges, SovrError: as for `move_to`.
        """
        if not self.incoming:
            return 0
        pod = self.pod
        wanted = _without_done(self.incoming, _comparable(self.working, self.incoming))
        still = set(wanted)
        self.met = [change for change in self.incoming if change not in still]
        # What was left out stays so, whatever another commit has there.
        wanted = [change for change in wanted if change.path in shown or not self.working.is_absent(change.path)]
        check_free(os.fsencode(pod.root), wanted)
        apply_changes(pod.store, pod.root, pod.temporary, wanted, *([advance] if advance else []))
        return len(wanted)

    def origin(self, old: ObjectId) -> ObjectId:
        """The tree that the files really had before, for the journal: `old`, and what was changed in it already.

        To undo this must not take back what the user had done before.

        Raises:
            StorageFull, ReadOnly, StorageFailure: if the tree cannot be stored.
        """
        if not self.met:
            return old
        editor = TreeEditor(self.pod.store, old)
        for change in self.met:
            editor.put(change.path, change.new)
        emptied = {above for change in self.met for above in folders_above(change.path)}
        for folder in sorted(emptied - {change.path for change in self.met}, reverse=True):
            editor.prune(folder)
        with self.pod.store.session() as session:
            tree = editor.write(session)
            session.commit()
        return tree

    def learn(self) -> None:
        """Let the index know the files that were written, once the refs have moved."""
        self.working.learn([change.path for change in self.incoming])


def restore(
    pod: Pod, tree: ObjectId, paths: Sequence[bytes], *, time_ns: int, advance: Advance | None = None
) -> list[Change]:
    """Bring paths of the working tree to what a tree says; what was done.

    Files that the tree does not have are left alone, unless they are named themselves, or stand where the tree has a
    folder. What is overwritten is stored first, so that `sovr undo` can bring it back.

    Raises:
        PathNotFound: if a path is neither in the tree nor in the working tree.
        LocalChanges: if such files are in a folder where the tree has a file; nothing is touched.
        FileUnstable: if a file that is to be overwritten is being written to; nothing is touched.
        UnsafeName, ObjectMissing, IntegrityFailure, StorageFull, ReadOnly, StorageFailure: as for `apply_changes`.
    """
    with pod.lock():
        return _restore(pod, tree, paths, "restore", time_ns, advance or silent)


def bring_back(pod: Pod, tree: ObjectId, paths: Sequence[bytes], *, command: str, time_ns: int) -> list[Change]:
    """The same, and files below the paths that the tree does not have go. The caller holds the pod's lock.

    Raises:
        LocalChanges, FileUnstable, SovrError: as for `restore`.
    """
    return _restore(pod, tree, paths, command, time_ns, silent, exact=True)


def _restore(
    pod: Pod,
    tree: ObjectId,
    paths: Sequence[bytes],
    command: str,
    time_ns: int,
    advance: Advance,
    *,
    exact: bool = False,
) -> list[Change]:
    working = WorkingTree.look(pod, paths)
    # The working tree seen as the old side, the tree as the new one.
    local = working.changes() if tree == working.head_tree else against(working, tree)
    wanted: list[Change] = []
    for path in outermost(paths):
        touched = [change for change in local if is_within(change.path, path)]
        if not touched and path and not exact and find(pod.store, tree, path) is None:
            raise PathNotFound(path=os.fsdecode(path), where="the working tree or the commit")
        named = {*paths, *_in_tree(touched)}
        wanted += [
            Change(change.path, change.new, change.old)
            for change in touched
            if exact or change.old is not None or change.path in named
        ]
    if wanted:
        # Nothing is overwritten where nothing is.
        absent = {change.path for change in wanted if working.is_absent(change.path)}
        made = [change._replace(old=None) if change.path in absent else change for change in wanted]
        if exact:
            made = [_left_out_again(working, change) for change in made]
        made = [change for change in made if (change.old, change.new) != (None, None)]
        rewritten = keep_old(pod, made)
        apply_changes(pod.store, pod.root, pod.temporary, [*made, *_emptied(pod, tree, made)], advance)
        pod.refs.update([], command=command, time_ns=time_ns, rewritten=rewritten)
        # What was written covers what was left out, until it is committed. What is to be gone is gone only by a rule.
        gone = [
            change.path
            for change in wanted
            if change.new is None and change.path in absent and find(pod.store, working.head_tree, change.path)
        ]
        if working.sparse is not None and gone:
            working.sparse.with_paths(gone, out=False).write(pod.folder)
        working.learn([change.path for change in wanted])
    return wanted


def _left_out_again(working: WorkingTree, change: Change) -> Change:
    """What was left out before something came into its place is left out again."""
    out = working.sparse is not None and working.sparse.leaves_out(change.path)
    if out and change.new is not None and find(working.pod.store, working.head_tree, change.path) == change.new:
        return change._replace(new=None)
    return change


def against(working: WorkingTree, tree: ObjectId) -> list[Change]:
    """The changes of the working tree, compared to another tree than its own."""
    working.head_tree, kept = tree, working.head_tree
    try:
        return working.changes()
    finally:
        working.head_tree = kept


def _in_tree(changes: list[Change]) -> set[bytes]:
    """The paths at which the old side has something, folders included."""
    paths = [change.path for change in changes if change.old is not None]
    return {above for path in paths for above in (path, *folders_above(path))}


def _emptied(pod: Pod, tree: ObjectId, changes: list[Change]) -> list[Change]:
    """The folders that lose a file and that the tree has, empty: they would go with their last file."""
    folders = {above for change in changes if change.new is None for above in folders_above(change.path)}
    found = [(folder, find(pod.store, tree, folder)) for folder in sorted(folders)]
    return [
        Change(folder, None, entry)
        for folder, entry in found
        if entry is not None and entry.is_directory and entry.id == EMPTY_TREE_ID
    ]


# --- what is in the way -----------------------------------------------------------------------------------------


def _comparable(working: WorkingTree, incoming: list[Change]) -> list[Change]:
    """The local changes, with ids where an incoming one may be the same."""
    alike = {(path, new.kind, new.size) for path, _, new in incoming if new is not None}
    return [
        working.with_id(change)
        if change.new is not None and (change.path, change.new.kind, change.new.size) in alike
        else change
        for change in working.changes()
    ]


def _without_done(incoming: list[Change], local: list[Change]) -> list[Change]:
    """The incoming changes that are still to be made; both are changes of the same tree.

    Raises:
        LocalChanges: if one of them meets a local change that is not the same.
    """
    done = set(local)
    changed = {change.path for change in local}
    here = [change for change in local if change.new is not None]
    files = {change.path for change in here if change.new is not None and not change.new.is_directory}
    folders = {above for change in here for above in folders_above(change.path)}
    wanted = [change for change in incoming if change not in done]
    clashes = []
    for change in wanted:
        path = change.path
        if change.is_directory:
            # An empty folder takes nobody's place, and goes only if it is empty.
            meets = path in files
        else:
            meets = path in changed or (change.new is not None and path in folders)
        if meets or any(above in files for above in folders_above(path)):
            clashes.append(path)
    if clashes:
        raise LocalChanges(paths=_listed(clashes))
    return wanted


def check_free(root: bytes, changes: list[Change]) -> None:
    """Refuse to overwrite what no look at the working tree tells of: ignored files, pipes, names that clash."""
    removed = {change.path for change in changes if change.new is None}
    going = set(map(_folded, removed))
    names: dict[bytes, frozenset[bytes]] = {}
    in_the_way = []
    for path, old, new in changes:
        if old is not None or new is None or any(place in removed for place in (path, *folders_above(path))):
            continue
        if not os.path.lexists(root + b"/" + path):
            continue
        folder, _, name = path.rpartition(b"/")
        if folder not in names:
            names[folder] = frozenset(os.listdir(root + b"/" + folder))
        if name in names[folder]:
            if not os.path.isdir(root + b"/" + path) or os.path.islink(root + b"/" + path):
                in_the_way.append(path)
        elif _folded(path) not in going:
            raise UnsafeName(
                name=os.fsdecode(path), reason="this file system does not tell it from another name in the same folder"
            )
    if in_the_way:
        raise LocalChanges(paths=_listed(in_the_way), hint="move them away: they are ignored, or no files")


def _folded(path: bytes) -> str:
    import unicodedata

    return unicodedata.normalize("NFC", os.fsdecode(path)).casefold()


def _listed(paths: list[bytes]) -> str:
    named = ", ".join(f"`{os.fsdecode(path)}`" for path in paths[:_NAMED_IN_MESSAGE])
    more = len(paths) - _NAMED_IN_MESSAGE
    return named + (f" and {more} more" if more > 0 else "")
