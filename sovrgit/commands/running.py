"""What commands that run something share: the environment, live output, Ctrl-C, the question for approval."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from sovrgit.commands.app import App
from sovrgit.errors import (
    RunCancelled,
    RunFailed,
    RunOverLimit,
    RunPartial,
    RunTimedOut,
    RunWithoutOutput,
    RunWithoutProvider,
)
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.run import Run, RunStatus
from sovrgit.runs.executor import Cancel, Event, Executor, Output, Progress
from sovrgit.runs.run import Decision, RunRequest
from sovrgit.runs.surroundings import child_environment
from sovrgit.runs.trust import Proposal
from sovrgit.ui.console import Console
from sovrgit.ui.format import plural
from sovrgit.ui.liveview import LiveOutput
from sovrgit.ui.runview import decision_lines

if TYPE_CHECKING:
    from sovrgit.lockfile import LockedPayload
    from sovrgit.payloads.state import PayloadState
    from sovrgit.runs.golem.executor import GolemExecutor
    from sovrgit.runs.reused import Finder
    from sovrgit.ui.golemlive import GolemLive

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_CHANGES_SHOWN = 10


def request_for(
    app: App,
    *,
    arguments: Sequence[str] = (),
    parameters: Sequence[str] = (),
    force: bool = False,
    timeout: float | None = None,
    keep: Sequence[str] = (),
    allow_empty: bool = False,
    commit_failed: bool = False,
    find: Finder | None = None,
) -> RunRequest:
    """The request that the options of a command describe."""
    pairs = [parameter.partition("=") for parameter in parameters]
    for parameter, (name, equals, _) in zip(parameters, pairs, strict=True):
        if not name or not equals:
            raise click.UsageError(f"a parameter is written NAME=VALUE, not `{parameter}`")
    _ = app.pod  # its settings count, and who runs it may be one of them
    # So that `python3` in a recipe is the Python that sovr was installed with.
    environment = child_environment(app.environ, keep=keep, first_on_path=Path(sys.executable).parent)
    return RunRequest(
        author=app.author(),
        environment=environment,
        approve=lambda proposal: _approve(app, proposal),
        arguments=arguments,
        parameters={name: value for name, _, value in pairs},
        force=force,
        timeout=timeout,
        allow_empty=allow_empty,
        commit_failed=commit_failed,
        find=find,
        clock=app.now_ns,
    )


class Noting(Protocol):
    """A screen that takes remarks while something runs."""

    def note(self, text: str) -> None:
        """Show a remark of `sovr` itself."""


class Screen(Noting, Protocol):
    """Where a command shows what it runs."""

    def take(self, event: Event) -> None:
        """Show what the run says."""

    def close(self) -> None:
        """Nothing more comes."""


def supplied(app: App, request: RunRequest, mode: str) -> RunRequest:
    """The request with the payload of other pods that the recipe wants. Tells what was not locked, and is now,
    and what has moved since it was."""
    from sovrgit.actions import supply_run

    return supply_run(
        app.pod,
        request,
        time_ns=app.now_ns(),
        mode=mode,
        networks=app.networks,
        told=lambda locked: tell_locked(app, locked),
        moved=lambda states: tell_states(app, states),
        progress=app.progress,
    )


def tell_moved(app: App) -> None:
    """Tell, of a known result, which payload other pods on this machine have otherwise by now."""
    from sovrgit.actions import moved_payload

    tell_states(app, moved_payload(app.pod, time_ns=app.now_ns()))


def tell_locked(app: App, locked: Sequence[LockedPayload]) -> None:
    """Tell which payload of other pods was looked up and locked."""
    from sovrgit.ui.payloadview import locked_lines

    for line in locked_lines(app.console, locked):
        app.console.note(line)


def tell_states(app: App, states: Sequence[PayloadState]) -> None:
    """Tell which payload other pods have otherwise by now."""
    if not states:
        return
    from sovrgit.ui.payloadview import moved_line

    for state in states:
        app.console.note(moved_line(state))
    app.console.hint("runs take what is locked; `sovr payload update` locks what there is now")


class _Plain:
    """The screen of a command on this machine: what it prints, and nothing else."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._output = LiveOutput(console)

    def take(self, event: Event) -> None:
        if isinstance(event, Output):
            self._output.write(event.stream, event.data)

    def note(self, text: str) -> None:
        self._output.end()
        self._console.note(text)

    def close(self) -> None:
        self._output.end()


class _Golem:
    """The screen of a run on Golem. It is there from the first event on: a known result needs none."""

    def __init__(self, console: Console, executor: GolemExecutor) -> None:
        self._console = console
        self._executor = executor
        self._stack = contextlib.ExitStack()
        self._view: GolemLive | None = None

    def take(self, event: Event) -> None:
        if self._view is None:
            self._view = self._open()
        if isinstance(event, Output):
            self._view.write(event.stream, event.data)
        elif isinstance(event, Progress):
            self._view.saw(event.seen)

    def note(self, text: str) -> None:
        (self._view or self._console).note(text)

    def close(self) -> None:
        self._stack.close()

    def _open(self) -> GolemLive:
        from sovrgit.runs.golem.limits import NETWORKS
        from sovrgit.ui.golemlive import golem_live

        network = self._executor.spending.network
        view = golem_live(
            self._console, network=network, token=NETWORKS[network], emulated=self._executor.name == "devnet"
        )
        return self._stack.enter_context(view)


