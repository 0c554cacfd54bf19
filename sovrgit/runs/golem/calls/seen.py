"""What has been seen of a run on Golem: demands, allocations, agreements, activities, commands, bills, payments.

`story.py` fills it, call by call; `receipts.py` makes a record of it; the rules and the clean-up look at it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sovrgit.runs.golem.limits import Price

ZERO = Decimal(0)
SUBNET = "golem.node.debug.subnet"
NODE_NAME = "golem.node.id.name"
CHOSEN_PLATFORM = "golem.com.payment.chosen-platform"

FINAL = frozenset({"Rejected", "Cancelled", "Expired", "Terminated"})
"""States in which nothing more happens under an agreement."""


@dataclass(slots=True)
class Demand:
    """A demand, and whether it was taken back."""

    id: str
    at: int
    properties: dict[str, Any]
    constraints: str
    ended: bool = False


@dataclass(slots=True)
class Allocation:
    """Money that is set aside. `spent` is what has been accepted from it."""

    id: str
    platform: str
    total: Decimal
    at: int
    spent: Decimal = ZERO
    released: bool = False


@dataclass(slots=True)
class Command:
    """A command, and how it ended: `result` is empty as long as it has not."""

    batch: int
    kind: str
    words: tuple[str, ...]
    result: str = ""
    message: str = ""
    at: int | None = None


@dataclass(slots=True)
class Activity:
    """What a provider does under an agreement.

    Attributes:
        batches: for each batch by its id, where its commands begin and how many there are.
        seconds, cpu_seconds: what it has used, as far as that was told.
    """

    id: str
    agreement: str
    created: int
    state: str = "New"
    destroyed: int | None = None
    seconds: Decimal | None = None
    cpu_seconds: Decimal | None = None
    commands: list[Command] = field(default_factory=list)
    batches: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.destroyed is not None


@dataclass(slots=True)
class Bill:
    """A debit note or an invoice. Of a debit note, `amount` is what is due since its activity began."""

    id: str
    agreement: str
    activity: str
    amount: Decimal
    status: str
    at: int | None


@dataclass(slots=True)
class Agreement:
    """What was agreed upon with a provider."""

    id: str
    provider: str = ""
    name: str = ""
    offer: dict[str, Any] = field(default_factory=dict)
    price: Price | None = None
    state: str = "Proposal"
    approved: int | None = None
    ended: int | None = None
    reason: str = ""
    activities: list[str] = field(default_factory=list)
    debit_notes: dict[str, Bill] = field(default_factory=dict)
    invoices: dict[str, Bill] = field(default_factory=dict)

    @property
    def final(self) -> bool:
        """Whether nothing more happens under it."""
        return self.state in FINAL

    def accepted(self) -> Decimal:
        """What has been accepted: the invoices, or what the debit notes of its activities come to."""
        invoices = sum((one.amount for one in self.invoices.values() if _is_accepted(one)), ZERO)
        return max(invoices, sum(self.noted(accepted=True).values(), ZERO))

    def billed(self) -> Decimal:
        """What has been asked for, accepted or not."""
        return max(sum((one.amount for one in self.invoices.values()), ZERO), sum(self.noted().values(), ZERO))

    def noted(self, *, accepted: bool = False) -> dict[str, Decimal]:
        """What the debit notes come to, by activity."""
        made: dict[str, Decimal] = {}
        for note in self.debit_notes.values():
            if _is_accepted(note) or not accepted:
                made[note.activity] = max(note.amount, made.get(note.activity, ZERO))
        return made


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that was paid."""

    id: str
    amount: Decimal
    at: int | None


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A call that would have opened something and of whose end nothing is known."""

    name: str
    at: int
    ids: Sequence[str]
    request: Any


@dataclass(slots=True)
class Seen:
    """All of it. What is kept is bounded; `dropped` counts what is not.

    `networks` are private ones, by id, and whether they were removed.
    """

    platforms: tuple[str, ...] = ()
    subnet: str = ""
    requestor: str = ""
    daemon: str = ""
    emulated: bool = False
    demands: dict[str, Demand] = field(default_factory=dict)
    offers: dict[str, dict[str, Any]] = field(default_factory=dict)
    allocations: dict[str, Allocation] = field(default_factory=dict)
    agreements: dict[str, Agreement] = field(default_factory=dict)
    activities: dict[str, Activity] = field(default_factory=dict)
    networks: dict[str, bool] = field(default_factory=dict)
    payments: dict[str, Payment] = field(default_factory=dict)
    doubtful: dict[int, Doubtful] = field(default_factory=dict)
    dropped: int = 0

    def bill(self, kind: str, bill_id: str) -> Bill | None:
        """A debit note or an invoice that is about an agreement of this run."""
        for agreement in self.agreements.values():
            bills = agreement.invoices if kind == "invoice" else agreement.debit_notes
            if bill_id in bills:
                return bills[bill_id]
        return None

    def committed(self) -> Decimal:
        """What is set aside, and what was spent of that which no longer is."""
        return sum((one.spent if one.released else one.total for one in self.allocations.values()), ZERO)

    def accepted(self) -> Decimal:
        """What has been accepted altogether."""
        return sum((one.accepted() for one in self.agreements.values()), ZERO)

    def is_clean(self) -> bool:
        """Whether nothing is left open."""
        return not (
            self.doubtful
            or any(not one.ended for one in self.demands.values())
            or any(not one.released for one in self.allocations.values())
            # What was never signed binds nobody.
            or any(not one.final and one.state != "Proposal" for one in self.agreements.values())
            or any(not one.ended for one in self.activities.values())
            or not all(self.networks.values())
        )


def _is_accepted(bill: Bill) -> bool:
    return bill.status in ("ACCEPTED", "SETTLED")
