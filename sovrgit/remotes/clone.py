"""Cloning and forking by reference. Nothing of what is cloned is run."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sovrgit.errors import PodExists, RemoteUnavailable
from sovrgit.objects.commit import Commit, Fork, Stamp
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import HEADS, RefChange
from sovrgit.pod.writetree import write_tree
from sovrgit.progress import SILENT, Progress
from sovrgit.remotes.base import Remote
from sovrgit.remotes.fetch import Fetched, FetchRequest, fetching
from sovrgit.remotes.reading import blaming
from sovrgit.store.files import reporting


@dataclass(frozen=True, slots=True)
class Cloned:
    """A clone: its pod, the commit that is checked out, and what was received."""

    pod: Pod
    head: ObjectId
    commit: Commit
    fetched: Fetched


def clone(
    remote: Remote, folder: Path, *, time_ns: int, remote_name: str = "origin", progress: Progress = SILENT
) -> Cloned:
    """Make a pod in a new folder from what a remote holds.

    Args:
        folder: must not exist, or be empty.
        time_ns: now, in nanoseconds since 1970.
        remote_name: what the clone calls the remote.

    Raises:
        PodExists: if the folder is not empty.
        RemoteUnavailable, RemoteDamaged: as the remote gives cause. Nothing is left behind.
    """
    with new_pod(folder) as pod:
        pod.config.set(f"remote.{remote_name}.url", remote.location)
        # Scripts of other people are not run before they are approved.
        pod.config.set("pod.foreign", "true")
        request = FetchRequest(remote_name, time_ns, leave_blobs=True)
        with fetching(pod, remote, request, progress) as begun:
            branch = begun.manifest.head
            head = begun.manifest.refs.get(branch)
            if head is None or not branch.startswith(HEADS):
                raise RemoteUnavailable(
                    location=remote.describe(), reason="it has no branch to check out", hint="push a branch to it first"
                )
            commit = pod.store.commit(head)
            progress.begin("writing files", pod.store.tree(commit.tree).size, "bytes")
            try:
                with blaming(remote):
                    index = write_tree(
                        pod.store, commit.tree, pod.root, lambda _, size: progress.advance(size), begun.places
                    )
            finally:
                progress.end()
            # Writing a file out has checked it; what the checkout does not have is checked now.
            fetched = begun.finish({digest for folder in index.folders.values() for digest in folder.all_ids()})
        pod.refs.update([RefChange(branch, None, head)], command="clone", time_ns=time_ns, head=branch)
        index.save(pod.index_path)
        pod.finish()
        return Cloned(pod, head, commit, fetched)


def fork(cloned: Cloned, reference: str, pod_name: str, author: Stamp, message: str) -> ObjectId:
    """Begin a fork: the first own commit of a clone, which names where it comes from.

    Args:
        reference: what the origin was cloned by.
        pod_name: the name of the pod that it comes from.
    """
    pod = cloned.pod
    made = Commit(
        tree=cloned.commit.tree,
        parents=(cloned.head,),
        author=author,
        message=message,
        fork=Fork(reference, cloned.head, pod_name),
    )
    with pod.lock(), pod.store.session() as session:
        identity = session.add(Kind.COMMIT, made.encode())
        session.commit()
        refs = pod.refs.read()
        change = RefChange(refs.head, cloned.head, identity)
        pod.refs.update([change], command="fork", time_ns=author.time * 1_000_000_000)
    return identity


@contextlib.contextmanager
def new_pod(folder: Path) -> Iterator[Pod]:
    """A new pod in a folder that is taken away again if the block fails."""
    existed = folder.exists()
    with reporting(folder):
        if existed and (not folder.is_dir() or any(os.scandir(folder))):
            raise PodExists(path=folder, reason="exists and is not an empty folder")
    pod: Pod | None = None
    try:
        pod = Pod.create(folder, unfinished=True)
        yield pod
    except BaseException:
        if pod is not None:
            pod.close()
        _take_away(folder, existed)
        raise


def _take_away(folder: Path, existed: bool) -> None:
    """Remove a folder, or if it was there before, empty it. The failure that led here is the one to report."""
    if not existed:
        shutil.rmtree(folder, ignore_errors=True)
        return
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                os.unlink(entry.path)
