"""Constraints, offers, negotiation and agreements."""

from __future__ import annotations

from typing import Any

import pytest
from golem_lab import DEMAND, MARKET, PLATFORM, Requestor
from hypothesis import given
from hypothesis import strategies as st

from sovrgit.devnet.golem.language import parse

OFFER = {"mem": 8.0, "name": "vm", "caps": ["inet", "vpn"], "on": True, "when": "2026-01-02T00:00:00Z", "none": []}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("", True),
        ("()", True),
        ("(&)", True),
        ("(|)", False),
        ("(mem>=0.5)", True),
        ("(mem>8)", False),
        ("(mem<=8)(", None),
        ("(mem<8.5)", True),
        ("(name=vm)", True),
        ("(name!=vm)", False),
        ("(name=v*)", True),
        ("(name=V*)", False),
        ("(name=*)", True),
        ("(none=*)", True),
        ("(other=*)", False),
        ("(!(other=*))", True),
        ("(caps=vpn)", True),
        ("(caps=gpu)", False),
        ("(on=true)", True),
        ("(mem=8)", True),
        ("(name>=1)", False),
        ("(when>2026-01-01T00:00:00Z)", True),
        ("(&(mem>=0.5)\n\t(name=vm))", True),
        ("(|(name=wasm)(&(mem>1)(caps=inet)))", True),
        ("(!(name=vm)(mem>1))", None),
        ("(name)", None),
        ("name=vm", None),
        ("(&(name=vm)", None),
        ("(" * 100, None),
        ("(&" * 100 + "(a=b)" + ")" * 100, None),
        ("(a=" + "x" * 70_000 + ")", None),
    ],
)
def test_constraints(text: str, holds: bool | None) -> None:
    if holds is None:
        with pytest.raises(ValueError, match=r"."):
            parse(text)
    else:
        assert parse(text)(OFFER) is holds


@given(st.text(alphabet="()&|!=<>* ab1.", max_size=40))
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        constraint = parse(text)
    except ValueError:
        return
    assert constraint({"a": 1, "b": "x"}) in (True, False)


def test_offers_have_what_clients_look_at(ada: Requestor) -> None:
    events = ada.events(ada.demand())
    assert [event["eventType"] for event in events] == ["ProposalEvent"] * 3
    offers = [event["proposal"]["properties"] for event in events]
    assert [offer["golem.node.id.name"] for offer in offers] == ["devnet-1", "devnet-2", "devnet-3"]
    assert len({event["proposal"]["issuerId"] for event in events}) == 3
    for offer in offers:
        coeffs = offer["golem.com.pricing.model.linear.coeffs"]
        assert len(coeffs) == len(offer["golem.com.usage.vector"]) + 1 and all(type(one) is float for one in coeffs)
        assert offer["golem.node.debug.subnet"] == "anywhere" and offer["sovr.devnet.sandbox"] == "none"
        assert offer[f"golem.com.payment.platform.{PLATFORM}.address"].startswith("0x")


def test_who_does_not_fit_does_not_offer(ada: Requestor) -> None:
    for constraints in (
        "(golem.runtime.name=wasmtime)",
        "(golem.inf.mem.gib>=4096)",
        "(golem.runtime.capabilities=inet)",
    ):
        demand = ada.post(f"{MARKET}/demands", {**DEMAND, "constraints": constraints})
        assert ada.events(demand, timeout=0) == []


def test_negotiation(ada: Requestor) -> None:
    demand = ada.demand()
    first = ada.events(demand)[0]["proposal"]
    assert first["state"] == "Initial" and "prevProposalId" not in first
    wanted = {"golem.com.payment.debit-notes.accept-timeout?": 77}
    draft = ada.draft(demand, first["proposalId"], **wanted)
    assert draft["state"] == "Draft" and draft["properties"] | wanted == draft["properties"]
    path = f"{MARKET}/demands/{demand}/proposals"
    own = ada.get(f"{path}/{draft['prevProposalId']}")
    assert own["prevProposalId"] == first["proposalId"] and own["issuerId"] == ada.get("/me")["identity"]
    assert "Can't react to own" in ada.post(f"{path}/{own['proposalId']}", DEMAND, 400)["message"]

    assert ada.post(f"{path}/{first['proposalId']}/reject", {"message": "no"}) is None
    ada.post(f"{path}/{first['proposalId']}", DEMAND, 410)
    ada.post(f"{path}/R-nothing", DEMAND, 400)
    ada.post(f"{path}/R-{'0' * 64}", DEMAND, 404)


