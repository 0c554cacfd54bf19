"""Making commits."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sovrgit.errors import Conflicted, FileUnsupported, MergeUnfinished, NothingToCommit, PathNotFound, RevisionNotFound
from sovrgit.objects.commit import GIT, Commit, Fork, Stamp
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.pod.index import ENTRY_KINDS, IGNORED, SPECIAL
from sovrgit.pod.mergestate import MergeState, forget_state, read_state, waits
from sovrgit.pod.paths import folders_above, outermost
from sovrgit.pod.pod import Pod
from sovrgit.pod.reading import unreadable
from sovrgit.pod.refs import RefChange, Rewritten
from sovrgit.pod.snapshot import Snapshot, take_snapshot
from sovrgit.pod.treediff import find
from sovrgit.pod.treeedit import TreeEditor
from sovrgit.pod.worktree import WorkingTree
from sovrgit.store.session import WriteSession


@dataclass(frozen=True, slots=True)
class Committed:
    """A commit that was made. `special` lists files that cannot be committed and were left out."""

    id: ObjectId
    commit: Commit
    branch: str
    special: tuple[str, ...]
    new_objects: int
    new_bytes: int


@dataclass(frozen=True, slots=True)
class CommitRequest:
    """What a commit shall say.

    Args:
        author: who, and when.
        message: the commit message.
        paths: only these are taken from the working tree; all of it if empty. Relative to the pod's root.
        amend: replace the commit that is checked out. Without a message, its message is kept.
        allow_empty: commit even if nothing has changed.
        fork: stands in a fork's first commit.
    """

    author: Stamp
    message: str | None
    paths: Sequence[bytes] = ()
    amend: bool = False
    allow_empty: bool = False
    fork: Fork | None = None


def commit(pod: Pod, request: CommitRequest) -> Committed:
    """Record the working tree. If a merge waits this finishes it; without a message, with the merge's own.

    Raises:
        NothingToCommit: if nothing has changed.
        PathNotFound: if a path is neither in the working tree nor in the last commit, or ignored.
        FileUnsupported: if a path is a socket, device or pipe.
        RevisionNotFound: if there is no commit to amend.
        Conflicted: if a merge waits whose conflicts are not resolved.
        MergeUnfinished: if a merge waits, and this is to record something else.
        FileUnstable, StorageFailure, UnsafeName: if a file cannot be taken.
        SigningKeyMissing: if commits are to be signed and there is no key.
        Locked, StorageFull, ReadOnly, StorageFailure: the pod is as it was.
    """
    with pod.lock(), pod.store.session() as session:
        state = _waiting(pod, request)
        working = WorkingTree.look(pod)
        before = working.head_tree
        snapshot = take_snapshot(pod.root, working.found, working.index, session)
        tree = _only(pod, session, working, snapshot, request.paths) if request.paths else snapshot.tree
        head = pod.head()
        # As it was recorded: what is amended keeps its parents, though they may have been left at a remote.
        previous = pod.store.recorded_commit(head) if head is not None else None
        if state is not None and head is not None:
            made = _finished(state, head, tree, request)
            is_new = len(made.parents) > 1 or tree != working.head_tree or request.allow_empty
        elif request.amend:
            made = _amended(previous, tree, request)
            # The same signature again, if nothing else is new; none takes nobody's away.
            signed = pod.sign(made)
            is_new = (made if signed.signature is None else signed) != previous
            made = _as_made_here(made)
        else:
            made = Commit(
                tree=tree,
                parents=() if head is None else (head,),
                author=request.author,
                message=_clean(request.message or ""),
                fork=request.fork,
            )
            is_new = tree != working.head_tree or request.allow_empty
        if not is_new:
            # What the look at the working tree has taught is worth keeping.
            session.commit()
            working.remember()
            raise NothingToCommit
        if state is None:
            command = "amend" if request.amend else "commit"
            return publish(pod, session, working, snapshot, made, command, expected=head)
        # The merge has written into the working tree: to undo it is to undo that, too.
        rewritten = Rewritten(before, tree) if before != tree else None
        done = publish(pod, session, working, snapshot, made, state.operation, expected=head, rewritten=rewritten)
        forget_state(pod)
        return done


def publish(
    pod: Pod,
    session: WriteSession,
    working: WorkingTree,
    snapshot: Snapshot,
    made: Commit,
    command: str,
    *,
    expected: ObjectId | None = None,
    rewritten: Rewritten | None = None,
) -> Committed:
    """Sign and store a commit of the working tree's snapshot, and move the branch to it. The caller holds the lock.

    Objects first, the ref last: a crash in between leaves garbage, never a ref to nothing.

    Args:
        expected: where the branch is; the first parent of the commit if not given.
        rewritten: what was done to the working tree since the last commit, if `sovr undo` is to take it back.

    Raises:
        RevisionNotFound: if the branch is somewhere else by now, so that a commit would be lost.
    """
    branch = pod.refs.read().head
    made = pod.sign(made)
    identity = session.add(Kind.COMMIT, made.encode())
    session.commit()
    old = expected or next(iter(made.parents), None)
    pod.refs.update(
        [RefChange(branch, old, identity)], command=command, time_ns=made.time * 1_000_000_000, rewritten=rewritten
    )
    working.head_tree = made.tree
    working.remember()
    working.settle()
    return Committed(identity, made, branch, snapshot.special, session.new_objects, session.new_bytes)


def _waiting(pod: Pod, request: CommitRequest) -> MergeState | None:
    """The merge that this commit finishes."""
    if not waits(pod):
        return None
    state = read_state(pod)
    if state is None:
        return None
    if state.open:
        raise Conflicted(paths=", ".join(f"`{os.fsdecode(conflict.path)}`" for conflict in state.open))
    if request.amend or request.paths:
        raise MergeUnfinished(
            operation=state.operation, hint="`sovr commit` without paths finishes it, `sovr merge --abort` gives it up"
        )
    return state


def _finished(state: MergeState, head: ObjectId, tree: ObjectId, request: CommitRequest) -> Commit:
    """The commit that ends a merge."""
    author = state.author or request.author
    return Commit(
        tree=tree,
        parents=(head, state.other) if state.operation == "merge" else (head,),
        author=author,
        message=_clean(request.message) if request.message is not None else state.message,
        committer=request.author if request.author != author else None,
    )


def _amended(previous: Commit | None, tree: ObjectId, request: CommitRequest) -> Commit:
    if previous is None:
        raise RevisionNotFound(revision="HEAD", hint="there is no commit to amend yet; run `sovr commit`")
    message = previous.message if request.message is None else _clean(request.message)
    committer = request.author if request.author != previous.author else None
    # A run stands behind a commit only as long as the commit is what the run left.
    run, reuse = (previous.run, previous.reuse) if tree == previous.tree else (None, None)
    return replace(previous, tree=tree, message=message, committer=committer, run=run, reuse=reuse)


def _as_made_here(commit: Commit) -> Commit:
    """A commit that is another one than the one that came from Git: of what was kept of that, only what stands for its
    tree is true of this one.
    """
    if GIT not in commit.extra:
        return commit
    kept = commit.extra[GIT]
    entries = kept.get("entries") if isinstance(kept, dict) else None
    others = {key: value for key, value in commit.extra.items() if key != GIT}
    return replace(commit, extra=others | ({GIT: {"entries": entries}} if entries else {}))


def _clean(message: str) -> str:
    """The message without blank lines around it and spaces at the ends of lines, as Git cleans it."""
    # Not splitlines(), which also splits at characters that may stand in a line.
    return "\n".join(line.rstrip() for line in message.split("\n")).strip("\n")


def _only(
    pod: Pod, session: WriteSession, working: WorkingTree, snapshot: Snapshot, paths: Sequence[bytes]
) -> ObjectId:
    """The tree of the last commit with only these paths as they are in the snapshot that was just taken."""
    editor = TreeEditor(pod.store, working.head_tree)
    for path in outermost(paths):
        if not path:
            return snapshot.tree
        entry = _working_entry(working, path)
        if entry is None and find(pod.store, working.head_tree, path) is None:
            name = os.fsdecode(path)
            if _is_ignored(working, name):
                raise PathNotFound(path=name, where="the pod", hint="it is ignored by `.sovrignore`")
            raise PathNotFound(path=name, where="the working tree or the last commit")
        editor.put(path, entry)
        if entry is None:
            # Folders that are gone with their last file are gone in the commit, too.
            for folder in reversed(list(folders_above(path))):
                if os.fsdecode(folder) not in working.found.folders:
                    editor.prune(folder)
    return editor.write(session)


def _working_entry(working: WorkingTree, path: bytes) -> TreeEntry | None:
    """The entry of a path in the snapshot, None if there is none or it is ignored."""
    folders = working.found.folders
    full = os.fsdecode(path)
    above, _, name = full.rpartition("/")
    if full in folders:
        folder = folders[full]
        return TreeEntry(os.fsencode(name), EntryKind.DIRECTORY, ObjectId(folder.tree), folder.size)
    if above not in folders or name not in folders[above].names:
        return None
    folder, at = folders[above], folders[above].names.index(name)
    if folder.kinds[at] == SPECIAL:
        raise FileUnsupported(path=full, what=_form(working.pod.root / full))
    kind = ENTRY_KINDS.get(folder.kinds[at])
    return None if kind is None else TreeEntry(os.fsencode(name), kind, ObjectId(folder.id_at(at)), folder.sizes[at])


def _is_ignored(working: WorkingTree, path: str) -> bool:
    while path:
        path, _, name = path.rpartition("/")
        folder = working.found.folders.get(path)
        if folder is not None:
            return name in folder.names and folder.kinds[folder.names.index(name)] == IGNORED
    return False


def _form(path: Path) -> str:
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        raise unreadable(error, os.fspath(path)) from error
    return "socket" if stat.S_ISSOCK(mode) else "pipe" if stat.S_ISFIFO(mode) else "device"
