"""What a run costs so far: what was billed, and what prices make of the time since."""

from __future__ import annotations

from decimal import Decimal

from sovrgit.runs.golem.calls.seen import ZERO, Activity, Agreement, Seen
from sovrgit.runs.golem.calls.values import amount

SLACK = Decimal("1.05")
LATE = Decimal(10)
"""What a bill may be beyond what the time makes: clocks differ, and the news of an end takes seconds to arrive."""

_THREADS = "golem.inf.cpu.threads"
_MOST_THREADS = Decimal(4096)


def most(seen: Seen, agreement: Agreement, now: int, activity: str = "") -> Decimal | None:
    """What the agreed price can have come to, with all processors at work; of one activity, if it is named.

    A bill beyond it is not accepted. None if no price is known.
    """
    price = agreement.price
    if price is None:
        return None
    threads = amount(agreement.offer.get(_THREADS)) or Decimal(1)
    total = ZERO
    for name in [activity] if activity else agreement.activities:
        lasted = seconds_of(seen.activities[name], now) * SLACK + LATE
        total += price.cost(lasted, lasted * min(threads, _MOST_THREADS))
    return total


def running_cost(seen: Seen, now: int) -> Decimal:
    """What everything comes to so far: what was billed, or if that is more, what the prices make of the time since.

    No more than what can be accepted: a provider that bills absurdly is paid nothing, and stops nothing.
    """
    return sum((_bounded(seen, agreement, now) for agreement in seen.agreements.values()), ZERO)


def _bounded(seen: Seen, agreement: Agreement, now: int) -> Decimal:
    running, limit = _running(seen, agreement, now), most(seen, agreement, now)
    return running if limit is None else min(running, max(limit, agreement.accepted()))


def _running(seen: Seen, agreement: Agreement, now: int) -> Decimal:
    if agreement.invoices:
        return agreement.billed()
    noted = agreement.noted()
    total = ZERO
    for name in agreement.activities:
        activity = seen.activities[name]
        lasted = seconds_of(activity, now)
        if activity.ended and name in noted:
            # The last debit note comes with the end and knows better.
            total += noted[name]
            continue
        cpu = activity.cpu_seconds or ZERO
        if activity.seconds and cpu:
            cpu *= max(lasted / activity.seconds, Decimal(1))
        estimate = agreement.price.cost(lasted, cpu) if agreement.price else ZERO
        total += max(estimate, noted.get(name, ZERO))
    return total


def seconds_of(activity: Activity, now: int) -> Decimal:
    """How long an activity has lasted."""
    until = activity.destroyed if activity.destroyed is not None else now
    return Decimal(max(until - activity.created, 0)) / 10**9
