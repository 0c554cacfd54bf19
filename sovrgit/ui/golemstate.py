"""How far a run on Golem is: what was observed, summed up for whoever shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import TYPE_CHECKING, TypeAlias

from sovrgit.runs.golem.limits import plain
from sovrgit.runs.golem.observed import (
    ActivityChanged,
    AgreementChanged,
    BatchChanged,
    CostChanged,
    DemandMade,
    LimitHit,
    Observed,
    ProposalSeen,
)
from sovrgit.ui.format import plural

if TYPE_CHECKING:
    from sovrgit.runs.golem.results import TaskSeen

Seen: TypeAlias = "Observed | TaskSeen"

_DIGITS = Context(prec=4)
"""Digits of the cost that are shown: it is an estimate until the bills have come. Records are exact."""

_ENDED = frozenset({"Rejected", "Cancelled", "Expired", "Terminated"})


@dataclass(slots=True)
class Deal:
    """An agreement with a provider, and how far the commands of its activity are."""

    provider: str
    name: str
    state: str
    activity: str = ""
    done: int = 0
    total: int = 0
    failed: int = 0

    @property
    def open(self) -> bool:
        """Whether the provider works for this run."""
        return self.state == "Approved"


@dataclass(slots=True)
class GolemState:
    """What is known of a run that goes on.

    Attributes:
        providers: the names of those that have offered themselves, by id.
        deals: the agreements by id, in the order in which they were made.
        tasks: what was last seen of each task, by its id.
        accepted: what was accepted of the bills, in tokens.
        running: what everything comes to so far, in tokens.
        stopped: which limit ended it; empty if none did.
    """

    providers: dict[str, str] = field(default_factory=dict)
    deals: dict[str, Deal] = field(default_factory=dict)
    tasks: dict[str, TaskSeen] = field(default_factory=dict)
    accepted: Decimal = Decimal(0)
    running: Decimal = Decimal(0)
    stopped: str = ""

    def saw(self, seen: Seen) -> str:
        """Take something that was seen; a line that tells of it, empty if it is not worth one."""
        match seen:
            case DemandMade():
                return "looking for providers" if not self.providers else ""
            case ProposalSeen():
                self.providers[seen.provider] = seen.name
                return ""
            case AgreementChanged():
                return self._agreement(seen)
            case ActivityChanged():
                deal = self.deals.get(seen.agreement)
                if deal is not None:
                    deal.activity, deal.done, deal.total, deal.failed = seen.activity, 0, 0, 0
                return ""
            case BatchChanged():
                return self._batch(seen)
            case CostChanged():
                self.accepted, self.running = seen.accepted, seen.running
                return ""
            case LimitHit():
                self.stopped = seen.reason
                return f"ended by a limit: {seen.reason}"
            case Observed():
                return ""
            case _:
                return self._task(seen)

    @property
    def open_deals(self) -> int:
        """How many providers work at this moment."""
        return sum(deal.open for deal in self.deals.values())

    @property
    def cost(self) -> Decimal:
        """What it has cost so far, in tokens: never less than what was accepted."""
        return max(self.accepted, self.running)

    def count(self, *states: str) -> int:
        """How many tasks are in one of these states."""
        return sum(task.state in states for task in self.tasks.values())

    def parts(self, token: str) -> list[str]:
        """How far it is, in a few short parts."""
        deals = len(self.deals)
        parts = [f"{plural(len(self.providers), 'provider')} found"]
        if deals:
            parts.append(f"{plural(deals, 'agreement')}" + (f", {self.open_deals} open" if self.open_deals else ""))
        if self.tasks:
            parts.append(f"{self.count('done')} of {plural(len(self.tasks), 'task')} done")
            if failed := self.count("failed"):
                parts.append(f"{failed} failed")
        parts.append(f"cost {plain(_DIGITS.create_decimal(self.cost))} {token}".rstrip())
        return parts

    def _agreement(self, seen: AgreementChanged) -> str:
        deal = self.deals.get(seen.agreement)
        if deal is None:
            deal = self.deals[seen.agreement] = Deal(seen.provider, seen.name, "")
        before, deal.state = deal.state, seen.state
        name = seen.name or seen.provider
        if seen.state == before:
            return ""
        if seen.state == "Approved":
            return f"agreement with {name}"
        if seen.state in _ENDED and before != "Approved":
            return f"no agreement with {name}: {seen.state.lower()}"
        return ""

    def _batch(self, seen: BatchChanged) -> str:
        deal = next((deal for deal in self.deals.values() if deal.activity == seen.activity), None)
        if deal is None:
            return ""
        failed_before = deal.failed
        deal.done, deal.total, deal.failed = seen.done, seen.total, seen.failed
        return f"a command failed on {deal.name or deal.provider}" if seen.failed > failed_before else ""

    def _task(self, seen: TaskSeen) -> str:
        self.tasks[seen.id] = seen
        what = task_name(seen)
        match seen.state:
            case "running":
                again = f", attempt {seen.attempt}" if seen.attempt > 1 else ""
                return f"{what}: running on {seen.provider}{again}"
            case "attempt failed":
                return f"{what}: attempt {seen.attempt} failed on {seen.provider}: {seen.reason}"
            case "failed":
                return f"{what}: failed: {seen.reason}"
            case "done":
                code = f", with exit code {seen.exit_code}" if seen.exit_code else ""
                return f"{what}: done on {seen.provider}{code} ({self.count('done')} of {len(self.tasks)})"
        return ""


def task_name(task: TaskSeen) -> str:
    """A task in words: its number, and the input that it is for."""
    return f"task {task.id} {task.data}".rstrip()