@contextlib.contextmanager
def live(app: App, executor: Executor) -> Iterator[tuple[Callable[[Event], None], Callable[[Decision], None], Cancel]]:
    """Run something with its output on the screen; Ctrl-C ends it politely, a second one at once."""
    console = app.console

    def decided(decision: Decision) -> None:
        for warning in decision.warnings:
            console.warn(warning)
        for line in decision_lines(decision):
            console.note(line)

    with on_screen(app, executor) as (screen, cancel):
        yield screen.take, decided, cancel


@contextlib.contextmanager
def on_screen(app: App, executor: Executor) -> Iterator[tuple[Screen, Cancel]]:
    """The same for what says more of itself in between."""
    screen: Screen = _Plain(app.console)
    if executor.mode:
        from sovrgit.runs.golem.executor import GolemExecutor

        if isinstance(executor, GolemExecutor):
            screen = _Golem(app.console, executor)
    with Cancel() as cancel, signals(screen, cancel):
        try:
            yield screen, cancel
        finally:
            screen.close()


@contextlib.contextmanager
def signals(screen: Noting, cancel: Cancel) -> Iterator[None]:
    """Let signals ask for an end of the run.

    A handler in Python is run when the interpreter gets to it: late, if a signal comes just before it begins to wait,
    and in the middle of whatever it writes. A byte in a pipe, which the system's handler writes, is there at once.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    watch = threading.Thread(target=_take_signals, args=(reader, screen, cancel), daemon=True)
    earlier_fd = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    earlier = {number: signal.signal(number, _noticed) for number in _SIGNALS}
    watch.start()
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(earlier_fd)
        os.write(writer, b"\0")
        watch.join()
        os.close(writer)
        os.close(reader)


def _noticed(*_: object) -> None:
    """The handler of a signal whose byte is enough."""


def _take_signals(reader: int, screen: Noting, cancel: Cancel) -> None:
    """Take the numbers of signals from a pipe, until there is a 0."""
    while 0 not in (numbers := os.read(reader, 64)):
        for number in numbers:
            # While somebody is asked for approval, it means something else.
            if signal.getsignal(number) is _noticed:
                first = not cancel.requested
                cancel.request()
                if first:
                    screen.note("\nending the run; once more ends it at once")


def end_of(identity: ObjectId, run: Run) -> int:
    """0 for a run that succeeded.

    Raises:
        RunFailed, RunTimedOut, RunWithoutOutput, RunCancelled, RunOverLimit, RunPartial, RunWithoutProvider: for every
            other one.
    """
    if run.succeeded:
        return 0
    if run.status is RunStatus.CANCELLED:
        raise RunCancelled(run=identity.short)
    if run.status is RunStatus.TIMED_OUT:
        raise RunTimedOut(run=identity.short, seconds=f"{run.usage.wall / 1e9:.1f}")
    if run.golem:
        _end_on_golem(identity, run)
    if run.exit_code == 0 and run.output is None:
        outputs = ", ".join(run.outputs)
        # That there is nothing would be no help to somebody who sees the files.
        hint = None if run.reason.startswith("left nothing") else f"{run.reason}; `sovr logs {identity.short}`"
        raise RunWithoutOutput(run=identity.short, output=outputs, hint=hint)
    raise RunFailed(run=identity.short, reason=run.reason)


def _end_on_golem(identity: ObjectId, run: Run) -> None:
    """Tell of what can only happen on Golem.

    Raises:
        RunOverLimit, RunPartial, RunWithoutProvider: as the name says.
    """
    if run.golem.get("stopped"):
        raise RunOverLimit(run=identity.short, reason=run.reason)
    if run.status is RunStatus.PARTIAL:
        raise RunPartial(run=identity.short, reason=run.reason)
    if run.golem.get("demands") and not run.golem.get("agreements"):
        raise RunWithoutProvider(run=identity.short, reason=run.reason)


def _approve(app: App, proposal: Proposal) -> bool:
    """Ask; without anybody to ask, the answer is no."""
    console = app.console
    console.note(f"This pod comes from {proposal.origin}.")
    if proposal.author:
        console.note(f"Its last commit is by {proposal.author}.")
    if proposal.changed:
        console.note("New or changed since you approved it:\n")
        console.note("\n".join(f"  {console.path(path)}" for path in proposal.changed[:_CHANGES_SHOWN]))
        if len(proposal.changed) > _CHANGES_SHOWN:
            console.note(f"  and {plural(len(proposal.changed) - _CHANGES_SHOWN, 'other')}")
        console.note("")
    console.note(f"Its recipe runs on this machine, with your rights:\n\n  {proposal.command}\n")
    if not app.options.yes and not app.may_ask:
        return False
    # Here Ctrl-C means no; while the command runs it means to end it.
    earlier = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return app.confirm("Run it?", "read the scripts, then `sovr run --yes` or `sovr trust`")
    finally:
        signal.signal(signal.SIGINT, earlier)
