"""Running the steps of a task side by side: each as soon as all that it needs has its result."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from decimal import Decimal

from sovrgit.errors import SovrError
from sovrgit.objects.run import RunStatus
from sovrgit.runs.executor import Cancel
from sovrgit.runs.run import RunResult
from sovrgit.tasks.budget import Ledger, spent_by
from sovrgit.tasks.events import State, StepChanged, StepOutcome, TaskSink
from sovrgit.tasks.plan import Planned, Planner, TaskPlan
from sovrgit.tasks.supply import Result

Work = Callable[[int], RunResult]
"""Executes a step, given by its position; called in a thread of its own."""


class Schedule:
    """One pass over a task. Everything but the work itself happens in the thread that calls.

    Args:
        work: executes a step. What it raises as SovrError is a failure of that step.
        jobs: how many run at the same time.
        keep_going: after a failure, go on with what does not depend on it. Otherwise nothing new is started; what runs
            ends by itself.
        cancel: a request ends all that runs and starts nothing new.
        known: told of each step whose result is taken.
    """

    def __init__(
        self,
        plan: TaskPlan,
        planner: Planner,
        work: Work,
        ledger: Ledger,
        sink: TaskSink,
        cancel: Cancel,
        *,
        known: Callable[[Planned], None],
        jobs: int,
        keep_going: bool,
    ) -> None:
        self._plan = plan
        self._planner = planner
        self._work = work
        self._ledger = ledger
        self._sink = sink
        self._cancel = cancel
        self._known = known
        self._jobs = jobs
        self._keep_going = keep_going
        self._followers = plan.graph.followers()
        self._rank = {position: rank for rank, position in enumerate(plan.graph.order)}
        self._missing = {position: len(step.needs) for position, step in enumerate(plan.graph.steps)}
        self._ready = [self._rank[position] for position, count in self._missing.items() if not count]
        self._stopped = False
        self.outcomes = [StepOutcome(planned) for planned in plan.steps]
        self.results: dict[int, Result] = {}

    def run(self) -> list[StepOutcome]:
        """Run everything; the outcomes, as the steps stand in the graph.

        Raises:
            BaseException: whatever a step raises that is no SovrError, once all others have ended.
        """
        heapq.heapify(self._ready)
        running: dict[Future[RunResult], tuple[int, float]] = {}
        with ThreadPoolExecutor(self._jobs, "sovr-task") as pool:
            try:
                while True:
                    self._start(pool, running)
                    if not running:
                        break
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        self._take(future, *running.pop(future))
            except BaseException:
                self._cancel.request()
                wait(running)
                raise
        for position, outcome in enumerate(self.outcomes):
            if outcome.state == "waiting":
                self._tell(position, "left out")
        return self.outcomes

    def _start(self, pool: ThreadPoolExecutor, running: dict[Future[RunResult], tuple[int, float]]) -> None:
        """Begin what can begin; what is known already has its result at once."""
        while self._ready and len(running) < self._jobs and not self._stopped and not self._cancel.requested:
            position = self._plan.graph.order[heapq.heappop(self._ready)]
            outcome = self.outcomes[position]
            planned = outcome.planned
            try:
                # What it needs may have come out as before, so that it is known after all.
                if planned.key is None:
                    self._planner.settle(planned, self.results)
            except SovrError as error:
                self._fail(position, error)
                continue
            if planned.result is not None:
                self._ledger.leave(position)
                self._known(planned)
                self._tell(position, "known", f"run {planned.result.id.short}")
                self._finish(position, planned.result)
                continue
            self._tell(position, "running", "; ".join(planned.reasons))
            running[pool.submit(self._work, position)] = position, time.monotonic()

    def _take(self, future: Future[RunResult], position: int, started: float) -> None:
        outcome = self.outcomes[position]
        outcome.seconds = time.monotonic() - started
        try:
            result = future.result()
        except SovrError as error:
            self._ledger.settle(position, None)
            self._fail(position, error)
            return
        outcome.result = result
        run = result.run
        self._ledger.settle(position, Decimal(0) if result.reused else spent_by(run))
        if run.succeeded:
            known = f" by {run.by or 'nobody'}, which is in the history of its pod" if result.reused else ""
            self._tell(position, "succeeded", f"run {result.id.short}{known}")
            self._finish(position, Result(result.id, run))
        elif run.status is RunStatus.CANCELLED:
            self._tell(position, "cancelled", f"run {result.id.short}")
            self._drop(self._followers[position])
        else:
            self._fail(position)

    def _finish(self, position: int, result: Result) -> None:
        self.results[position] = result
        for follower in self._followers[position]:
            self._missing[follower] -= 1
            if not self._missing[follower]:
                heapq.heappush(self._ready, self._rank[follower])

    def _fail(self, position: int, error: SovrError | None = None) -> None:
        self.outcomes[position].error = error
        self._tell(position, "failed", self.outcomes[position].reason)
        self._ledger.leave(position)
        self._drop(self._followers[position])
        self._stopped = not self._keep_going

    def _drop(self, positions: Iterable[int]) -> None:
        """What depends on something that has no result cannot run."""
        waiting = list(positions)
        while waiting:
            position = waiting.pop()
            if self.outcomes[position].state == "waiting":
                self._ledger.leave(position)
                self._tell(position, "left out")
                waiting += self._followers[position]

    def _tell(self, position: int, state: State, note: str = "") -> None:
        outcome = self.outcomes[position]
        outcome.state = state
        self._sink(StepChanged(outcome.planned.step, state, note))
