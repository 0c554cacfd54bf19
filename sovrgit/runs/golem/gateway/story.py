"""What each line of the call log says about a run: one line after the other makes `Seen` of nothing.

The gateway tells its story to itself while it goes on, from the very lines that it writes, so whoever reads the log
afterwards comes to the same end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from sovrgit.runs.golem.gateway import routes
from sovrgit.runs.golem.gateway.batches import take_commands, take_event, take_results
from sovrgit.runs.golem.gateway.seen import (
    NODE_NAME,
    ZERO,
    Activity,
    Agreement,
    Allocation,
    Bill,
    Demand,
    Doubtful,
    Payment,
    Seen,
)
from sovrgit.runs.golem.gateway.values import amount, flat, id_of, items, mapping, nanoseconds, text
from sovrgit.runs.golem.limits import CPU_COUNTER, SECONDS_COUNTER, VECTOR, Price, price_of
from sovrgit.runs.golem.observed import (
    ActivityChanged,
    AgreementChanged,
    CostChanged,
    DemandMade,
    Observed,
    ProposalSeen,
)

FORMAT = "golem-calls"
DEVNET = "sovr devnet"
"""The name under which the devnet tells its version."""

_MOST = 10_000
"""Of each kind that is kept."""


class Line:
    """A line about a call that was answered."""

    def __init__(self, seen: Seen, ids: Sequence[str], given: Mapping[str, Any]) -> None:
        self.seen = seen
        self.ids = ids
        self.at: int = given["at"]
        self.status: int = given["status"]
        self.request = given.get("request")
        self.answer = given.get("answer")
        self.told: list[Observed] = []

    @property
    def ok(self) -> bool:
        """Whether the call was answered well."""
        return 200 <= self.status < 300


def take(seen: Seen, line: Mapping[str, Any]) -> list[Observed]:
    """Add what a line says; what there is to tell of it."""
    if FORMAT in line:
        seen.platforms = tuple(text(one) for one in items(line.get("platforms")))
        seen.subnet = text(line.get("subnet"))
        return []
    path = urlsplit(text(line.get("path"))).path
    number, at = line.get("call"), line.get("at")
    if not isinstance(number, int) or not isinstance(at, int):
        return []
    if "event" in line:
        found = routes.find("GET", path)
        return take_event(seen, found.ids, line["event"], at) if found and found.name == "activity.results" else []
    found = routes.find(text(line.get("method")), path)
    if found is None:
        return []
    status = line.get("status")
    if not isinstance(status, int):
        if found.route.opens:
            seen.doubtful[number] = Doubtful(found.name, at, found.ids, line.get("request"))
        return []
    if status < 500 or line.get("refused"):
        seen.doubtful.pop(number, None)
    taken = Line(seen, found.ids, line)
    deed = _DEEDS.get(found.name)
    if deed is not None:
        deed(taken)
    return taken.told


# --- identity ---------------------------------------------------------------------------------------------------


def _me(line: Line) -> None:
    if line.ok:
        line.seen.requestor = id_of(mapping(line.answer).get("identity")) or line.seen.requestor


def _version(line: Line) -> None:
    current = mapping(mapping(line.answer).get("current"))
    if line.ok and current:
        line.seen.daemon = text(current.get("version"))[:64]
        line.seen.emulated = current.get("name") == DEVNET


# --- market -----------------------------------------------------------------------------------------------------


def _demand(line: Line) -> None:
    made = id_of(line.answer)
    if not (line.ok and made) or _is_full(line, line.seen.demands):
        return
    request = mapping(line.request)
    line.seen.demands[made] = Demand(made, line.at, flat(request.get("properties")), text(request.get("constraints")))
    line.told.append(DemandMade(line.at, made))


def _demand_end(line: Line) -> None:
    demand = line.seen.demands.get(line.ids[0])
    if demand is not None and (line.ok or line.status in (404, 410)):
        demand.ended = True


def _demand_events(line: Line) -> None:
    for event in items(line.answer) if line.ok else []:
        _proposal(line, mapping(mapping(event).get("proposal")))


def _proposal_get(line: Line) -> None:
    if line.ok:
        _proposal(line, mapping(line.answer))


def _proposal(line: Line, given: Mapping[str, Any]) -> None:
    made, provider = id_of(given.get("proposalId")), id_of(given.get("issuerId"))
    if not made or not provider or made in line.seen.offers or provider == line.seen.requestor:
        return
    if len(line.seen.offers) >= _MOST:
        # Those that were not taken up are of no more use.
        del line.seen.offers[next(iter(line.seen.offers))]
    offer = flat(given.get("properties"))
    line.seen.offers[made] = offer
    line.told.append(ProposalSeen(line.at, provider, text(offer.get(NODE_NAME))[:256], _price(offer)))


def _agreement(line: Line) -> None:
    made = id_of(line.answer)
    if not (line.ok and made) or made in line.seen.agreements or _is_full(line, line.seen.agreements):
        return
    agreement = line.seen.agreements[made] = Agreement(made)
    offer = line.seen.offers.get(id_of(mapping(line.request).get("proposalId")))
    if offer is not None:
        _offer(agreement, offer)
    _tell(line, agreement)


def _agreement_get(line: Line) -> None:
    agreement = line.seen.agreements.get(line.ids[0])
    answer = mapping(line.answer)
    if agreement is None or not line.ok or answer.get("agreementId") != agreement.id:
        return
    offer = mapping(answer.get("offer"))
    agreement.provider = id_of(offer.get("providerId")) or agreement.provider
    _offer(agreement, flat(offer.get("properties")))
    _state(line, agreement, text(answer.get("state")), nanoseconds(answer.get("approvedDate")))


def _agreement_confirm(line: Line) -> None:
    if line.ok:
        _state_of(line, "Pending")


def _agreement_wait(line: Line) -> None:
    if line.ok:
        _state_of(line, "Approved", line.at)
    elif line.status == 410:
        _state_of(line, "Rejected")


def _agreement_cancel(line: Line) -> None:
    if line.ok:
        _state_of(line, "Cancelled")


def _agreement_end(line: Line) -> None:
    agreement = line.seen.agreements.get(line.ids[0])
    if agreement is not None and line.ok:
        agreement.reason = agreement.reason or text(mapping(line.request).get("message"))[:1024]
        _state(line, agreement, "Terminated")


def _agreement_events(line: Line) -> None:
    for given in items(line.answer) if line.ok else []:
        event = mapping(given)
        agreement = line.seen.agreements.get(id_of(event.get("agreementId")))
        kind = text(event.get("eventType")).removeprefix("Agreement").removesuffix("Event")
        if agreement is not None and kind in ("Approved", "Rejected", "Cancelled", "Terminated"):
            agreement.reason = agreement.reason or text(mapping(event.get("reason")).get("message"))[:1024]
            _state(line, agreement, kind, nanoseconds(event.get("eventDate")))


def _offer(agreement: Agreement, offer: dict[str, Any]) -> None:
    if offer:
        agreement.offer, agreement.price = offer, _price(offer)
        agreement.name = text(offer.get(NODE_NAME))[:256]


def _price(offer: Mapping[str, Any]) -> Price | None:
    try:
        return price_of(offer)
    except ValueError:
        # Not understood; whoever wants to agree on it is told.
        return None


_RANKS = {"Proposal": 0, "Pending": 1, "Approved": 2, "Rejected": 3, "Cancelled": 3, "Expired": 3, "Terminated": 3}


def _state_of(line: Line, state: str, at: int | None = None) -> None:
    agreement = line.seen.agreements.get(line.ids[0])
    if agreement is not None:
        _state(line, agreement, state, at)


def _state(line: Line, agreement: Agreement, state: str, at: int | None = None) -> None:
    """Bring an agreement into a state. It never goes back: answers may come out of order."""
    if state == "Approved" and agreement.approved is None:
        agreement.approved = at or line.at
    if _RANKS.get(state, -1) <= _RANKS[agreement.state]:
        return
    agreement.state = state
    if agreement.final:
        agreement.ended = at or line.at
        for activity in agreement.activities:
            _destroyed(line, line.seen.activities[activity])
    _tell(line, agreement)


def _tell(line: Line, agreement: Agreement) -> None:
    line.told.append(AgreementChanged(line.at, agreement.id, agreement.provider, agreement.name, agreement.state))


# --- activities -------------------------------------------------------------------------------------------------


def _activity(line: Line) -> None:
    made = id_of(line.answer) or id_of(mapping(line.answer).get("activityId"))
    agreement = line.seen.agreements.get(id_of(line.request) or id_of(mapping(line.request).get("agreementId")))
    if not (line.ok and made and agreement) or made in line.seen.activities or _is_full(line, line.seen.activities):
        return
    agreement.activities.append(made)
    activity = line.seen.activities[made] = Activity(made, agreement.id, line.at)
    if agreement.final:
        activity.destroyed = line.at
    line.told.append(ActivityChanged(line.at, made, agreement.id, activity.state))


def _activity_end(line: Line) -> None:
    activity = line.seen.activities.get(line.ids[0])
    if activity is not None and (line.ok or line.status in (404, 410)):
        _destroyed(line, activity)


def _activity_state(line: Line) -> None:
    activity = line.seen.activities.get(line.ids[0])
    state = text(next(iter(items(mapping(line.answer).get("state"))), ""))[:32]
    if activity is None or not line.ok or not state or activity.ended:
        return
    if state == "Terminated":
        _destroyed(line, activity)
    elif state != activity.state:
        activity.state = state
        line.told.append(ActivityChanged(line.at, activity.id, activity.agreement, state))


def _activity_usage(line: Line) -> None:
    activity = line.seen.activities.get(line.ids[0])
    if activity is not None and line.ok:
        _usage(line.seen, activity, mapping(line.answer).get("currentUsage"))


def _usage(seen: Seen, activity: Activity, given: Any) -> None:
    vector = items(seen.agreements[activity.agreement].offer.get(VECTOR))
    for counter, value in zip(vector, items(given), strict=False):
        used = amount(value)
        if used is not None and counter == SECONDS_COUNTER:
            activity.seconds = max(used, activity.seconds or ZERO)
        elif used is not None and counter == CPU_COUNTER:
            activity.cpu_seconds = max(used, activity.cpu_seconds or ZERO)


def _destroyed(line: Line, activity: Activity) -> None:
    if not activity.ended:
        activity.destroyed, activity.state = line.at, "Terminated"
        line.told.append(ActivityChanged(line.at, activity.id, activity.agreement, "Terminated"))


def _exec(line: Line) -> None:
    batch = id_of(line.answer)
    if line.ok and batch:
        take_commands(line.seen, line.ids[0], batch, line.request)


def _results(line: Line) -> None:
    if line.ok:
        line.told += take_results(line.seen, line.ids, line.answer, line.at)


# --- money ------------------------------------------------------------------------------------------------------


def _allocation(line: Line) -> None:
    answer = mapping(line.answer)
    made, total = id_of(answer.get("allocationId")), amount(answer.get("totalAmount"))
    if line.ok and made and total is not None and not _is_full(line, line.seen.allocations):
        line.seen.allocations[made] = Allocation(made, text(answer.get("paymentPlatform"))[:64], total)


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
    if _is_full(line, bills):
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
        _usage(line.seen, activity, given.get("usageCounterVector"))
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
        if made and paid is not None and ours and not _is_full(line, line.seen.payments):
            line.seen.payments[made] = Payment(made, paid, nanoseconds(given.get("timestamp")))


def _tell_cost(line: Line) -> None:
    line.told.append(CostChanged(line.at, line.seen.accepted(), running_cost(line.seen, line.at)))


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


def _is_full(line: Line, kept: Mapping[str, Any]) -> bool:
    if len(kept) < _MOST:
        return False
    line.seen.dropped += 1
    return True


def _or(given: Decimal | None, otherwise: Decimal) -> Decimal:
    return otherwise if given is None else given


_DEEDS: Mapping[str, Callable[[Line], None]] = {
    "me": _me,
    "version": _version,
    "demand.make": _demand,
    "demand.end": _demand_end,
    "demand.events": _demand_events,
    "proposal.get": _proposal_get,
    "agreement.make": _agreement,
    "agreement.get": _agreement_get,
    "agreement.confirm": _agreement_confirm,
    "agreement.wait": _agreement_wait,
    "agreement.cancel": _agreement_cancel,
    "agreement.end": _agreement_end,
    "agreement.events": _agreement_events,
    "activity.make": _activity,
    "activity.end": _activity_end,
    "activity.state": _activity_state,
    "activity.usage": _activity_usage,
    "activity.exec": _exec,
    "activity.results": _results,
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
