"""The pods of a task on disk: one repository for each step, below `.sovr/tasks/NAME/`.

They can be made anew at any time: every result is in the task's own repository, too.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Collection
from pathlib import Path

from sovrgit.errors import IntegrityFailure
from sovrgit.objects.commit import Commit, Fork, Stamp
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.payloads.bring import bring
from sovrgit.pod.checkout import apply_changes
from sovrgit.pod.paths import REPOSITORY
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import RefChange
from sovrgit.pod.snapshot import take_snapshot
from sovrgit.pod.treediff import diff_trees
from sovrgit.pod.worktree import WorkingTree
from sovrgit.pod.writetree import write_tree
from sovrgit.remotes.clone import new_pod
from sovrgit.runs.aside import NOTE, recover
from sovrgit.runs.run import alone
from sovrgit.runs.trust import approve
from sovrgit.store.files import reporting, write_atomic
from sovrgit.tasks.graph import Step
from sovrgit.tasks.means import Means
from sovrgit.tasks.sources import TASKS, Source

_MADE_OF = "task-source"
"""The file in a step's repository that says which tree its files were made of."""


def place_of(task: Path, source_name: str, step: Step) -> Path:
    """The root of the pod of a step.

    Args:
        task: the repository of the task.
        source_name: the name of the entry.
    """
    return task / TASKS / source_name / step.folder


def ready_pod(
    root: Path,
    source: Source,
    commit: ObjectId,
    author: Stamp,
    means: Means,
    approved: tuple[ObjectId, Collection[ObjectId]] | None,
) -> Pod:
    """The pod of a step, with the files that its source has now. It is made if it is not there.

    Args:
        root: where it is.
        commit: the commit of the source that is used.
        approved: what was approved of its scripts, if they are somebody else's.

    Raises:
        SovrError: if it cannot be written; if it is new nothing is left of it.
    """
    pod = _there(root, means)
    if pod is None:
        pod = _made(root, source, commit, author, means)
    elif _made_of(pod) != source.tree:
        _renew(pod, source, commit, author, means)
    if approved is not None:
        approve(pod, *approved)
    return pod


def recover_pods(task: Pod, means: Means) -> None:
    """End what is left of the pods of a task whose `sovr` was killed, also of those that it has no more.

    Raises:
        Locked: if somebody runs one of them by itself.
        IntegrityFailure, StorageFailure, ReadOnly: as for `recover`.
    """
    for note in sorted((task.folder / TASKS).glob(f"*/*/{REPOSITORY}/{NOTE}")):
        with means.open(note.parent.parent) as pod, alone(pod):
            recover(pod)


def _there(root: Path, means: Means) -> Pod | None:
    if not root.exists():
        return None
    if Pod.is_unfinished(root):
        with reporting(root):
            shutil.rmtree(root)
        return None
    return means.open(root)


def _made(root: Path, source: Source, commit: ObjectId, author: Stamp, means: Means) -> Pod:
    with new_pod(root) as pod:
        tree = _bring_tree(source, pod, means)
        index = write_tree(pod.store, tree, pod.root)
        _commit(pod, tree, (), source, commit, author)
        index.save(pod.index_path)
        if source.foreign:
            pod.config.set("pod.foreign", "true")
            pod.config.set("pod.origin", source.origin)
        _note(pod, tree)
        pod.finish()
        pod.close()
    return means.open(root)


def _renew(pod: Pod, source: Source, commit: ObjectId, author: Stamp, means: Means) -> None:
    """Bring the files of a pod to what its source has now. What was run in it stays in its history."""
    tree = _bring_tree(source, pod, means)
    with pod.lock():
        working = WorkingTree.look(pod)
        with pod.store.session() as session:
            here = take_snapshot(pod.root, working.found, working.index, session).tree
            session.commit()
        changes = list(diff_trees(pod.store, here, tree))
        apply_changes(pod.store, pod.root, pod.temporary, changes)
        if pod.head_tree() != tree:
            head = pod.head()
            _commit(pod, tree, () if head is None else (head,), source, commit, author)
        working = WorkingTree.look(pod)
        with pod.store.session() as session:
            take_snapshot(pod.root, working.found, working.index, session)
            session.commit()
        working.save_index()
    _note(pod, tree)


def _bring_tree(source: Source, pod: Pod, means: Means) -> ObjectId:
    if source.home != pod.root:
        with contextlib.closing(means.open(source.home)) as home:
            bring(home.store, pod, TreeEntry(b"", EntryKind.DIRECTORY, source.tree, 0))
    return source.tree


def _commit(
    pod: Pod, tree: ObjectId, parents: tuple[ObjectId, ...], source: Source, commit: ObjectId, author: Stamp
) -> None:
    name = source.recipe.name
    made = Commit(
        tree=tree,
        parents=parents,
        author=author,
        message=f"Take {name} at {commit.short}",
        fork=Fork(source.reference, commit, name),
    )
    made = pod.sign(made)
    with pod.store.session() as session:
        identity = session.add(Kind.COMMIT, made.encode())
        session.commit()
    branch = pod.refs.read().head
    change = RefChange(branch, parents[0] if parents else None, identity)
    pod.refs.update([change], command="task", time_ns=author.time * 1_000_000_000, head=branch)


def _note(pod: Pod, tree: ObjectId) -> None:
    write_atomic(pod.folder / _MADE_OF, str(tree).encode(), sync=False)


def forget_source(pod: Pod) -> None:
    """Have the files of a pod made anew before its next run. This one may change what it reads, and may be killed."""
    (pod.folder / _MADE_OF).unlink(missing_ok=True)


def keep_source(pod: Pod, source: Source) -> None:
    """The run has left the files of a pod as they were."""
    _note(pod, source.tree)


def _made_of(pod: Pod) -> ObjectId | None:
    """The tree that a pod's files were made of; None if it was not made here."""
    try:
        return ObjectId.parse((pod.folder / _MADE_OF).read_text())
    except (FileNotFoundError, ValueError, UnicodeDecodeError, IntegrityFailure):
        return None
