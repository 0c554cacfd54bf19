"""Allocations, debit notes, invoices and payments."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

import pytest
from golem_lab import ACTIVITY, MARKET, PAYMENT, PLATFORM, Requestor

from sovrgit.devnet.golem.providers import Prices


def test_prices_are_linear() -> None:
    prices = Prices(Decimal("0.00001"), Decimal("0.00002"), Decimal("0.5"))
    assert prices.cost([100.0, 25.5]) == Decimal("0.50151")


def test_allocations(ada: Requestor) -> None:
    made = ada.allocate("1.50")
    assert (made["totalAmount"], made["spentAmount"], made["remainingAmount"]) == ("1.50", "0", "1.50")
    path = f"{PAYMENT}/allocations/{made['allocationId']}"
    assert ada.get(path) == made and ada.get(f"{PAYMENT}/allocations") == [made]
    assert ada.call("PUT", path, {"totalAmount": "2"})["remainingAmount"] == "2"
    assert ada.call("DELETE", path) is None
    ada.get(path, 404)
    ada.call("DELETE", path, status=410)
    assert ada.get(f"{PAYMENT}/allocations") == []


@pytest.mark.parametrize(
    ("total", "platform", "said"),
    [
        ("1", "erc20-nowhere-tglm", "doesn't parse"),
        ("1001", PLATFORM, "Insufficient funds"),
        ("-1", PLATFORM, "not an amount"),
        ("NaN", PLATFORM, "not an amount"),
        ("1e99", PLATFORM, "not an amount"),
        ("much", PLATFORM, "not an amount"),
    ],
)
def test_refused_allocations(ada: Requestor, total: str, platform: str, said: str) -> None:
    answer = ada.allocate(total, platform, 400)
    assert said in (answer.get("detail") or answer["message"])


def test_funds_are_shared_by_all_allocations(ada: Requestor) -> None:
    ada.allocate("600")
    assert "Insufficient funds" in ada.allocate("600", status=400)["message"]
    ada.allocate("600", "erc20-polygon-glm")


def test_decorations(ada: Requestor) -> None:
    one = ada.allocate()["allocationId"]
    two = ada.allocate(platform="erc20-holesky-tglm")["allocationId"]
    told = ada.get(f"{PAYMENT}/demandDecorations?allocationIds={one},{two}")
    keys = {item["key"] for item in told["properties"]}
    assert f"golem.com.payment.platform.{PLATFORM}.address" in keys and len(keys) == 3
    assert "(golem.com.payment.protocol.version>1)" in told["constraints"]
    ada.get(f"{PAYMENT}/demandDecorations?allocationIds=nothing", 404)


def test_accounts_are_on_all_platforms(ada: Requestor) -> None:
    networks = {account["network"] for account in ada.get(f"{PAYMENT}/requestorAccounts")}
    assert {"hoodi", "holesky", "polygon", "mainnet"} <= networks


def done(ada: Requestor) -> tuple[str, Any]:
    """Some work that is finished: its agreement, and the invoice."""
    agreement = ada.agree()
    activity = ada.activity(agreement)
    ada.shell(activity, "true")
    ada.call("DELETE", f"{ACTIVITY}/activity/{activity}")
    ada.terminate(agreement)
    return agreement, ada.invoice()


def test_from_work_to_payment(ada: Requestor) -> None:
    allocation = ada.allocate("1")
    agreement, invoice = done(ada)
    prices = ada.get(f"{MARKET}/agreements/{agreement}")["offer"]["properties"]["golem.com.pricing.model.linear.coeffs"]
    usage = ada.get(f"{ACTIVITY}/activity/{invoice['activityIds'][0]}/usage")["currentUsage"]
    assert usage[0] > usage[1] > 0
    expected = prices[0] * usage[0] + prices[1] * usage[1] + prices[2]
    assert abs(float(invoice["amount"]) - expected) < 1e-12
    assert invoice["payerAddr"] == allocation["address"] and invoice["paymentPlatform"] == PLATFORM
    (note,) = ada.get(f"{PAYMENT}/debitNotes")
    assert note["usageCounterVector"] == usage and note["totalAmountDue"] == invoice["amount"]
    assert ada.get(f"{PAYMENT}/debitNotes/{note['debitNoteId']}") == note

    path = f"{PAYMENT}/invoices/{invoice['invoiceId']}"
    acceptance = {"totalAmountAccepted": invoice["amount"], "allocationId": allocation["allocationId"]}
    assert ada.post(f"{path}/accept", acceptance) is None
    assert ada.get(path)["status"] == "SETTLED"
    spent = ada.get(f"{PAYMENT}/allocations/{allocation['allocationId']}")
    assert spent["spentAmount"] == invoice["amount"]
    assert Decimal(spent["remainingAmount"]) == 1 - Decimal(invoice["amount"])
    (paid,) = ada.get(f"{path}/payments")
    assert paid["amount"] == invoice["amount"] and ada.get(f"{PAYMENT}/payments/{paid['paymentId']}") == paid
    assert [paid] == ada.get(f"{PAYMENT}/payments")
    kinds = [event["eventType"] for event in ada.get(f"{PAYMENT}/invoiceEvents")]
    assert kinds == ["InvoiceReceivedEvent", "InvoiceAcceptedEvent", "InvoiceSettledEvent"]
    # Accepted twice, paid once.
    ada.post(f"{path}/accept", acceptance)
    assert len(ada.get(f"{PAYMENT}/payments")) == 1
    ada.post(f"{path}/reject", {}, 400)


def test_acceptances_that_are_refused(ada: Requestor) -> None:
    _, invoice = done(ada)
    path = f"{PAYMENT}/invoices/{invoice['invoiceId']}"
    small = ada.allocate("0.000000000001")["allocationId"]
    good = {"totalAmountAccepted": invoice["amount"]}
    ada.post(f"{path}/accept", {"totalAmountAccepted": "5", "allocationId": small}, 400)
    assert "Not enough funds" in ada.post(f"{path}/accept", {**good, "allocationId": small}, 400)["message"]
    ada.post(f"{path}/accept", {**good, "allocationId": "none"}, 400)
    ada.post(f"{path}/accept", [], 400)
    assert ada.get(path)["status"] == "RECEIVED"
    ada.post(f"{path}/reject", {})
    assert "rejected" in ada.post(f"{path}/accept", {**good, "allocationId": small}, 400)["message"]
    ada.get(f"{PAYMENT}/invoices/none", 404)


def test_a_debit_note_is_paid_once_and_the_invoice_pays_the_rest(ada: Requestor) -> None:
    allocation = ada.allocate()["allocationId"]
    agreement = ada.agree()
    activity = ada.activity(agreement)
    ada.call("DELETE", f"{ACTIVITY}/activity/{activity}")
    (note,) = ada.get(f"{PAYMENT}/debitNotes")
    accepted = {"totalAmountAccepted": note["totalAmountDue"], "allocationId": allocation}
    ada.post(f"{PAYMENT}/debitNotes/{note['debitNoteId']}/accept", accepted)
    ada.terminate(agreement)
    invoice = ada.invoice()
    accepted["totalAmountAccepted"] = invoice["amount"]
    ada.post(f"{PAYMENT}/invoices/{invoice['invoiceId']}/accept", accepted)
    assert ada.get(f"{PAYMENT}/allocations/{allocation}")["spentAmount"] == invoice["amount"]
    assert [paid["amount"] for paid in ada.get(f"{PAYMENT}/payments")] == [note["totalAmountDue"], "0"]


def test_debit_notes_come_while_an_activity_lasts(ada: Requestor) -> None:
    agreement = ada.agree(**{"golem.com.scheme.payu.debit-note.interval-sec?": 1})
    activity = ada.activity(agreement)
    first, *_ = ada.get(f"{PAYMENT}/debitNoteEvents?timeout=20")
    assert first["eventType"] == "DebitNoteReceivedEvent"
    second, *_ = ada.get(f"{PAYMENT}/debitNoteEvents?timeout=20&afterTimestamp={first['eventDate']}")
    notes = [ada.get(f"{PAYMENT}/debitNotes/{event['debitNoteId']}") for event in (first, second)]
    assert 0 < float(notes[0]["totalAmountDue"]) < float(notes[1]["totalAmountDue"])
    assert {note["activityId"] for note in notes} == {activity}


def test_a_long_poll_is_answered_when_something_happens(ada: Requestor) -> None:
    agreement = ada.agree()
    ada.activity(agreement)
    found: list[Any] = []
    waiter = threading.Thread(target=lambda: found.append(ada.get(f"{PAYMENT}/invoiceEvents?pollTimeout=25")))
    waiter.start()
    ada.terminate(agreement)
    waiter.join()
    assert [event["eventType"] for event in found[0]] == ["InvoiceReceivedEvent"]


@pytest.mark.parametrize("query", ["timeout=x", "timeout=-1", "afterTimestamp=yesterday", "maxEvents=x", "timeout=nan"])
def test_malformed_queries(ada: Requestor, query: str) -> None:
    ada.get(f"{PAYMENT}/invoiceEvents?{query}", 400)
