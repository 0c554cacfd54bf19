"""Cloning and forking by reference. Nothing of what is cloned is run."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sovrgit.errors import PodExists, RemoteUnavailable
from sovrgit.objects.commit import Commit, Fork, Stamp
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.pod.overlay import selected
from sovrgit.pod.paths import REPOSITORY
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import HEADS, RefChange
from sovrgit.pod.sparse import Sparse
from sovrgit.pod.writetree import write_tree
from sovrgit.progress import SILENT, Progress
from sovrgit.remotes.base import Remote
from sovrgit.remotes.fetch import Fetched, Fetching, FetchRequest, fetching
from sovrgit.remotes.manifest import Manifest
from sovrgit.remotes.reading import blaming
from sovrgit.remotes.selection import EVERYTHING, Selection, recipe_entry
from sovrgit.store.files import reporting


@dataclass(frozen=True, slots=True)
class Cloned:
    """A clone: its pod, the commit that is checked out, and what was received."""

    pod: Pod
    head: ObjectId
    commit: Commit
    fetched: Fetched


def clone(
    remote: Remote,
    folder: Path,
    *,
    time_ns: int,
    remote_name: str = "origin",
    manifest: Manifest | None = None,
    selection: Selection = EVERYTHING,
    progress: Progress = SILENT,
) -> Cloned:
    """Make a pod in a new folder from what a remote holds.

    Args:
        folder: must not exist, be empty, or hold what an interrupted clone of the same remote has left.
        time_ns: now, in nanoseconds since 1970.
        remote_name: what the clone calls the remote.
        manifest: what the remote has, if it was read a moment ago.
        selection: what of the content is to be here.

    Raises:
        PodExists: if the folder is not empty.
        PathNotFound: if there is nothing at a path that was selected.
        SignatureInvalid: if something is signed by somebody else than it says.
        RemoteUnavailable, RemoteDamaged: as the remote gives cause. Nothing is left behind, but for packs of a remote
            that is far away: another clone into the same folder goes on with these.
    """
    with new_pod(folder, remote, remote_name) as pod:
        pod.config.set(f"remote.{remote_name}.url", remote.location)
        # Scripts of other people are not run before they are approved.
        pod.config.set("pod.foreign", "true")
        request = FetchRequest(
            remote_name,
            time_ns,
            leave_blobs=True,
            manifest=manifest,
            content=selection.is_whole,
            depth=selection.depth,
        )
        with fetching(pod, remote, request, progress) as begun:
            branch = begun.manifest.head
            head = begun.manifest.refs.get(branch)
            if head is None or not branch.startswith(HEADS):
                raise RemoteUnavailable(
                    location=remote.describe(), reason="it has no branch to check out", hint="push a branch to it first"
                )
            commit = pod.store.commit(head)
            sparse, size = None, pod.store.tree(commit.tree).size
            if not selection.is_whole:
                sparse, size = _select(pod, begun, commit.tree, selection, progress)
            progress.begin("writing files", size, "bytes")
            try:
                with blaming(remote):
                    places = begun.places if sparse is None else None
                    index = write_tree(
                        pod.store, commit.tree, pod.root, lambda _, size: progress.advance(size), places, sparse
                    )
            finally:
                progress.end()
            # Writing a file out has checked it; what the checkout does not have is checked now.
            fetched = begun.finish({digest for folder in index.folders.values() for digest in folder.all_ids()})
        pod.refs.update([RefChange(branch, None, head)], command="clone", time_ns=time_ns, head=branch)
        index.save(pod.index_path)
        pod.finish()
        return Cloned(pod, head, commit, fetched)


def _select(pod: Pod, begun: Fetching, tree: ObjectId, selection: Selection, progress: Progress) -> tuple[Sparse, int]:
    """Bring what was selected here, and keep in mind what was not; the bytes that are to be written."""
    if (recipe := recipe_entry(pod.store, tree)) is not None:
        begun.obtain([recipe.id], progress)
    sparse = selection.rules(pod.store, tree)
    sparse.write(pod.folder)
    files = list(selected(pod.store, tree, sparse))
    begun.obtain((entry.id for _, entry in files), progress)
    return sparse, sum(entry.size for _, entry in files)


class Obtained(Protocol):
    """A pod that was got from somebody: its folder here, and the commit that is checked out."""

    @property
    def pod(self) -> Pod:
        """The pod here."""

    @property
    def head(self) -> ObjectId:
        """The commit."""

    @property
    def commit(self) -> Commit:
        """What it says."""


def fork(cloned: Obtained, reference: str, pod_name: str, author: Stamp, message: str) -> ObjectId:
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
    made = pod.sign(made)
    with pod.lock(), pod.store.session() as session:
        identity = session.add(Kind.COMMIT, made.encode())
        session.commit()
        refs = pod.refs.read()
        change = RefChange(refs.head, cloned.head, identity)
        pod.refs.update([change], command="fork", time_ns=author.time * 1_000_000_000)
    return identity


@contextlib.contextmanager
def new_pod(folder: Path, remote: Remote | None = None, remote_name: str = "") -> Iterator[Pod]:
    """A new pod in a folder that is taken away again if the block fails.

    Args:
        remote: what it is cloned from: then it may be one that was begun before, and what has arrived from far away is
            kept if it is interrupted.
        remote_name: what the clone calls it.
    """
    existed = folder.exists()
    pod: Pod | None = None
    try:
        pod = _begun(folder, remote, remote_name) if remote and Pod.is_unfinished(folder) else _made(folder)
        yield pod
    except PodExists:
        raise
    except BaseException as error:
        if pod is not None:
            pod.close()
        is_far = remote is not None and remote.is_far
        if is_far and isinstance(error, RemoteUnavailable | KeyboardInterrupt) and _has_packs(folder):
            _take_away(folder, keep=REPOSITORY)
            if isinstance(error, RemoteUnavailable):
                error.advise("what has arrived is kept: the same command goes on with it")
        elif existed:
            _take_away(folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _made(folder: Path) -> Pod:
    with reporting(folder):
        if folder.exists() and (not folder.is_dir() or any(os.scandir(folder))):
            raise PodExists(path=folder, reason="exists and is not an empty folder")
    return Pod.create(folder, unfinished=True)


def _begun(folder: Path, remote: Remote, remote_name: str) -> Pod:
    """What an interrupted clone has left."""
    pod = Pod(folder, unfinished=True)
    others = [name for name in os.listdir(folder) if name != REPOSITORY]
    if pod.config.get(f"remote.{remote_name}.url") == remote.location and not others:
        return pod
    reason = "holds other files beside a clone that was interrupted" if others else "holds a clone of something else"
    raise PodExists(path=folder, reason=reason, hint="remove the folder, or choose another one")


def _has_packs(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        return any(os.scandir(folder / REPOSITORY / "packs"))
    return False


def _take_away(folder: Path, keep: str | None = None) -> None:
    """Empty a folder, but for one name. The failure that led here is the one to report."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if entry.name == keep:
                continue
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                os.unlink(entry.path)
