"""What a task needs from those who know the user: how to open and get pods, and where each of them runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from sovrgit.lockfile import LockedPayload
from sovrgit.payloads.source import Access
from sovrgit.payloads.state import PayloadState
from sovrgit.pod.pod import Pod
from sovrgit.pod.recipe import Golem
from sovrgit.runs.executor import Executor
from sovrgit.runs.trust import Proposal


class Placement(NamedTuple):
    """Where a pod would run, as far as its run key depends on it: see `sovrgit.runs.executor.Executor`.

    `at_most` is what it can cost there at the price caps, in tokens; None if that is not known. On this machine it is
    zero.
    """

    name: str
    mode: str = ""
    digest: str = ""
    at_most: Decimal | None = Decimal(0)


@dataclass(frozen=True, slots=True)
class Means:
    """The outside of a task.

    Attributes:
        open: opens the pod in a folder. It is called from several threads, each with a pod of its own.
        obtain: forks the pod that a reference names into a folder that is not there yet. Relative paths are relative to
            the task.
        place: where a pod runs whose files are in a folder.
        executor: the executor for a pod and, where it costs something, the most that it may spend.
        access: how payload of other pods is reached, for a pod that takes some.
        approve: asks whether scripts of somebody else may run, or whether what somebody else names may be got.
        agree: asks whether tokens may be spent where these placements spend some; raises SpendingRefused if not.
        budget: what the pods may spend together, in tokens; None for each as much as is usual there.
        locked: told which payload of other pods was looked up and locked.
        moved: told which payload the other pods have otherwise by now than it is locked.
    """

    open: Callable[[Path], Pod]
    obtain: Callable[[str, Path], Pod]
    place: Callable[[Path, Golem], Placement]
    executor: Callable[[Pod, Decimal | None], Executor]
    access: Callable[[Pod], Access]
    approve: Callable[[Proposal], bool]
    agree: Callable[[Sequence[Placement]], None]
    budget: Decimal | None = None
    locked: Callable[[Sequence[LockedPayload]], None] = lambda _: None
    moved: Callable[[Sequence[PayloadState]], None] = lambda _: None
