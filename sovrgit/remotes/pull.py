"""Taking over what was fetched: moving forward to it, or merging it."""

from __future__ import annotations

from sovrgit.errors import RevisionNotFound
from sovrgit.objects.commit import Stamp
from sovrgit.pod.history import is_ancestor
from sovrgit.pod.merge import FastForward, Merged, MergeRequest, merge
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import DETACHED, HEADS, REMOTES


def take_over(
    pod: Pod, remote_name: str, author: Stamp, *, time_ns: int, fast_forward: FastForward = "allowed"
) -> Merged:
    """Bring the remote's branch into the one that is checked out, and its files into the working tree.

    Raises:
        RevisionNotFound: if the remote has no such branch, or none is checked out.
        HistoryDiverged: if both sides have moved on, and they are not to be merged.
        LocalChanges: if a file that would change is changed locally. Nothing is touched.
        SovrError: as for `merge`.
    """
    refs = pod.refs.read()
    if refs.head == DETACHED:
        raise RevisionNotFound(revision="HEAD", hint="no branch is checked out; `sovr switch BRANCH` does so")
    branch = refs.head.removeprefix(HEADS)
    label = f"{remote_name}/{branch}"
    target = refs.values.get(f"{REMOTES}{label}")
    if target is None:
        raise RevisionNotFound(revision=label, hint=f"`{remote_name}` has no branch `{branch}`; push it first")
    head = refs.current()
    if head is not None and is_ancestor(pod.store, target, head):
        return Merged("nothing", head)
    request = MergeRequest(target, label, author, fast_forward=fast_forward)
    return merge(pod, request, time_ns=time_ns)
