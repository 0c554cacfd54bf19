"""`sovr run` in a task: the plan, the live view, and the end."""

from __future__ import annotations

import contextlib
import os

from sovrgit.commands.app import App
from sovrgit.commands.placing import Placing, agreed, running_devnet, wish_from
from sovrgit.commands.reusing import task_reusing
from sovrgit.commands.running import request_for, signals, tell_locked, tell_states
from sovrgit.errors import RunCancelled, TaskFailed
from sovrgit.objects.run import RunStatus
from sovrgit.pod.commits import Committed
from sovrgit.runs.executor import Cancel
from sovrgit.tasking import means_for
from sovrgit.tasks.events import StepChanged, TaskEvent
from sovrgit.tasks.means import Means
from sovrgit.tasks.plan import Planned, TaskPlan
from sovrgit.tasks.record import TaskResult
from sovrgit.tasks.run import TaskRequest, plan_task, run_task
from sovrgit.ui.console import Console
from sovrgit.ui.tasklive import TaskLive, task_live
from sovrgit.ui.taskview import TaskPlanView, TaskResultView, cost_lines, found_lines, summary_line


def run_task_here(
    app: App,
    placing: Placing,
    *,
    parameters: tuple[str, ...],
    force: bool,
    reuse: str | None,
    timeout: float | None,
    keep_env: tuple[str, ...],
    allow_empty: bool,
    plan_only: bool,
    jobs: int | None,
    update: bool,
    keep_going: bool,
) -> int:
    """Run the task in the current folder, or only say what would run; the exit code.

    Raises:
        TaskFailed, RunCancelled: if it has no result.
    """
    screen = _Screen(app.console)
    usual = request_for(app, parameters=parameters, timeout=timeout, keep=keep_env)
    request = TaskRequest(
        usual.author,
        usual.environment,
        parameters=usual.parameters,
        force=force,
        timeout=timeout,
        allow_empty=allow_empty,
        clock=app.now_ns,
        jobs=jobs or os.cpu_count() or 1,
        keep_going=keep_going,
        update=update,
        reusing=None if force else task_reusing(app, reuse, screen.note),
    )
    means = means_for(
        app.pod,
        wish_from(app, placing),
        app.environ,
        running_devnet,
        lambda *what: agreed(app, *what),
        author=usual.author,
        time_ns=app.now_ns(),
        approve=usual.approve,
        timeout=timeout,
        networks=app.networks,
        locked=lambda locked: tell_locked(app, locked),
        moved=lambda states: tell_states(app, states),
    )
    if plan_only:
        app.show(TaskPlanView(plan_task(app.pod, request, means)))
        return 0
    result = _run(app, request, means, screen)
    app.show(TaskResultView(result))
    return _end_of(result)


class _Screen:
    """The live view, from the time on when the pods are known; before that there may be questions."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._stack = contextlib.ExitStack()
        self._live: TaskLive | None = None
        self._later: dict[str, Planned] = {}

    def planned(self, plan: TaskPlan, begun: Committed | None) -> None:
        """Tell what is going to be done."""
        if begun is not None:
            self._console.note(f"committed what the task starts from as {begun.id.short}")
        self._console.note(summary_line(plan))
        for line in (*found_lines(plan.steps), *cost_lines(plan)):
            self._console.note(line)
        self._later = {planned.step.name: planned for planned in plan.to_run}
        if plan.to_run:
            names = [planned.step.name for planned in plan.steps]
            self._live = self._stack.enter_context(task_live(self._console, names))

    def saw(self, event: TaskEvent) -> None:
        """Tell what happens."""
        if self._live is not None:
            self._live.saw(event)
        if isinstance(event, StepChanged) and event.state == "known" and event.step.name in self._later:
            # What it takes had to be computed before its result could be looked for.
            for line in found_lines([self._later[event.step.name]]):
                self.note(line)

    def note(self, text: str) -> None:
        """Show a remark of `sovr` itself."""
        (self._live or self._console).note(text)

    def close(self) -> None:
        """End the view."""
        self._stack.close()


def _run(app: App, request: TaskRequest, means: Means, screen: _Screen) -> TaskResult:
    with Cancel() as cancel, signals(screen, cancel):
        try:
            return run_task(app.pod, request, means, screen.saw, screen.planned, cancel)
        finally:
            screen.close()


def _end_of(result: TaskResult) -> int:
    """0 for a task that succeeded.

    Raises:
        TaskFailed, RunCancelled: for every other one.
    """
    run = result.run
    if run.succeeded:
        return 0
    if run.status is RunStatus.CANCELLED:
        raise RunCancelled(run=result.id.short, hint="the next `sovr run` goes on from what has succeeded")
    failed = [outcome for outcome in result.outcomes if outcome.state == "failed"]
    first = next((outcome.result for outcome in failed if outcome.result is not None), None)
    hint = f"`sovr logs {first.id.short}` shows what it printed; " if first is not None else ""
    error = TaskFailed(reason=run.reason, hint=f"{hint}the next `sovr run` goes on from what has succeeded")
    raise error from next((outcome.error for outcome in failed if outcome.error is not None), None)
