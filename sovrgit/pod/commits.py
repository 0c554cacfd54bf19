"""Making commits."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sovrgit.errors import NothingToCommit, PathNotFound, RevisionNotFound
from sovrgit.objects.commit import Commit, Fork, Stamp
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.pod.index import ENTRY_KINDS
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import RefChange
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
    """Record the working tree.

    Raises:
        NothingToCommit: if nothing has changed.
        PathNotFound: if a path is neither in the working tree nor in the last commit.
        FileUnstable, UnsafeName: if a file cannot be taken.
        Locked, StorageFull, ReadOnly, StorageFailure: the pod is as it was.
    """
    with pod.lock(), pod.store.session() as session:
        working = WorkingTree.look(pod)
        snapshot = take_snapshot(pod.root, working.found, working.index, session)
        tree = snapshot.tree if not request.paths else _only(pod, session, working, request.paths)
        head = pod.head()
        previous = pod.store.commit(head) if head is not None else None
        if request.amend:
            made = _amended(previous, tree, request)
        else:
            if previous is not None and previous.tree == tree and not request.allow_empty:
                _keep(working, session)
                raise NothingToCommit
            made = Commit(
                tree=tree,
                parents=() if head is None else (head,),
                author=request.author,
                message=_clean(request.message or ""),
                fork=request.fork,
            )
        if previous is not None and request.amend and made == previous:
            raise NothingToCommit
        return publish(pod, session, working, snapshot, made, "amend" if request.amend else "commit")


def publish(
    pod: Pod, session: WriteSession, working: WorkingTree, snapshot: Snapshot, made: Commit, command: str
) -> Committed:
    """Store a commit of the working tree's snapshot and move the branch to it. The caller holds the lock.

    Objects first, the ref last: a crash in between leaves garbage, never a ref to nothing.
    """
    refs = pod.refs.read()
    identity = session.add(Kind.COMMIT, made.encode())
    session.commit()
    change = RefChange(refs.head, refs.current(), identity)
    pod.refs.update([change], command=command, time_ns=made.time * 1_000_000_000)
    working.head_tree = made.tree
    working.save_index()
    return Committed(identity, made, refs.head, snapshot.special, session.new_objects, session.new_bytes)


def _keep(working: WorkingTree, session: WriteSession) -> None:
    """Keep what the look at the working tree has taught, though there is nothing to commit."""
    session.commit()
    working.save_index()


def _amended(previous: Commit | None, tree: ObjectId, request: CommitRequest) -> Commit:
    if previous is None:
        raise RevisionNotFound(revision="HEAD", hint="there is no commit to amend yet; run `sovr commit`")
    message = previous.message if request.message is None else _clean(request.message)
    committer = request.author if request.author != previous.author else None
    # A run stands behind a commit only as long as the commit is what the run left.
    run = previous.run if tree == previous.tree else None
    return replace(previous, tree=tree, message=message, committer=committer, run=run)


def _clean(message: str) -> str:
    """The message without blank lines around it and spaces at the ends of lines, as Git cleans it."""
    lines = [line.rstrip() for line in message.strip("\n").splitlines()]
    return "\n".join(lines).strip("\n")


def _only(pod: Pod, session: WriteSession, working: WorkingTree, paths: Sequence[bytes]) -> ObjectId:
    editor = TreeEditor(pod.store, working.head_tree)
    for path in paths:
        entry = _working_entry(working, os.fsdecode(path))
        if entry is None and find(pod.store, working.head_tree, path) is None:
            raise PathNotFound(path=os.fsdecode(path), where="the working tree or the last commit")
        editor.put(path, entry)
    return editor.write(session)


def _working_entry(working: WorkingTree, path: str) -> TreeEntry | None:
    """The entry of a path in the snapshot that was just taken."""
    folders = working.found.folders
    name = os.fsencode(path.rpartition("/")[2])
    if path in folders:
        folder = folders[path]
        return TreeEntry(name, EntryKind.DIRECTORY, ObjectId(folder.tree), folder.size)
    above = folders.get(path.rpartition("/")[0])
    if above is None or path.rpartition("/")[2] not in above.names:
        return None
    at = above.names.index(path.rpartition("/")[2])
    kind = ENTRY_KINDS.get(above.kinds[at])
    return None if kind is None else TreeEntry(name, kind, ObjectId(above.id_at(at)), above.sizes[at])
