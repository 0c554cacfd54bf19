"""The market in the story: demands, proposals, agreements."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sovrgit.runs.golem.calls.activities import destroyed
from sovrgit.runs.golem.calls.line import MOST, Line, is_full
from sovrgit.runs.golem.calls.seen import NODE_NAME, Agreement, Demand
from sovrgit.runs.golem.calls.values import flat, id_of, items, mapping, nanoseconds, text
from sovrgit.runs.golem.limits import Price, price_of
from sovrgit.runs.golem.observed import AgreementChanged, DemandMade, ProposalSeen


def _demand(line: Line) -> None:
    made = id_of(line.answer)
    if not (line.ok and made) or is_full(line, line.seen.demands):
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
    if len(line.seen.offers) >= MOST:
        # Those that were not taken up are of no more use.
        del line.seen.offers[next(iter(line.seen.offers))]
    offer = flat(given.get("properties"))
    line.seen.offers[made] = offer
    line.told.append(ProposalSeen(line.at, provider, text(offer.get(NODE_NAME))[:256], _price(offer)))


def _agreement(line: Line) -> None:
    made = id_of(line.answer)
    if not (line.ok and made) or made in line.seen.agreements or is_full(line, line.seen.agreements):
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
            destroyed(line, line.seen.activities[activity])
    _tell(line, agreement)


def _tell(line: Line, agreement: Agreement) -> None:
    line.told.append(AgreementChanged(line.at, agreement.id, agreement.provider, agreement.name, agreement.state))


DEEDS: Mapping[str, Callable[[Line], None]] = {
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
}
"""What the answer to each call does to the story."""
