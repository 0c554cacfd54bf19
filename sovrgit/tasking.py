"""Running tasks as the user wants it: how their pods are got, where each runs, and what it may spend.

Like `sovrgit.actions`, shared by the command line and by `sovrgit.api`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from sovrgit.executors import Confirm, executor_for, locked_image_of
from sovrgit.pod.pod import Pod

if TYPE_CHECKING:
    from sovrgit.lockfile import LockedPayload
    from sovrgit.objects.commit import Stamp
    from sovrgit.payloads.source import Access
    from sovrgit.payloads.state import PayloadState
    from sovrgit.pod.recipe import Golem
    from sovrgit.remotes.networks import Networks
    from sovrgit.runs.executor import Executor
    from sovrgit.runs.golem.choice import Choice, Wish
    from sovrgit.runs.trust import Proposal
    from sovrgit.tasks.means import Means, Placement


def means_for(
    task: Pod,
    wish: Wish,
    environ: Mapping[str, str],
    devnet: Callable[[], tuple[str, Path] | None],
    confirm: Confirm,
    *,
    author: Stamp,
    time_ns: int,
    approve: Callable[[Proposal], bool],
    timeout: float | None = None,
    networks: Networks | None = None,
    locked: Callable[[Sequence[LockedPayload]], None] = lambda _: None,
    moved: Callable[[Sequence[PayloadState]], None] = lambda _: None,
) -> Means:
    """What a task needs from outside.

    Args:
        wish: where its pods run, and what they may spend together.
        environ, devnet, confirm: as for `executor_for`; `confirm` is asked once, for all pods.
        author: who forks pods that are not here yet.
        time_ns: now, in nanoseconds since 1970.
        approve: asked before scripts of somebody else run, and before what their recipes name is got.
        timeout: seconds for each pod; the recipes' if None.
        networks: how to reach networks; without it only what is on this machine can be had.
        locked, moved: as for `Means`.
    """
    from sovrgit.getting import begin_fork, get_pod
    from sovrgit.tasks.means import Means, Placement

    def opened(root: Path) -> Pod:
        from sovrgit.remotes.supply import Supply

        pod = Pod(root)
        pod.supply = Supply(pod, networks)
        pod.find_signer = task.find_signer
        return pod

    def obtain(reference: str, folder: Path) -> Pod:
        got = get_pod(reference, task.root, folder, remote_name="upstream", time_ns=time_ns, networks=networks)
        got.pod.find_signer = task.find_signer
        begin_fork(got, reference, author)
        return got.pod

    def place(folder: Path, golem: Golem) -> Placement:
        from sovrgit.runs.golem.choice import choose

        choice = choose(golem, folder, _wish_for(golem, folder, wish))
        if choice.place == "local":
            return Placement("local")
        image = locked_image_of(folder, golem) if choice.mode == "declared" else None
        bound = _at_most(golem, choice, wish, timeout)
        return Placement(choice.place, choice.mode, image.hash if image is not None else "", bound)

    def executor(pod: Pod, share: Decimal | None) -> Executor:
        from sovrgit.lockfile import read_recipe_file

        golem = read_recipe_file(pod.root).golem
        given = wish if golem is None else _wish_for(golem, pod.root, wish)
        given = given if share is None else replace(given, budget=share)
        # All was agreed to before the first pod started.
        return executor_for(pod, given, environ, devnet, lambda *_: True, timeout=timeout)[0]

    def access(pod: Pod) -> Access:
        from sovrgit.payloads.source import Access

        return Access(pod, networks, time_ns)

    def agree(placements: Sequence[Placement]) -> None:
        from sovrgit.pod.recipe import Golem
        from sovrgit.runs.golem.choice import spending

        if any(placement.name == "golem" for placement in placements):
            spending("golem", Golem(), wish, timeout, confirm)

    amounts = [amount for amount in (wish.budget, wish.spend) if amount is not None]
    return Means(opened, obtain, place, executor, access, approve, agree, min(amounts, default=None), locked, moved)


def _wish_for(golem: Golem, folder: Path, wish: Wish) -> Wish:
    """What is wanted for one pod of a task: that a network was named is for those that are for Golem."""
    from sovrgit.runs.golem.choice import choose

    if wish.on is None and wish.network:
        by_itself = choose(golem, folder, replace(wish, network=""))
        if by_itself.place == "local":
            return replace(wish, on="local")
    return wish


def _at_most(golem: Golem, choice: Choice, wish: Wish, timeout: float | None) -> Decimal | None:
    """What a pod is expected to cost at most, in tokens; None if nothing of it is known.

    That is its own budget or, of a declared job, what its providers can ask for in its time at the price caps. One that
    fails and is replaced is not expected.
    """
    from sovrgit.runs.golem.choice import DEVNET_BUDGET

    bounds = [] if golem.budget is None else [Decimal(golem.budget)]
    if choice.place == "devnet":
        bounds.append(DEVNET_BUDGET)
    if choice.mode == "declared":
        from sovrgit.runs.golem.jobs import THREADS, TIMEOUT, WORKERS

        wanted = golem.resources
        seconds = Decimal(repr(timeout or golem.timeout_seconds or TIMEOUT))
        workers = 1 if golem.each is None else wanted.workers or WORKERS
        bounds.append(workers * wish.caps.cost(seconds, seconds * (wanted.threads or THREADS)))
    return min(bounds, default=None)
