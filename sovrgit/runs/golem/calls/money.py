"""Money in the story: allocations, debit notes, invoices, payments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from sovrgit.runs.golem.calls.activities import take_usage
from sovrgit.runs.golem.calls.costs import running_cost
from sovrgit.runs.golem.calls.line import Line, is_full
from sovrgit.runs.golem.calls.seen import ZERO, Allocation, Bill, Payment
from sovrgit.runs.golem.calls.values import amount, id_of, items, mapping, nanoseconds, text
from sovrgit.runs.golem.observed import CostChanged


def _allocation(line: Line) -> None:
    answer = mapping(line.answer)
    made, total = id_of(answer.get("allocationId")), amount(answer.get("totalAmount"))
    if line.ok and made and total is not None and not is_full(line, line.seen.allocations):
        line.seen.allocations[made] = Allocation(made, text(answer.get("paymentPlatform"))[:64], total, line.at)


def _allocation_told(line: Line) -> None:
    allocation = line.seen.allocations.get(line.ids[0])
    if allocation is None or not line.ok:
        return
    allocation.total = _or(amount(mapping(line.answer).get("totalAmount")), allocation.total)
    allocation.spent = max(_or(amount(mapping(line.answer).get("spentAmount")), ZERO), allocation.spent)


def _allocation_end(line: Line) -> None:
    allocation = line.seen.allocations.get(line.ids[0])
    if allocation is not None and (line.ok or line.status in (404, 410)):
        allocation.released = True


def _bill_list(kind: str) -> Callable[[Line], None]:
    def deed(line: Line) -> None:
        for one in items(line.answer) if line.ok else []:
            _bill(line, kind, mapping(one))

    return deed


def _bill_get(kind: str) -> Callable[[Line], None]:
    def deed(line: Line) -> None:
        if line.ok:
            _bill(line, kind, mapping(line.answer))

    return deed


def _bill(line: Line, kind: str, given: Mapping[str, Any]) -> None:
    """Take in a bill, if it is about an agreement of this run."""
    made = id_of(given.get(f"{kind}Id"))
    due = amount(given.get("amount" if kind == "invoice" else "totalAmountDue"))
    activity = line.seen.activities.get(id_of(given.get("activityId")))
    about = id_of(given.get("agreementId")) or (activity.agreement if activity else "")
    agreement = line.seen.agreements.get(about)
    if not made or due is None or agreement is None:
        return
    bills = agreement.invoices if kind == "invoice" else agreement.debit_notes
    known = bills.get(made)
    if known is not None:
        # Accepted is accepted, whatever is told later.
        known.status = max(known.status, text(given.get("status"))[:32], key=_standing)
        return
    if is_full(line, bills):
        return
    bills[made] = Bill(
        made,
        agreement.id,
        activity.id if activity else "",
        due,
        text(given.get("status"))[:32],
        nanoseconds(given.get("timestamp")),
    )
    if activity is not None:
        take_usage(line.seen, activity, given.get("usageCounterVector"))
    _tell_cost(line)


def _standing(status: str) -> int:
    return {"SETTLED": 3, "ACCEPTED": 2, "REJECTED": 1}.get(status, 0)


def _bill_accept(kind: str) -> Callable[[Line], None]:
    def deed(line: Line) -> None:
        bill = line.seen.bill(kind, line.ids[0])
        if bill is None or not line.ok or bill.status in ("ACCEPTED", "SETTLED"):
            return
        agreement = line.seen.agreements[bill.agreement]
        before = agreement.accepted()
        bill.status = "ACCEPTED"
        allocation = line.seen.allocations.get(id_of(mapping(line.request).get("allocationId")))
        if allocation is not None:
            allocation.spent += agreement.accepted() - before
        _tell_cost(line)

    return deed


def _bill_reject(kind: str) -> Callable[[Line], None]:
    def deed(line: Line) -> None:
        bill = line.seen.bill(kind, line.ids[0])
        if bill is not None and line.ok:
            bill.status = "REJECTED"

    return deed


def _payments(line: Line) -> None:
    for one in items(line.answer) if line.ok else []:
        given = mapping(one)
        made, paid = id_of(given.get("paymentId")), amount(given.get("amount"))
        parts = [mapping(part) for part in items(given.get("agreementPayments")) + items(given.get("activityPayments"))]
        ours = any(
            id_of(part.get(name)) in known
            for part in (given, *parts)
            for name, known in (
                ("allocationId", line.seen.allocations),
                ("agreementId", line.seen.agreements),
                ("activityId", line.seen.activities),
            )
        )
        if made and paid is not None and ours and not is_full(line, line.seen.payments):
            line.seen.payments[made] = Payment(made, paid, nanoseconds(given.get("timestamp")))


def _tell_cost(line: Line) -> None:
    line.told.append(CostChanged(line.at, line.seen.accepted(), running_cost(line.seen, line.at)))


def _or(given: Decimal | None, otherwise: Decimal) -> Decimal:
    return otherwise if given is None else given


DEEDS: Mapping[str, Callable[[Line], None]] = {
    "allocation.make": _allocation,
    "allocation.get": _allocation_told,
    "allocation.amend": _allocation_told,
    "allocation.end": _allocation_end,
    "debitNote.list": _bill_list("debitNote"),
    "debitNote.get": _bill_get("debitNote"),
    "debitNote.accept": _bill_accept("debitNote"),
    "debitNote.reject": _bill_reject("debitNote"),
    "invoice.list": _bill_list("invoice"),
    "invoice.get": _bill_get("invoice"),
    "invoice.accept": _bill_accept("invoice"),
    "invoice.reject": _bill_reject("invoice"),
    "payment.list": _payments,
    "debitNote.payments": _payments,
    "invoice.payments": _payments,
}
"""What the answer to each call does to the story."""
