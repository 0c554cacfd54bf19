"""Moving forward to what was fetched."""

from __future__ import annotations

from sovrgit.errors import HistoryDiverged, RevisionNotFound
from sovrgit.pod.history import is_ancestor
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import HEADS, REMOTES
from sovrgit.pod.switch import move_to


def fast_forward(pod: Pod, remote_name: str, *, time_ns: int) -> int:
    """Move the current branch and the working tree to the remote's; the number of paths that changed.

    Raises:
        RevisionNotFound: if the remote has no such branch.
        HistoryDiverged: if both sides have moved on.
        LocalChanges: if a file that would change is changed locally. Nothing is touched.
    """
    with pod.lock():
        refs = pod.refs.read()
        branch = refs.head.removeprefix(HEADS)
        target = refs.values.get(f"{REMOTES}{remote_name}/{branch}")
        if target is None:
            raise RevisionNotFound(
                revision=f"{remote_name}/{branch}", hint=f"`{remote_name}` has no branch `{branch}`; push it first"
            )
        head = refs.current()
        if head is not None and not is_ancestor(pod.store, head, target):
            if is_ancestor(pod.store, target, head):
                return 0
            raise HistoryDiverged(branch=branch, other=f"{remote_name}/{branch}")
        if head == target:
            return 0
        return move_to(pod, target, command="pull", time_ns=time_ns)
