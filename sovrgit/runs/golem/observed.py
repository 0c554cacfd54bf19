"""What the gateway tells while a run goes on: values for a live view, and for whoever must end the run."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sovrgit.runs.golem.limits import Price


@dataclass(frozen=True, slots=True)
class Observed:
    """Something that was seen, `at_ns` nanoseconds after 1970."""

    at_ns: int


@dataclass(frozen=True, slots=True)
class DemandMade(Observed):
    """A demand was published."""

    demand: str


@dataclass(frozen=True, slots=True)
class ProposalSeen(Observed):
    """A provider has offered itself. The price is None if it cannot be told."""

    provider: str
    name: str
    price: Price | None


@dataclass(frozen=True, slots=True)
class AgreementChanged(Observed):
    """An agreement has come into a state: Proposal, Pending, Approved, Rejected, Cancelled, Expired or Terminated."""

    agreement: str
    provider: str
    name: str
    state: str


@dataclass(frozen=True, slots=True)
class ActivityChanged(Observed):
    """An activity has come into a state: New, Initialized, Deployed, Ready, Terminated and the like."""

    activity: str
    agreement: str
    state: str


@dataclass(frozen=True, slots=True)
class BatchChanged(Observed):
    """Commands have ended: `done` of `total`, of which `failed` did not succeed."""

    activity: str
    done: int
    total: int
    failed: int


@dataclass(frozen=True, slots=True)
class CostChanged(Observed):
    """What has been accepted, and what everything comes to so far, in tokens."""

    accepted: Decimal
    running: Decimal


@dataclass(frozen=True, slots=True)
class LimitHit(Observed):
    """A limit was passed. Nothing new is let through from now on, and what goes on is ended."""

    reason: str
