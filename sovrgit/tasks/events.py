"""What is told while a task runs, and what has come of each of its steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from sovrgit.errors import SovrError
from sovrgit.runs.executor import Event
from sovrgit.runs.run import RunResult
from sovrgit.tasks.graph import Step
from sovrgit.tasks.plan import Planned

State: TypeAlias = Literal["waiting", "known", "running", "succeeded", "failed", "cancelled", "left out"]
"""Of a step. `left out` is one that did not start, because another one failed or all was cancelled."""


class StepChanged(NamedTuple):
    """A step is in another state now; `note` says why or how in words, where there is more to say."""

    step: Step
    state: State
    note: str = ""


class StepEvent(NamedTuple):
    """Something that a run of a step tells."""

    step: Step
    event: Event


TaskEvent: TypeAlias = StepChanged | StepEvent
TaskSink: TypeAlias = Callable[[TaskEvent], None]


@dataclass(slots=True)
class StepOutcome:
    """What has come of a step.

    `result` is there if it was executed and there is a record, `error` if it could not be.
    """

    planned: Planned
    state: State = "waiting"
    result: RunResult | None = None
    error: SovrError | None = None
    seconds: float = 0.0

    @property
    def reason(self) -> str:
        """Why it failed; empty if it did not."""
        if self.error is not None:
            return self.error.message
        return self.result.run.reason or str(self.result.run.status) if self.result is not None else ""
