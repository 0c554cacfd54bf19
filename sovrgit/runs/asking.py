"""Asking before scripts of somebody else run, or before what they need is asked of others."""

from __future__ import annotations

from collections.abc import Sequence

from sovrgit.errors import RunNotTrusted
from sovrgit.objects.ids import ObjectId
from sovrgit.pod.pod import Pod
from sovrgit.pod.recipe import Golem
from sovrgit.pod.snapshot import Snapshot, take_snapshot
from sovrgit.pod.worktree import WorkingTree
from sovrgit.runs.inputs import command_of, read_recipe
from sovrgit.runs.record import RunRequest
from sovrgit.runs.trust import approve, proposal


def ask(
    pod: Pod, tree: ObjectId, golem: Golem, base: ObjectId | None, command: Sequence[str], request: RunRequest
) -> None:
    """Ask, as the request says, if scripts of a tree are somebody else's.

    Args:
        base: the commit that is checked out.

    Raises:
        RunNotTrusted: if they are not approved.
    """
    author = pod.store.commit(base).author.name if base is not None else ""
    proposed = proposal(pod, tree, golem, " ".join(command), author)
    if proposed is None:
        return
    if not request.approve(proposed):
        raise RunNotTrusted(command=proposed.command, origin=proposed.origin)
    approve(pod, proposed.code, proposed.files)


def ask_ahead(pod: Pod, request: RunRequest, mode: str = "") -> None:
    """The same for the pod as it is on disk, before a run: a recipe that nobody has looked at names no place from which
    something is got.

    Args:
        mode: that of the executor.

    Raises:
        RunNotTrusted: if the scripts are not approved.
        RecipeInvalid: if there is no recipe that can be read.
    """
    if pod.config.get("pod.foreign") != "true":
        return
    with pod.lock():
        _, snapshot = state_now(pod)
        head = pod.head()
    golem = read_recipe(pod.store, snapshot.tree)[1].golem
    if golem is not None:
        ask(pod, snapshot.tree, golem, head, command_of(golem, request.arguments, mode), request)


def state_now(pod: Pod) -> tuple[WorkingTree, Snapshot]:
    """Store the pod as it is on disk. The caller holds its lock."""
    with pod.store.session() as session:
        working = WorkingTree.look(pod)
        snapshot = take_snapshot(pod.root, working.found, working.index, session)
        session.commit()
        working.save_index()
    return working, snapshot
