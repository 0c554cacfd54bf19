"""The interface that every executor shares: a plan goes in, events come out, an outcome is left.

Nothing here starts a process; `local.py` and its siblings do.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal, Protocol, Self, TypeAlias

from sovrgit.objects.codec import Value

if TYPE_CHECKING:
    from sovrgit.pod.recipe import Recipe
    from sovrgit.runs.golem.observed import Observed
    from sovrgit.runs.golem.results import TaskSeen


Stream: TypeAlias = Literal["stdout", "stderr"]
Status: TypeAlias = Literal["succeeded", "failed", "timed out", "cancelled", "partial"]

GRACE = 10.0
"""Seconds between one signal and the next, sharper one: enough for a script to save a checkpoint."""

NOT_EXECUTABLE = 126
NOT_FOUND = 127
"""Exit codes of a command that could not be started, as POSIX gives them to a shell (XCU 2.8.2)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One execution, with everything decided.

    `argv` is expanded and goes to no shell. `folder` is the pod, and the command's working folder. `environment` is
    the command's whole environment. `outputs` are folders of the pod, by relative path, that must be there before
    the command starts. `log_file` is written anew. `timeout` (None for none) and `grace` are in seconds.

    What runs elsewhere takes `command`, in which `[@]` still stands for the pod's folder, the `recipe`, and of the
    environment only `variables`, the parameters.

    Raises:
        ValueError: if the plan makes no sense; whoever made it should have checked.
    """

    argv: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]
    log_file: Path
    outputs: tuple[str, ...] = ()
    timeout: float | None = None
    grace: float = GRACE
    command: tuple[str, ...] = ()
    recipe: Recipe | None = None
    variables: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.argv or not self.argv[0]:
            raise ValueError("a plan without a command")
        for output in self.outputs:
            path = PurePosixPath(output)
            if path.is_absolute() or ".." in path.parts:
                raise ValueError(f"the output folder `{output}` is not inside the pod")
        if self.timeout is not None and self.timeout <= 0:
            raise ValueError("a timeout must be more than 0 s")
        if self.grace < 0:
            raise ValueError("a grace period must not be negative")


@dataclass(frozen=True, slots=True)
class Resources:
    """What a command and the children that it waited for have used; None is what could not be measured.

    `max_rss_bytes` is the memory of the largest single process. The byte counts are of storage, not of what the
    page cache answered.
    """

    wall_ns: int = 0
    user_ns: int | None = None
    system_ns: int | None = None
    max_rss_bytes: int | None = None
    read_bytes: int | None = None
    written_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an execution ended.

    Exactly one of `exit_code` and `signal` is given once the command has run; a command that could not be started
    has an exit code as a shell would give it, one that was cancelled before its start has neither. Times are
    nanoseconds since 1970. `reason` says in one sentence why it did not succeed, and is empty if it did.
    `golem` holds what is known of a run on Golem, as `Run.golem` keeps it.
    """

    status: Status
    exit_code: int | None
    signal: int | None
    started_ns: int
    finished_ns: int
    resources: Resources
    reason: str = ""
    golem: Mapping[str, Value] = field(default_factory=dict)

    @property
    def succeeded(self) -> bool:
        """Whether the command ended by itself with exit code 0."""
        return self.status == "succeeded"


@dataclass(frozen=True, slots=True)
class Started:
    """The command runs, as process `pid`."""

    pid: int
    at_ns: int


@dataclass(frozen=True, slots=True)
class Output:
    """Bytes that the command wrote, in pieces of any size."""

    stream: Stream
    data: bytes
    at_ns: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event of every execution, also of one that never started."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Progress:
    """Something was seen on Golem: for a live view."""

    seen: Observed | TaskSeen


Event: TypeAlias = Started | Output | Progress | Finished
Sink: TypeAlias = Callable[[Event], None]


class Cancel:
    """A way to stop executions from a signal handler or another thread.

    The first request asks politely, the second ends at once; later ones change nothing. Any number of executors may
    watch one object: `polite_fd` and `force_fd` become readable with the first and the second request and stay so.
    """

    __slots__ = ("_pending", "_readers", "forced", "requested")

    def __init__(self) -> None:
        self.requested = False
        self.forced = False
        polite, force = os.pipe(), os.pipe()
        self._readers = (polite[0], force[0])
        self._pending = [(False, polite[1]), (True, force[1])]

    @property
    def polite_fd(self) -> int:
        """Readable once there was a request."""
        return self._readers[0]

    @property
    def force_fd(self) -> int:
        """Readable once there were two requests."""
        return self._readers[1]

    def request(self) -> None:
        """Ask for an end; ask again to insist."""
        # A signal handler may interrupt this very method, so there is no lock: `pop` is atomic, and whoever gets
        # the descriptor is the only one to use it.
        try:
            force, writer = self._pending.pop(0)
        except IndexError:
            return
        self.requested = True
        self.forced = self.forced or force
        os.write(writer, b"\0")
        os.close(writer)

    def close(self) -> None:
        """Give the descriptors back, after the last execution that watches them."""
        while self._pending:
            os.close(self._pending.pop()[1])
        readers, self._readers = self._readers, (-1, -1)
        for reader in readers:
            if reader >= 0:
                os.close(reader)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class Executor(Protocol):
    """What runs a plan."""

    @property
    def name(self) -> str:
        """The executor's name in records and options; the class of executors in the run key."""

    @property
    def mode(self) -> str:
        """How it takes a recipe: `script` or `declared`; empty where there is one way only."""

    @property
    def digest(self) -> str:
        """That of the image in which a recipe runs, for the run key; empty if there is none, or it is not known."""

    def versions(self) -> dict[str, str]:
        """The versions, by name, of what the result may depend on."""

    def prepare(self, plan: Plan) -> None:
        """Check that the plan can be run and make the folders that it needs.

        Raises:
            SovrError: if it cannot be.
        """

    def run(self, plan: Plan, sink: Sink, cancel: Cancel) -> Outcome:
        """Run the plan to its end, handing events to `sink` as they happen, in the thread that calls.

        A command that fails, or does not even exist, is an outcome and not an exception. Whatever ends this call,
        an exception from `sink` included, no process of the command is left.

        Raises:
            SovrError: if the log cannot be kept.
        """
