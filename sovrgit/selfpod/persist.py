"""Making the pod of the program, as the next version of what a remote holds already."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sovrgit.errors import NothingToCommit, PodExists
from sovrgit.objects.commit import Stamp
from sovrgit.objects.ids import ObjectId, blob_id
from sovrgit.pod.commits import CommitRequest, commit
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import HEADS, REMOTES, RefChange
from sovrgit.pod.secretscan.find import Finding, refusal
from sovrgit.pod.secretscan.looking import look
from sovrgit.pod.secretscan.places import is_below
from sovrgit.progress import SILENT, Progress
from sovrgit.selfpod.contents import NAME, SelfContents, self_contents
from sovrgit.store.files import reporting

if TYPE_CHECKING:
    from sovrgit.remotes.networks import Networks

REMOTE = "origin"


@dataclass(frozen=True, slots=True)
class SelfRequest:
    """Where the pod shall go, and who makes it.

    Args:
        location: the remote that it is going to be pushed to, relative to `base`; None for none.
        author: who, and when.
        time_ns: now, in nanoseconds since 1970.
        allowed: paths that may be in it although they look like secrets.
    """

    base: Path
    location: str | None
    author: Stamp
    time_ns: int
    allowed: Collection[bytes] = ()


@dataclass(frozen=True, slots=True)
class SelfPod:
    """The pod of the program. `is_new` says that its last commit was made now: the remote did not have this version."""

    pod: Pod
    contents: SelfContents
    commit: ObjectId
    tree: ObjectId
    is_new: bool


def make_self_pod(
    folder: Path, request: SelfRequest, networks: Networks | None = None, progress: Progress = SILENT
) -> SelfPod:
    """Make the pod in a folder that is new or empty, with the history that the remote has. Nothing is pushed.

    Raises:
        SecretFound: if something in the installed program looks like a secret. Nothing is made.
        Unsupported: if the program was not installed.
        PodExists: if the folder is not empty, or the remote holds another pod.
        SovrError: as the remote gives cause. The folder is as it was.
    """
    contents = self_contents()
    refuse_secrets(contents, request.allowed)
    with reporting(folder):
        was_there = folder.exists()
        if was_there and (not folder.is_dir() or any(os.scandir(folder))):
            raise PodExists(path=folder, reason="exists and is not an empty folder")
    pod = Pod.create(folder)
    try:
        if request.location is not None:
            _take_history(pod, request, networks, progress)
        contents.write(folder)
        is_new = True
        try:
            made = commit(pod, CommitRequest(request.author, f"{NAME} {contents.version}")).id
        except NothingToCommit:
            is_new = False
            head = pod.head()
            assert head is not None
            made = head
        return SelfPod(pod, contents, made, pod.store.commit(made).tree, is_new)
    except BaseException:
        pod.close()
        shutil.rmtree(folder, ignore_errors=True)
        if was_there:
            folder.mkdir(exist_ok=True)
        raise


def refuse_secrets(contents: SelfContents, allowed: Collection[bytes] = ()) -> None:
    """Refuse to make a pod of files that look like secrets: everybody could read them.

    Raises:
        SecretFound: if there are any but the allowed ones.
    """
    found = []
    for name, data in contents.files.items():
        path = name.encode()
        if not is_below(path, allowed):
            blob = blob_id(data)
            found += [Finding(path, rule.name, rule.what, line, blob, blob) for rule, line in look(path, data)]
    if found:
        raise refusal(found)


def _take_history(pod: Pod, request: SelfRequest, networks: Networks | None, progress: Progress) -> None:
    """Let the pod know the remote, and go on from what it holds, if that is an earlier version of the same."""
    from sovrgit.actions import fetch_pod
    from sovrgit.remotes.base import with_retries
    from sovrgit.remotes.locations import add_remote, open_remote

    assert request.location is not None
    setting = add_remote(pod, REMOTE, request.location, request.base, networks, private=False)
    with contextlib.closing(open_remote(pod, REMOTE, networks)) as remote:
        if with_retries(remote.read_manifest) is None:
            return
    manifest = fetch_pod(pod, REMOTE, time_ns=request.time_ns, networks=networks, progress=progress).manifest
    if manifest.recipe.get("name") != NAME:
        raise PodExists(path=setting.location, reason="holds another pod", hint="name another place with `--remote`")
    tip = pod.refs.read().values[f"{REMOTES}{REMOTE}/{manifest.head.removeprefix(HEADS)}"]
    with pod.lock():
        change = RefChange(manifest.head, None, tip)
        pod.refs.update([change], command="persist-self", time_ns=request.time_ns, head=manifest.head)
