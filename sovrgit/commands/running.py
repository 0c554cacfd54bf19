"""What commands that run something share: the environment, live output, Ctrl-C, the question for approval."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click

from sovrgit.commands.app import App
from sovrgit.errors import RunCancelled, RunFailed, RunTimedOut, RunWithoutOutput
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.run import Run, RunStatus
from sovrgit.runs.executor import Cancel, Event, Executor, Output
from sovrgit.runs.local import LocalExecutor
from sovrgit.runs.run import Decision, RunRequest
from sovrgit.runs.surroundings import child_environment
from sovrgit.runs.trust import Proposal
from sovrgit.ui.runview import decision_lines

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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
) -> RunRequest:
    """The request that the options of a command describe."""
    pairs = [parameter.partition("=") for parameter in parameters]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise click.UsageError(f"a parameter is written NAME=VALUE, not `{name}`")
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
    )


@contextlib.contextmanager
def live(app: App) -> Iterator[tuple[Executor, Callable[[Event], None], Callable[[Decision], None], Cancel]]:
    """Run something with its output on the screen; Ctrl-C ends it politely, a second one at once."""
    console = app.console

    def sink(event: Event) -> None:
        if isinstance(event, Output) and console.verbosity >= 0:
            # Whoever asked for JSON wants nothing else on standard output.
            stream = console.err if console.as_json or event.stream == "stderr" else console.out
            stream.flush()
            stream.buffer.write(event.data)
            stream.buffer.flush()

    def decided(decision: Decision) -> None:
        for line in decision_lines(console, decision):
            console.note(line)

    with Cancel() as cancel:
        earlier = {number: signal.signal(number, lambda *_: _interrupt(app, cancel)) for number in _SIGNALS}
        try:
            yield LocalExecutor(), sink, decided, cancel
        finally:
            for number, handler in earlier.items():
                signal.signal(number, handler)


def end_of(identity: ObjectId, run: Run) -> int:
    """0 for a run that succeeded.

    Raises:
        RunFailed, RunTimedOut, RunWithoutOutput, RunCancelled: for every other one.
    """
    if run.succeeded:
        return 0
    if run.status is RunStatus.CANCELLED:
        raise RunCancelled(run=identity.short)
    if run.status is RunStatus.TIMED_OUT:
        raise RunTimedOut(run=identity.short, seconds=f"{run.usage.wall / 1e9:.1f}")
    if run.exit_code == 0 and run.output is None:
        raise RunWithoutOutput(run=identity.short, output=", ".join(run.outputs))
    raise RunFailed(run=identity.short, reason=run.reason)


def _interrupt(app: App, cancel: Cancel) -> None:
    if not cancel.requested:
        app.console.note("\nending the run; once more ends it at once")
    cancel.request()


def _approve(app: App, proposal: Proposal) -> bool:
    console = app.console
    console.note(f"This pod comes from {console.safe(proposal.origin)}.")
    if proposal.author:
        console.note(f"Its last commit is by {console.safe(proposal.author)}.")
    console.note(f"Its recipe runs on this machine, with your rights:\n\n  {console.safe(proposal.command)}\n")
    answer = "read the scripts, then `sovr run --yes` or `sovr trust`"
    return app.confirm("Run it?", answer)
