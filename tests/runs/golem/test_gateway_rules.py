"""The spend firewall: everything that is refused, and that it never reached the daemon."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from gateway_lab import HOODI, Front, front, left_open, limits, spoken
from golem_lab import ACTIVITY, DEMAND, LATER, MARKET, PAYMENT, Requestor, wait_until

from sovrgit.devnet.golem import GolemStandIn
from sovrgit.runs.golem.observed import CostChanged, LimitHit


def message(answer: Any) -> str:
    assert isinstance(answer["message"], str)
    return answer["message"]


# --- allocations ------------------------------------------------------------------------------------------------


def test_a_platform_that_is_not_allowed(eve: Front) -> None:
    assert "erc20-polygon-glm" in message(eve.allocate("1", "erc20-polygon-glm", 403))
    for network in ("polygon", "mainnet"):
        body = {"paymentPlatform": {"driver": "erc20", "network": network}, "totalAmount": "1"}
        assert "not allowed" in message(eve.post(f"{PAYMENT}/allocations", body, 403))
    # Without one the daemon would take its own default.
    assert "not allowed" in message(eve.post(f"{PAYMENT}/allocations", {"totalAmount": "1"}, 403))
    assert left_open(eve.golem_itself)["allocations"] == 0


def test_a_platform_in_parts_is_understood(ada: Front) -> None:
    made = ada.post(f"{PAYMENT}/allocations", {"paymentPlatform": {"network": "hoodi"}, "totalAmount": "1"})
    assert made["paymentPlatform"] == HOODI


def test_allocations_stay_within_the_budget_together(golem: GolemStandIn, ada: Front) -> None:
    first = ada.allocate("1.5")["allocationId"]
    assert "0.5 of 2" in message(ada.allocate("0.6", status=403))
    ada.allocate("0.5")
    ada.allocate("0.000001", status=403)
    ada.call("DELETE", f"{PAYMENT}/allocations/{first}")
    ada.allocate("1.5")
    assert left_open(golem)["allocations"] == 2


def test_what_was_spent_stays_spent(ada: Front) -> None:
    ada.fault_past(kind="over-billing", amount=2)
    allocation = ada.allocate("2")["allocationId"]
    agreement, _ = ada.work()
    ada.terminate(agreement)
    invoice = ada.invoice()
    ada.accept("invoice", invoice, allocation)
    ada.call("DELETE", f"{PAYMENT}/allocations/{allocation}")
    left = Decimal(2) - Decimal(invoice["amount"])
    assert "left of the budget" in message(ada.allocate("2", status=403))
    ada.allocate(f"{left:f}")


def test_allocations_at_the_same_time(golem: GolemStandIn, ada: Front) -> None:
    statuses: list[int] = []
    body = json.dumps({"paymentPlatform": HOODI, "totalAmount": "1.1", "timeout": "2099-01-01T00:00:00Z"})

    def allocate() -> None:
        statuses.append(ada.http.post(f"{PAYMENT}/allocations", content=body).status_code)

    threads = [threading.Thread(target=allocate) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201] + [403] * 7 and left_open(golem)["allocations"] == 1


def test_an_allocation_lives_as_long_as_the_run(golem: GolemStandIn, tmp_path: Path) -> None:
    with front(golem, tmp_path / "log", limits(seconds=600)) as ada:
        before = datetime.now(UTC)
        made = ada.allocate()
        left = (datetime.fromisoformat(made["timeout"]) - before).total_seconds()
        assert 595 < left < 605
        path = f"{PAYMENT}/allocations/{made['allocationId']}"
        changed = ada.call("PUT", path, {"timeout": "2099-01-01T00:00:00Z", "totalAmount": "1.5"})
        left = (datetime.fromisoformat(changed["timeout"]) - before).total_seconds()
        assert changed["totalAmount"] == "1.5" and 595 < left < 605
        unchanged = ada.call("PUT", path, {"totalAmount": "1.6"})
        assert unchanged["timeout"] == changed["timeout"]
        assert "budget" in message(ada.call("PUT", path, {"totalAmount": "2.5"}, 403))


@pytest.mark.parametrize(
    "more",
    [
        {"makeDeposit": True},
        {"deposit": {"id": "1", "contract": "0x1"}},
        {"deposit": {"id": "1", "contract": "0x1"}, "makeDeposit": False},
        {"extendTimeout": "2099-01-01T00:00:00Z"},
    ],
)
def test_no_deposits(eve: Front, more: Any) -> None:
    body = {"paymentPlatform": HOODI, "totalAmount": "1", **more}
    assert "deposit" in message(eve.post(f"{PAYMENT}/allocations", body, 403))


def test_no_deposits_afterwards(ada: Front) -> None:
    path = f"{PAYMENT}/allocations/{ada.allocate()['allocationId']}"
    assert "deposit" in message(ada.call("PUT", path, {"totalAmount": "1", "makeDeposit": True}, 403))


@pytest.mark.parametrize("total", ["0", "-1", "NaN", "1e99", "much", None, [1], True, "1e-999999999"])
def test_amounts_that_are_none(eve: Front, total: Any) -> None:
    eve.post(f"{PAYMENT}/allocations", {"paymentPlatform": HOODI, "totalAmount": total}, 400)
    assert left_open(eve.golem_itself)["allocations"] == 0


def test_two_readings_of_one_body(golem: GolemStandIn, ada: Front) -> None:
    twice = f'{{"paymentPlatform":"{HOODI}","totalAmount":"1","totalAmount":"900","totalAmount":"1.25"}}'
    assert ada.http.post(f"{PAYMENT}/allocations", content=twice).status_code == 201
    (made,) = Requestor(golem).get(f"{PAYMENT}/allocations")
    assert made["totalAmount"] == "1.25"


def test_the_allocation_of_another_program(golem: GolemStandIn, ada: Front) -> None:
    other = Requestor(golem).allocate()["allocationId"]
    assert "not made in this run" in message(ada.call("DELETE", f"{PAYMENT}/allocations/{other}", status=403))
    assert left_open(golem)["allocations"] == 1


# --- the market -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cap", "named"),
    [({"per_hour": Decimal("0.035")}, "per hour"), ({"per_cpu_hour": Decimal("0.07")}, "per CPU hour")],
)
def test_prices_beyond_the_caps(golem: GolemStandIn, tmp_path: Path, cap: Any, named: str) -> None:
    with front(golem, tmp_path / "log", limits(**cap)) as ada:
        demand = ada.demand()
        offer = ada.events(demand)[0]["proposal"]
        draft = ada.draft(demand, offer["proposalId"])
        answer = ada.post(f"{MARKET}/agreements", {"proposalId": draft["proposalId"], "validTo": LATER}, 403)
        assert named in message(answer) and "cap" in message(answer)
        assert Requestor(golem).get(f"{MARKET}/agreements") == []


def test_a_price_that_was_never_seen_is_looked_up_before_it_is_signed(golem: GolemStandIn, tmp_path: Path) -> None:
    """A script could negotiate elsewhere, and come with the result."""
    direct = Requestor(golem)
    demand = direct.demand()
    draft = direct.draft(demand, direct.events(demand)[0]["proposal"]["proposalId"])
    with front(golem, tmp_path / "log", limits(per_hour=Decimal("0.035"))) as ada:
        agreement = ada.post(f"{MARKET}/agreements", {"proposalId": draft["proposalId"], "validTo": LATER})
        assert "per hour" in message(ada.post(f"{MARKET}/agreements/{agreement}/confirm", status=403))
        assert "confirmed in this run" in message(ada.post(f"{ACTIVITY}/activity", agreement, 403))
        assert direct.get(f"{MARKET}/agreements/{agreement}")["state"] == "Proposal"


def test_an_agreement_that_was_negotiated_on_another_platform(golem: GolemStandIn, tmp_path: Path) -> None:
    direct = Requestor(golem)
    demand = direct.demand()
    initial = direct.events(demand)[0]["proposal"]["proposalId"]
    draft = direct.draft(demand, initial, **{"golem.com.payment.chosen-platform": "erc20-polygon-glm"})
    with front(golem, tmp_path / "log") as ada:
        agreement = ada.post(f"{MARKET}/agreements", {"proposalId": draft["proposalId"], "validTo": LATER})
        assert "erc20-polygon-glm" in message(ada.post(f"{MARKET}/agreements/{agreement}/confirm", status=403))
        demand = ada.demand()
        initial = ada.events(demand)[0]["proposal"]["proposalId"]
        body = {**DEMAND, "properties": {"golem": {"com": {"payment": {"chosen-platform": "erc20-mainnet-glm"}}}}}
        assert "erc20-mainnet" in message(ada.post(f"{MARKET}/demands/{demand}/proposals/{initial}", body, 403))


def test_what_others_have_made_is_theirs(golem: GolemStandIn, ada: Front) -> None:
    direct = Requestor(golem)
    agreement = direct.agree()
    activity = direct.activity(agreement, deployed=False)
    ada.post(f"{ACTIVITY}/activity", agreement, 403)
    ada.post(f"{ACTIVITY}/activity", {"agreementId": agreement}, 403)
    ada.post(f"{ACTIVITY}/activity/{activity}/exec", {"text": '[{"deploy":{}}]'}, 403)
    ada.post(f"{MARKET}/agreements/{agreement}/terminate", {}, 403)
    ada.call("DELETE", f"{ACTIVITY}/activity/{activity}", status=403)
    assert direct.get(f"{ACTIVITY}/activity/{activity}/state")["state"][0] == "Initialized"


def test_the_subnet_is_set_whatever_the_script_says(golem: GolemStandIn, tmp_path: Path) -> None:
    with front(golem, tmp_path / "log", subnet="lab-1") as ada:
        demand = ada.demand()
        nested = {"golem": {"node": {"debug": {"subnet": "dead"}}, "srv": {"comp": {"expiration": 1}}}}
        other = ada.post(f"{MARKET}/demands", {"properties": nested, "constraints": "(golem.runtime.name=vm)"})
        known = {one["demandId"]: one for one in Requestor(golem).get(f"{MARKET}/demands")}
        for one in (known[demand], known[other]):
            assert one["properties"]["golem.node.debug.subnet"] == "lab-1"
            assert one["constraints"].count("subnet") == 1 and "(golem.node.debug.subnet=lab-1)" in one["constraints"]
        assert ada.draft(demand, ada.events(demand)[0]["proposal"]["proposalId"])["state"] == "Draft"
    with pytest.raises(ValueError, match="subnet"):
        front(golem, tmp_path / "log", subnet="x)(y=*").__enter__()


# --- bills ------------------------------------------------------------------------------------------------------


def test_an_invoice_beyond_what_the_price_can_come_to(golem: GolemStandIn, ada: Front) -> None:
    ada.fault_past(kind="over-billing", amount=100000)
    allocation = ada.allocate("2")["allocationId"]
    agreement, _ = ada.work()
    ada.terminate(agreement)
    invoice = ada.invoice()
    assert Decimal(invoice["amount"]) < 2
    said = message(ada.accept("invoice", invoice, allocation, status=403))
    assert "more than the agreed price" in said
    assert Requestor(golem).get(f"{PAYMENT}/payments") == []
    cost = ada.gateway.receipts()["cost"]
    assert cost["accepted"] == "0" and cost["unpaid"] == invoice["amount"]


def test_bills_are_accepted_as_they_are_and_from_allocations_of_this_run(golem: GolemStandIn, ada: Front) -> None:
    allocation, other = ada.allocate("1")["allocationId"], Requestor(golem).allocate("1")["allocationId"]
    agreement, activity = ada.work()
    ada.call("DELETE", f"{ACTIVITY}/activity/{activity}")
    event, *_ = ada.get(f"{PAYMENT}/debitNoteEvents")
    note = ada.get(f"{PAYMENT}/debitNotes/{event['debitNoteId']}")
    assert "allocation of this run" in message(ada.accept("debitNote", note, other, status=403))
    assert "cannot be accepted for" in message(ada.accept("debitNote", note, allocation, "1", 403))
    assert ada.accept("debitNote", note, allocation) is None
    ada.terminate(agreement)
    ada.accept("invoice", ada.invoice(), allocation)
    (paid,) = ada.gateway.receipts()["allocations"]
    assert paid["spent"] == ada.invoice()["amount"]


def test_bills_of_others_are_not_accepted(golem: GolemStandIn, ada: Front) -> None:
    direct = Requestor(golem)
    direct.terminate(direct.agree())
    invoice = direct.invoice()
    allocation = ada.allocate()["allocationId"]
    assert "not agreed upon in this run" in message(ada.accept("invoice", invoice, allocation, status=403))


def test_a_run_that_costs_more_than_its_budget_is_ended(golem: GolemStandIn, tmp_path: Path) -> None:
    with front(golem, tmp_path / "log", limits("0.0000001")) as ada:
        _, activity = ada.work()
        wait_until(lambda: ada.gateway.stopped)
        wait_until(lambda: left_open(golem)["agreements"] == 0)
        assert any(isinstance(one, LimitHit) and "budget" in one.reason for one in ada.told)
        assert any(isinstance(one, CostChanged) and one.running > 0 for one in ada.told)
        for method, path, body in (
            ("POST", f"{MARKET}/demands", DEMAND),
            ("POST", f"{ACTIVITY}/activity/{activity}/exec", {"text": '[{"deploy":{}}]'}),
        ):
            assert "passed the budget" in message(ada.call(method, path, body, 403))


# --- everything else --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"{PAYMENT}/invoices"),
        ("POST", f"{PAYMENT}/debitNotes"),
        ("POST", f"{PAYMENT}/invoices/abc/send"),
        ("POST", f"{PAYMENT}/invoices/abc/accept/"),
        ("POST", "/payment-api/v2/allocations"),
        ("GET", f"{PAYMENT}/drivers"),
        ("POST", "/Payment-API/v1/allocations"),
        ("POST", "/gsb-api/v1/services"),
        ("GET", "/gsb-api/v1/services/abc"),
        ("POST", "/_gsb/local/identity/Sign"),
        ("GET", "/id"),
        ("POST", "/app-key"),
        ("GET", "/admin/import"),
        ("POST", "/new-api/v1/something"),
        ("POST", f"{MARKET}/offers"),
        ("POST", f"{MARKET}/agreements/a.b/confirm"),
        ("POST", f"{ACTIVITY}/activity/abc/encrypted"),
        ("DELETE", "/_devnet/faults"),
        ("PATCH", f"{PAYMENT}/allocations/abc"),
    ],
)
def test_what_could_move_money_or_keys(eve: Front, method: str, path: str) -> None:
    answer = eve.http.request(method, path)
    assert answer.status_code in (400, 403), answer.text
    assert "let through" in message(answer.json()) or "unusual" in message(answer.json())
    line = eve.lines()[-1]
    assert line["refused"] is True and line["status"] == answer.status_code


@pytest.mark.parametrize(
    "target",
    [
        "/me/../payment-api/v1/allocations",
        "/me/%2e%2e/payment-api/v1/allocations",
        "//payment-api/v1/allocations",
        "/payment%2dapi/v1/allocations",
        "/market-api/v1/agreements/a%2Fconfirm",
        "/me;/payment-api",
        "/me\\..\\payment-api",
        f"/me?{'x' * 9000}",
    ],
)
def test_paths_that_are_written_in_an_unusual_way(eve: Front, target: str) -> None:
    head = f"POST {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {eve.gateway.key}\r\n"
    answer = spoken(eve.gateway.url, f"{head}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
    assert answer.split(b" ", 2)[1] in (b"400", b"403"), answer


def test_what_is_unknown_and_only_reads_is_passed_on(eve: Front) -> None:
    assert eve.get("/_devnet/faults") == []
    assert eve.get(f"{MARKET}/something", 404) is None
    assert eve.get("/net-api/v1/net") == [] and "private networks" in message(eve.post("/net-api/v1/net", {}, 501))
