"""Whom to give work to: prices within the caps, nobody who has failed, others than before if there are some.

And a reason when there is nobody.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from decimal import Decimal
from typing import Any

from plan import Plan
from tell import tell
from yapapi import events
from yapapi.props import com
from yapapi.strategy import SCORE_REJECTED, LeastExpensiveLinearPayuMS

_TOLERANCE = Decimal("1.02")
"""What a bill may be above our own reckoning: clocks differ a little."""

_WAITING = 3
"""Offers that may wait for others at the same time. yapapi scores five at a time, so there is room for others."""

_LOOK = 0.05
"""Seconds between two looks for others."""

_START_SECONDS = Decimal(30)
"""Seconds that a provider may bill beyond what we saw: from its approval to our knowledge of it, and at the end."""


class Market(LeastExpensiveLinearPayuMS):
    """The strategy. It also watches what happens, and knows how long nobody has been at work."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(
            max_fixed_price=plan.max_start,
            max_price_for={com.Counter.CPU: plan.max_cpu_second, com.Counter.TIME: plan.max_second},
        )
        self._breaker = plan.breaker
        self._avoid = plan.avoid
        self._only_new = plan.only_new
        self._hold = plan.hold
        self._hold_until = 0.0
        self._waiting = 0
        self._others: set[str] = set()
        self._avoided: set[str] = set()
        self._set_aside: dict[str, str] = {}
        self._offered: set[str] = set()
        self._too_dear: set[str] = set()
        self._working: set[str] = set()
        self._agreements: dict[str, tuple[Any, float]] = {}
        self._idle_since = time.monotonic()
        self._failures = 0
        self._seen: Counter[str] = Counter()
        self._last_failure = ""

    # --- what yapapi asks -------------------------------------------------------------------------------------

    async def score_offer(self, offer: Any) -> float:
        """How good an offer is; below zero it is refused."""
        if not self._offered:
            # Not from the beginning: until a demand is known everywhere takes longer on one machine than on another.
            self._hold_until = time.monotonic() + self._hold
        self._offered.add(offer.issuer)
        if offer.issuer in self._set_aside:
            return SCORE_REJECTED
        score: float = await super().score_offer(offer)
        if score < 0:
            self._too_dear.add(offer.issuer)
        elif offer.issuer.lower() not in self._avoid:
            self._others.add(offer.issuer)
        elif not await self._nobody_else():
            self._avoided.add(offer.issuer)
            return SCORE_REJECTED
        return score

    async def _nobody_else(self) -> bool:
        """Whether to take a provider that should be avoided, because no other one comes."""
        if self._only_new or self._waiting >= _WAITING:
            return False
        self._waiting += 1
        try:
            while time.monotonic() < self._hold_until and not self._others - self._set_aside.keys():
                await asyncio.sleep(_LOOK)
        finally:
            self._waiting -= 1
        return not self._others - self._set_aside.keys()

    async def invoice_accepted_amount(self, invoice: Any) -> Decimal:
        """The amount, or nothing if it is more than the agreement's prices can make. yapapi then leaves it unpaid."""
        return self._fair(invoice.agreement_id, Decimal(invoice.amount), "an invoice")

    async def debit_note_accepted_amount(self, debit_note: Any) -> Decimal:
        """The same for what is due so far."""
        return self._fair(debit_note.agreement_id, Decimal(debit_note.total_amount_due), "a debit note")

    def _fair(self, agreement_id: str, amount: Decimal, what: str) -> Decimal:
        known = self._agreements.get(agreement_id)
        if known is None:
            return Decimal(0)
        agreement, began = known
        offer = agreement.details.raw_details.offer.properties
        prices = com.ComLinear.from_properties(offer)
        lasted = (Decimal(repr(time.monotonic() - began)) + _START_SECONDS) * _TOLERANCE
        threads = int(offer.get("golem.inf.cpu.threads", 1))
        cost = {getattr(counter, "value", counter): price for counter, price in prices.price_for.items()}
        # What an agreement has no price for costs nothing. Each activity may bill the price of its start.
        most = (
            Decimal(repr(prices.fixed_price)) * (1 + self._seen[f"activity {agreement_id}"])
            + Decimal(repr(cost.get(com.Counter.TIME.value, 0.0))) * lasted
            + Decimal(repr(cost.get(com.Counter.CPU.value, 0.0))) * lasted * threads
        )
        if amount <= most:
            return amount
        provider = offer.get("golem.node.id.name", "")
        reason = f"{what} of {amount} is more than the agreement's prices can make, {most:.6f}; it is not accepted"
        tell("overbilled", provider=provider, agreement=agreement_id, reason=reason, amount=str(amount))
        return Decimal(0)

    # --- what happens -----------------------------------------------------------------------------------------

    def watch(self, event: events.Event) -> None:
        """Take notice of an event of yapapi."""
        name = type(event).__name__
        self._seen[name] += 1
        if isinstance(event, events.AgreementConfirmed):
            # The engine may ask about an invoice only after this event was handed out.
            self._agreements[event.agreement.id] = (event.agreement, time.monotonic())
        elif isinstance(event, events.AgreementRejected):
            self._last_failure = "a provider rejected the agreement"
        elif isinstance(event, events.WorkerStarted):
            self._working.add(event.agreement.id)
        elif isinstance(event, events.ActivityCreated):
            self._seen[f"activity {event.agreement.id}"] += 1
        elif isinstance(event, events.ActivityCreateFailed):
            agreement = event.agreement
            self.failed(agreement.details.raw_details.offer.provider_id, _name(agreement), "no activity was created")
            self._rest(agreement.id)
        elif isinstance(event, events.WorkerFinished | events.AgreementTerminated):
            self._rest(event.agreement.id)
        elif isinstance(event, events.SubscriptionFailed | events.CollectFailed):
            self._last_failure = str(event.reason)

    def _rest(self, agreement: str) -> None:
        self._working.discard(agreement)
        if not self._working:
            self._idle_since = time.monotonic()

    def began(self) -> None:
        """A provider has set everything up: whatever was wrong, it is not wrong everywhere."""
        self._failures = 0

    def failed(self, provider: str, name: str, reason: str) -> None:
        """A provider could not even begin."""
        self._failures += 1
        self.set_aside(provider, name, reason)

    def set_aside(self, provider: str, name: str, reason: str) -> None:
        """Give a provider no more work in this run."""
        self._last_failure = f"{name}: {reason}"
        if provider not in self._set_aside:
            self._set_aside[provider] = reason
            tell("provider", id=provider, name=name, state="set aside", reason=reason)

    # --- whether to go on -------------------------------------------------------------------------------------

    def hopeless(self, patience: float) -> str:
        """Why going on makes no sense; empty if it does."""
        if self._failures >= self._breaker:
            return f"{self._failures} providers in a row could not begin; the last one was {self._last_failure}"
        if self._working:
            return ""
        if self._avoided and time.monotonic() > self._hold_until and self._offered == self._avoided | self._too_dear:
            count = len(self._avoided)
            who = "the only provider that offered has" if count == 1 else f"all {count} providers that offered have"
            return f"{who} computed it before"
        if time.monotonic() - self._idle_since < patience:
            return ""
        waited = f"within {patience:g} s"
        if not self._offered:
            why = f" ({self._last_failure})" if self._last_failure else ""
            return f"no provider offered what the job needs {waited}{why}"
        if self._too_dear and self._too_dear >= self._offered - self._set_aside.keys():
            return f"all {len(self._too_dear)} offers were dearer than the price caps"
        if self._set_aside and self._set_aside.keys() >= self._offered:
            return f"all {len(self._set_aside)} providers that offered were set aside; the last one was " + (
                self._last_failure
            )
        why = f"; {self._last_failure}" if self._last_failure else ""
        return f"of {len(self._offered)} providers that offered none took the job {waited}{why}"


def _name(agreement: Any) -> str:
    return str(agreement.details.raw_details.offer.properties.get("golem.node.id.name", ""))
