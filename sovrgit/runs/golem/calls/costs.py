"""What a run costs so far: what was billed, and what prices make of the time since."""

from __future__ import annotations

from decimal import Decimal

from sovrgit.runs.golem.calls.seen import ZERO, Activity, Agreement, Seen


def running_cost(seen: Seen, now: int) -> Decimal:
    """What everything comes to so far: what was billed, or if that is more, what the prices make of the time since."""
    return sum((_running(seen, agreement, now) for agreement in seen.agreements.values()), ZERO)


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
