"""What a run costs so far, whatever is billed."""

from __future__ import annotations

from decimal import Decimal

from sovrgit.runs.golem.calls.costs import most, running_cost
from sovrgit.runs.golem.calls.seen import Activity, Agreement, Bill, Seen
from sovrgit.runs.golem.limits import Price

SECOND = 10**9
HOUR = 3600 * SECOND


def seen(*amounts: str, status: str = "RECEIVED") -> Seen:
    """One activity of an hour on two processors, and invoices for it."""
    found = Seen()
    agreement = Agreement("g", "0x1", "one", {"golem.inf.cpu.threads": 2}, Price(Decimal(1), Decimal(1), Decimal(1)))
    agreement.activities.append("a")
    agreement.invoices = {
        str(number): Bill(str(number), "g", "", Decimal(amount), status, None) for number, amount in enumerate(amounts)
    }
    found.agreements["g"] = agreement
    found.activities["a"] = Activity("a", "g", 0)
    return found


def test_what_prices_make_of_the_time() -> None:
    assert running_cost(seen(), HOUR) == 2  # the start and an hour; no processor time is known


def test_what_was_billed_counts() -> None:
    assert running_cost(seen("1.5"), HOUR) == Decimal("1.5")


def test_a_bill_beyond_everything_that_was_agreed_upon_stops_nothing() -> None:
    found = seen("1000000")
    limit = most(found, found.agreements["g"], HOUR)
    assert limit is not None and 4 < limit < 5
    assert running_cost(found, HOUR) == limit


def test_what_was_accepted_counts_in_any_case() -> None:
    assert running_cost(seen("9", status="ACCEPTED"), HOUR) == 9


def test_without_a_price_there_is_no_bound() -> None:
    found = seen("9")
    found.agreements["g"].price = None
    assert most(found, found.agreements["g"], HOUR) is None
    assert running_cost(found, HOUR) == 9