def test_a_counter_proposal_that_asks_too_much_is_refused_or_rejected(ada: Requestor) -> None:
    demand = ada.demand()
    path = f"{MARKET}/demands/{demand}/proposals/{ada.events(demand)[0]['proposal']['proposalId']}"
    # What the offer does not meet, the market sees; how it is paid, the provider.
    ada.post(path, {**DEMAND, "constraints": "(golem.inf.mem.gib>=4096)"}, 400)
    properties = {**DEMAND["properties"], "golem.com.payment.chosen-platform": "erc20-nowhere-x"}
    own = ada.post(path, {**DEMAND, "properties": properties})
    (event,) = ada.events(demand)
    assert event["eventType"] == "ProposalRejectedEvent" and event["proposalId"] == own


def test_providers_ask_something_of_demands_as_well(ada: Requestor) -> None:
    demand = ada.post(f"{MARKET}/demands", {"properties": {}, "constraints": "(golem.runtime.name=vm)"})
    assert ada.events(demand, timeout=0) == []


def test_an_agreement_from_beginning_to_end(ada: Requestor) -> None:
    agreement = ada.agree()
    path = f"{MARKET}/agreements/{agreement}"
    assert ada.post(f"{path}/wait?timeout=15") is None
    told = ada.get(path)
    assert told["state"] == "Approved" and {"approvedDate", "validTo", "timestamp"} <= told.keys()
    assert {"demandId", "requestorId", "timestamp", "properties", "constraints"} <= told["demand"].keys()
    assert {"offerId", "providerId", "timestamp", "properties", "constraints"} <= told["offer"].keys()
    assert told["demand"]["properties"]["golem.com.payment.chosen-platform"] == PLATFORM
    ada.post(f"{path}/confirm", status=410)
    ada.post(f"{path}/cancel", status=410)
    ada.terminate(agreement)
    ada.post(f"{path}/terminate", {"message": "done"}, 410)
    ada.post(f"{path}/wait", status=400)
    assert [one["id"] for one in ada.get(f"{MARKET}/agreements?state=Terminated")] == [agreement]
    events = ada.get(f"{MARKET}/agreementEvents?timeout=0")
    assert [event["eventType"] for event in events] == ["AgreementApprovedEvent", "AgreementTerminatedEvent"]
    later = ada.get(f"{MARKET}/agreementEvents?timeout=0&afterTimestamp={events[0]['eventDate']}")
    assert later == events[1:]


def test_no_agreement_without_negotiation(ada: Requestor) -> None:
    demand = ada.demand()
    first = ada.events(demand)[0]["proposal"]["proposalId"]
    later = {"validTo": "2099-01-01T00:00:00Z"}
    ada.post(f"{MARKET}/agreements", {"proposalId": first, **later}, 400)
    ada.post(f"{MARKET}/agreements", {"proposalId": "R-other", **later}, 400)
    draft = ada.draft(demand, first)["proposalId"]
    ada.post(f"{MARKET}/agreements", {"proposalId": draft, "validTo": "soon"}, 400)
    ada.post(f"{MARKET}/agreements", {"proposalId": draft}, 400)
    agreement = ada.post(f"{MARKET}/agreements", {"proposalId": draft, **later})
    ada.post(f"{MARKET}/agreements/{agreement}/wait", status=400)
    ada.post(f"{MARKET}/agreements/{agreement}/cancel", status=500)


def test_a_provider_makes_one_agreement_at_a_time_and_then_offers_again(ada: Requestor) -> None:
    first = ada.agree(name="devnet-1")
    demand = ada.demand()
    names = [event["proposal"]["properties"]["golem.node.id.name"] for event in ada.events(demand)]
    assert names == ["devnet-2", "devnet-3"]
    ada.terminate(first)
    (event,) = ada.events(demand)
    assert event["proposal"]["properties"]["golem.node.id.name"] == "devnet-1"


def test_an_agreement_ends_when_it_is_no_longer_valid(ada: Requestor) -> None:
    agreement = ada.agree(valid_to="2020-01-01T00:00:00Z")
    events = ada.get(f"{MARKET}/agreementEvents?timeout=20")
    while len(events) < 2:
        events += ada.get(f"{MARKET}/agreementEvents?timeout=20&afterTimestamp={events[-1]['eventDate']}")
    assert ada.get(f"{MARKET}/agreements/{agreement}")["state"] == "Expired"


def test_demands_are_listed_and_taken_back(ada: Requestor) -> None:
    demand = ada.demand()
    assert [one["demandId"] for one in ada.get(f"{MARKET}/demands")] == [demand]
    assert ada.call("DELETE", f"{MARKET}/demands/{demand}") is None
    assert ada.get(f"{MARKET}/demands") == []
    ada.get(f"{MARKET}/demands/{demand}/events", 404)
    ada.call("DELETE", f"{MARKET}/demands/{demand}", status=404)


@pytest.mark.parametrize(
    "body", [[], {}, {"properties": 1, "constraints": ""}, {"properties": {}}, {"properties": {}, "constraints": 7}]
)
def test_malformed_demands(ada: Requestor, body: Any) -> None:
    assert ada.post(f"{MARKET}/demands", body, 400)["message"]
