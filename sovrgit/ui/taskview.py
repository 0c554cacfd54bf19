"""How tasks are shown: their plans, and what came of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sovrgit.ui.commitview import commit_document
from sovrgit.ui.console import Console
from sovrgit.ui.format import human_time, plural
from sovrgit.ui.foundview import found_document, standing, where_text
from sovrgit.ui.runview import outcome, reasons_text, run_document

if TYPE_CHECKING:
    from sovrgit.tasks.events import StepOutcome
    from sovrgit.tasks.plan import Planned, TaskPlan
    from sovrgit.tasks.record import TaskResult


@dataclass(frozen=True, slots=True)
class TaskPlanView:
    """Shows what a task would do."""

    plan: TaskPlan

    def text(self, console: Console) -> None:
        """Print it for people."""
        plan = self.plan
        width = max(len(planned.step.name) for planned in plan.steps)
        console.line(console.safe(summary_line(plan)))
        for planned in plan.steps:
            word = "known" if planned.known is not None else "run"
            colour = "green" if planned.known is not None else "cyan"
            name = console.safe(f"{planned.step.name:<{width}}")
            console.line(f"  {console.style(f'{word:<6}', colour)}{name}  {console.safe(_why(planned))}".rstrip())
            if planned.found is not None:
                console.line(f"        {'':<{width}}  {console.safe(standing(planned.found))}")
        for line in cost_lines(plan):
            console.line(line)

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        plan = self.plan
        at_most = plan.at_most
        return {
            "plan": {
                "name": plan.recipe.name,
                "steps": [_step(planned) for planned in plan.steps],
                "notices": _notices(plan.steps),
                "to_run": len(plan.to_run),
                "known": len(plan.steps) - len(plan.to_run),
                "budget": _amount(plan.budget),
                "at_most": _amount(at_most),
            }
        }


@dataclass(frozen=True, slots=True)
class TaskResultView:
    """Shows what came of `sovr run` in a task."""

    result: TaskResult

    def text(self, console: Console) -> None:
        """Print it for people."""
        result = self.result
        if console.verbosity < 0:
            console.line(str(result.id))
            return
        ended = outcome(console, result.run, reused=result.reused, why=False)
        pods = plural(len(result.outcomes), "pod")
        console.line(f"run {console.style(result.id.short, 'cyan')} of {pods} {ended}")
        if result.committed is not None:
            made = result.committed
            console.line(f"committed as {console.style(made.id.short, 'yellow')} {console.safe(made.commit.summary)}")
        elif result.reused:
            console.line("the output is here already; nothing to commit")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        result = self.result
        committed, begun = result.committed, result.begun
        return {
            **run_document(result.id, result.run),
            "reused": result.reused,
            "commit": commit_document(committed.id, committed.commit) if committed else None,
            "changed_inputs": [],
            "found": None,
            "notices": _notices(outcome.planned for outcome in result.outcomes),
            "begun": commit_document(begun.id, begun.commit) if begun else None,
            "steps": [{**_step(outcome.planned), **_ended(outcome)} for outcome in result.outcomes],
        }


def summary_line(plan: TaskPlan) -> str:
    """How much there is to do, in a line."""
    number, to_run = len(plan.steps), len(plan.to_run)
    known = number - to_run
    return f"{plan.recipe.name}: {plural(number, 'pod')}, {to_run} to run, {known} known"


def found_lines(steps: Iterable[Planned]) -> Iterator[str]:
    """What is taken from others, each result in a line and, in another one, what is known of it."""
    for planned in steps:
        if planned.found is not None:
            yield f"`{planned.step.name}`: {_why(planned)}"
            yield f"  {standing(planned.found)}"


def cost_lines(plan: TaskPlan) -> Iterator[str]:
    """What a task may cost, if it costs anything."""
    paid = [planned for planned in plan.to_run if planned.costs]
    if not paid:
        return
    places = sorted({planned.prepared.placement.name for planned in paid})
    at_most = plan.at_most
    if at_most is None:
        bound = "not known what they cost; nothing is spent without a budget"
    elif at_most == plan.budget:
        bound = f"at most {_amount(at_most)} tokens, the budget for all together"
    else:
        bound = f"expected to cost at most {_amount(at_most)} tokens"
    worthless = "; on the devnet nothing is paid" if places == ["devnet"] else ""
    yield f"{plural(len(paid), 'pod')} on {' and '.join(places)}: {bound}{worthless}"


def _why(planned: Planned) -> str:
    if planned.known is not None:
        when = human_time(planned.known.run.started // 1_000_000_000, 0)
        if (found := planned.found) is not None:
            by = found.run.by or "somebody who gave no name"
            return f"run {planned.known.id.short} by {by} of {when}, {where_text(found)}"
        return f"run {planned.known.id.short} of {when}"
    place = planned.prepared.placement.name
    where = "" if place == "local" else f" (on {place})"
    return reasons_text(planned.reasons) + where


def _step(planned: Planned) -> dict[str, Any]:
    source, placement = planned.prepared.source, planned.prepared.placement
    return {
        "name": planned.step.name,
        "reference": source.reference,
        "source": str(source.commit) if source.commit is not None else None,
        "parameters": dict(planned.parameters),
        "key": str(planned.key) if planned.key is not None else None,
        "known": str(planned.known.id) if planned.known is not None else None,
        "found": found_document(planned.found) if planned.found is not None else None,
        "reasons": list(planned.reasons),
        "executor": placement.name,
        "at_most": _amount(placement.at_most),
    }


def _ended(outcome: StepOutcome) -> dict[str, Any]:
    result = outcome.result
    run = result.id if result is not None else outcome.planned.known.id if outcome.planned.known is not None else None
    return {
        "state": outcome.state,
        "run": str(run) if run is not None else None,
        "reason": outcome.reason if outcome.state == "failed" else "",
        "seconds": round(outcome.seconds, 3),
    }


def _notices(steps: Iterable[Planned]) -> list[str]:
    return [notice for planned in steps for notice in planned.notices]


def _amount(amount: Decimal | None) -> str | None:
    from sovrgit.runs.golem.limits import plain

    return None if amount is None else plain(amount)
