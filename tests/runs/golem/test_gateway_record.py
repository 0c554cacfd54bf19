"""What the gateway writes down and tells, and that the receipts can be made of the log alone."""

from __future__ import annotations

import json
import os
import stat
import threading
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from gateway_lab import HOODI, Front, limits
from golem_lab import ACTIVITY, MARKET, PAYMENT, run, transfer, wait_until
from hypothesis import given, settings
from hypothesis import strategies as st

from sovrgit.devnet.golem import GolemStandIn
from sovrgit.objects.codec import decode, encode
from sovrgit.objects.ids import Kind
from sovrgit.runs.golem import observed
from sovrgit.runs.golem.calls.record import LONGEST_TEXT, CallLog, Masks, read_calls
from sovrgit.runs.golem.calls.routes import ID, ROUTES, Route, find
from sovrgit.runs.golem.gateway import Gateway
from sovrgit.runs.golem.gateway.book import Book
from sovrgit.runs.golem.receipts import receipts_from, receipts_of, receipts_of_calls


def whole_run(ada: Front) -> tuple[str, str]:
    """Everything that a run does."""
    allocation = ada.allocate("1")["allocationId"]
    agreement = ada.agree()
    ada.post(f"{MARKET}/agreements/{agreement}/wait?timeout=5")
    activity = ada.activity(agreement)
    ada.shell(activity, "echo out; exit 3")
    ada.get(f"{ACTIVITY}/activity/{activity}/usage")
    ada.call("DELETE", f"{ACTIVITY}/activity/{activity}")
    ada.terminate(agreement)
    ada.accept("invoice", ada.invoice(), allocation)
    ada.get(f"{PAYMENT}/payments")
    ada.call("DELETE", f"{PAYMENT}/allocations/{allocation}")
    return agreement, activity


def test_receipts(ada: Front) -> None:
    agreement, activity = whole_run(ada)
    made = ada.gateway.receipts()
    assert made["emulated"] is True and made["network"] == "hoodi" and made["platform"] == HOODI
    assert made["daemon"] == "0.17.6" and made["requestor"].startswith("0x") and made["sandbox"] == "none"
    assert made["subnet"] == "anywhere" and len(made["demands"]) == 1
    (one,) = made["agreements"]
    assert one["id"] == agreement and one["provider"]["name"] == "devnet-1" and one["state"] == "Terminated"
    assert one["price"] == {"start": "0", "hour": "0.036", "cpu_hour": "0.072"} and one["reason"] == "done"
    assert one["approved"] < one["ended"] and one["offer"]["golem.runtime.name"] == "vm"
    (work,) = one["activities"]
    assert work["id"] == activity and work["created"] < work["destroyed"]
    assert Decimal(work["usage"]["seconds"]) > 0
    kinds = [(command["batch"], command["kind"], command["result"]) for command in work["commands"]]
    assert kinds == [(0, "deploy", "Ok"), (0, "start", "Ok"), (1, "run", "Error")]
    assert work["commands"][2]["words"] == "/bin/sh -c 'echo out; exit 3'"
    assert "exited with code 3" in work["commands"][2]["message"]
    (invoice,) = one["invoices"]
    assert made["cost"] == {"accepted": invoice["amount"], "unpaid": "0", "token": "tglm"}
    assert [paid["amount"] for paid in made["payments"]] == [invoice["amount"]]
    assert [(one["spent"], one["released"]) for one in made["allocations"]] == [(invoice["amount"], True)]
    # As they go into a record: canonical, and no deeper than a record may be.
    assert decode(encode({"golem": made}, kind=Kind.RUN), kind=Kind.RUN)["golem"] == made


def test_receipts_from_the_log_alone(ada: Front) -> None:
    whole_run(ada)
    ada.work()
    assert receipts_from(ada.log) == ada.gateway.receipts()


def test_what_is_told(ada: Front) -> None:
    whole_run(ada)
    kinds = [type(one) for one in ada.told]
    assert kinds[:2] == [observed.DemandMade, observed.ProposalSeen]
    states = [one.state for one in ada.told if isinstance(one, observed.AgreementChanged)]
    assert states == ["Proposal", "Pending", "Approved", "Terminated"]
    batches = [(one.done, one.total, one.failed) for one in ada.told if isinstance(one, observed.BatchChanged)]
    assert batches == [(2, 2, 0), (1, 1, 1)]
    costs = [one for one in ada.told if isinstance(one, observed.CostChanged)]
    assert costs[-1].accepted == costs[-1].running > 0
    offers = [one for one in ada.told if isinstance(one, observed.ProposalSeen)]
    assert offers[0].price is not None and offers[0].price.hour == Decimal("0.036")
    assert [one.at_ns for one in ada.told] == sorted(one.at_ns for one in ada.told)


def test_no_secrets_in_the_log(golem: GolemStandIn, ada: Front) -> None:
    keys = (ada.gateway.key, golem.variables["YAGNA_APPKEY"])
    _, activity = ada.work()
    for key in keys:
        ada.shell(activity, f"echo {key}")
        ada.get(f"/me?authToken={key}")
        ada.get(f"{MARKET}/demands/{key}/events?timeout=0", 400)
        ada.post(f"{MARKET}/demands", {"properties": {key: key, "nested": [{"appKey": "short"}]}, "constraints": "()"})
        ada.post(f"{MARKET}/demands", {"properties": {}, "constraints": f"(password={key})"})
        httpx.get(f"{ada.gateway.url}/me", headers={"Authorization": f"Bearer x{key}"}, trust_env=False)
    kept = ada.log.read_text() + json.dumps(ada.gateway.receipts())
    assert not any(key in kept for key in keys)
    assert "short" not in kept and "(removed)" in kept and "authorization" not in kept.lower()
    assert stat.S_IMODE(os.stat(ada.log).st_mode) == 0o600


def test_every_call_is_a_line(ada: Front) -> None:
    before = len(ada.lines())
    ada.get(f"{PAYMENT}/requestorAccounts?network=hoodi")
    ada.get(f"{MARKET}/demands/abc/events", 400)
    first, second = ada.lines()[before:]
    assert (
        first["method"] == "GET"
        and first["path"] == f"{PAYMENT}/requestorAccounts?network=hoodi"
        and first["status"] == 200
    )
    assert first["answer"][0]["token"] == "tGLM" and 0 < first["ms"] < 5000 and first["at"] > 10**18
    assert second["status"] == 400 and "request" not in second and second["call"] == first["call"] + 1


def test_what_is_about_to_be_opened_is_written_before(ada: Front) -> None:
    before = len(ada.lines())
    ada.allocate()
    begun, done = ada.lines()[before:]
    assert "status" not in begun and begun["request"] == done["request"] and begun["call"] == done["call"]


def test_events_are_written_as_they_come(ada: Front) -> None:
    _, activity = ada.work()
    batch = ada.send(activity, run("/bin/sh", "-c", "echo one; exec sleep 60"))
    path = f"{ACTIVITY}/activity/{activity}/exec/{batch}"
    with ada.http.stream("GET", path, headers={"Accept": "text/event-stream"}) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        pieces = answer.iter_text()
        seen = ""
        while '"stdout": "one' not in seen:
            seen += next(pieces)
        # The command is still going on: nothing was held back until its end.
        assert "finished" not in seen
        events = [line["event"]["kind"] for line in ada.lines() if "event" in line]
        assert {"stdout": "one\n"} in events
        ada.call("DELETE", f"{ACTIVITY}/activity/{activity}")
        seen += "".join(pieces)
    told = {"events": seen.count("event: runtime")}
    wait_until(lambda: any(line.get("answer") == told and line["status"] == 200 for line in ada.lines()))
    assert receipts_from(ada.log) == ada.gateway.receipts()


def test_results_that_are_followed_are_results(ada: Front) -> None:
    _, activity = ada.work()
    batch = ada.send(activity, run("/bin/true"), run("/bin/sh", "-c", "exit 7"))
    with ada.http.stream(
        "GET", f"{ACTIVITY}/activity/{activity}/exec/{batch}", headers={"Accept": "text/event-stream"}
    ) as answer:
        pieces = answer.iter_text()
        seen = ""
        while '"return_code": 7' not in seen:
            seen += next(pieces)
    (one,) = ada.gateway.receipts()["agreements"]
    *_, good, bad = one["activities"][0]["commands"]
    assert (good["result"], bad["result"]) == ("Ok", "Error") and "7" in bad["message"]
    told = [two for two in ada.told if isinstance(two, observed.BatchChanged)][-1]
    assert (told.done, told.total, told.failed) == (2, 2, 1)


def test_a_long_poll_is_held(ada: Front) -> None:
    demand = ada.demand()
    assert len(ada.events(demand)) == 3
    began = time.monotonic()
    assert ada.events(demand, timeout=0.3) == [] and time.monotonic() - began >= 0.3


def test_long_texts_and_many_commands(ada: Front) -> None:
    _, activity = ada.work()
    ada.execute(activity, run("/bin/sh", "-c", f": {'x' * (2 * LONGEST_TEXT)}"))
    ada.execute(activity, *[transfer("nowhere", "/")] * 900)
    kept = [line for line in ada.lines() if line.get("path", "").endswith("/exec")]
    assert len(json.dumps(kept)) < 4 * LONGEST_TEXT and f"({2 * LONGEST_TEXT + 2} characters)" in json.dumps(kept)
    made = ada.gateway.receipts()
    words = made["agreements"][0]["activities"][0]["commands"][2]["words"]
    assert len(words) < 1100 and words.endswith("…") and made["dropped"] >= 1
    assert receipts_from(ada.log) == made


def test_two_clients_at_once(golem: GolemStandIn, ada: Front) -> None:
    """Each with a connection of its own, kept open; nobody gets the answers of the other."""
    wrong: list[Any] = []

    def ask(number: int) -> None:
        with httpx.Client(
            base_url=ada.gateway.url, headers={"Authorization": f"Bearer {ada.gateway.key}"}, trust_env=False
        ) as http:
            for turn in range(60):
                name = f"nothing-{number}-{turn}"
                said = http.get(f"{MARKET}/agreements/{name}").json()["message"]
                if name not in said:
                    wrong.append(said)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    numbers = [line["call"] for line in ada.lines() if "nothing-" in line.get("path", "")]
    assert len(numbers) == len(set(numbers)) == 240


def test_a_log_that_ends_in_the_middle(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b'{"golem-calls":1,"at":1}\n{"call":1,"at":2,"meth')
    made = CallLog(log)
    made.write(b'{"call":2}\n')
    made.close()
    assert list(read_calls(log)) == [{"golem-calls": 1, "at": 1}, {"call": 2}]


def test_a_log_that_cannot_be_written_lets_nothing_be_opened(ada: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    allocation = ada.allocate()["allocationId"]

    def full(self: CallLog, line: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(CallLog, "write", full)
    assert "cannot be written: no space left" in ada.allocate(status=507)["message"]
    # What is there can still be looked at and ended.
    assert ada.get(f"{PAYMENT}/allocations/{allocation}")["allocationId"] == allocation
    assert ada.gateway.settle(5) == () and ada.gateway.receipts()["dropped"] > 0


def test_whoever_is_told_and_fails_gets_it_back(golem: GolemStandIn, tmp_path: Path) -> None:
    def fail(news: object) -> None:
        raise LookupError("a bug in the view")

    with (
        pytest.raises(LookupError, match="a bug in the view"),
        Gateway(golem.url, golem.variables["YAGNA_APPKEY"], limits(), tmp_path / "log", fail) as gateway,
    ):
        person = Front(golem, gateway, tmp_path / "log", [])
        person.demand()
        assert person.get("/me")["role"] == "manager"
        gateway.settle(5)
        person.http.close()


# --- the story, whatever the lines are --------------------------------------------------------------------------

ids = st.sampled_from(["a1", "b2", "c3", "../x", ""])
NAMES = """
agreementId activityId allocationId proposalId issuerId properties offer demand amount totalAmount text state version
currentUsage invoiceId debitNoteId totalAmountDue status identity proposal run deploy index result kind finished name
return_code eventType reason timestamp approvedDate current
"""
amounts = st.sampled_from(["1", "0.5"])
scalars = st.none() | st.booleans() | st.integers(-5, 10**30) | st.text(max_size=6) | ids | amounts
names = st.sampled_from(NAMES.split())
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5), max_leaves=12
)


def _path(route: Route, first: str, second: str) -> tuple[str, str]:
    made = route.pattern.pattern.replace("\\-", "-").replace("\\_", "_")
    for one in (first, second):
        made = made.replace(f"({ID.pattern})", one, 1)
    return route.method, made


paths = st.builds(_path, st.sampled_from(ROUTES), st.sampled_from(["a1", "b2"]), st.sampled_from(["a1", "c3"]))
lines = st.builds(
    lambda call, at, where, status, request, answer, event: {
        "call": call,
        "at": at,
        "method": where[0],
        "path": where[1],
        "request": request,
        "answer": answer,
        **({"status": status} if status else {}),
        **({"event": event} if event is not None else {}),
    },
    st.integers(0, 20),
    st.integers(10**18, 2 * 10**18),
    paths,
    st.sampled_from([0, 200, 200, 200, 201, 204, 404, 410, 500]),
    values,
    values,
    st.none() | values,
)


def test_the_paths_of_the_test_are_those_of_the_routes() -> None:
    assert all(route.pattern.fullmatch(_path(route, "a1", "b2")[1]) for route in ROUTES)


@settings(max_examples=50)
@given(st.lists(lines, max_size=25))
def test_any_lines_make_receipts_that_can_be_recorded(given_lines: list[dict[str, Any]]) -> None:
    made = receipts_of_calls(given_lines)
    assert decode(encode({"golem": made}, kind=Kind.RUN), kind=Kind.RUN)["golem"] == made
    again = receipts_of_calls(json.loads(json.dumps(line)) for line in given_lines)
    assert again == made


@settings(max_examples=50)
@given(calls=st.lists(st.tuples(paths, st.sampled_from([0, 200, 201, 404, 502]), values, values, values), max_size=20))
def test_any_calls_make_the_same_receipts_live_and_from_the_log(
    tmp_path_factory: pytest.TempPathFactory, calls: list[Any]
) -> None:
    path = tmp_path_factory.mktemp("book") / "log"
    log = CallLog(path)
    book = Book(log, Masks("b2"), lambda news: None)
    book.first({"platforms": [HOODI]})
    for number, (where, status, request, answer, event) in enumerate(calls):
        if not status:
            book.begun(number, *where, request)
            book.event(number, where[1], event)
        else:
            book.answered(number, 0, *where, find(*where), status, request, answer)
    log.close()
    assert receipts_of(book.seen) == receipts_from(path)


@given(values, st.text("abcdef", min_size=4, max_size=8))
def test_masks_leave_nothing_of_a_secret(value: Any, secret: str) -> None:
    masked = Masks(secret).value([value, {secret: [f"x{secret}y", {"k": secret}]}, {"password": "open sesame"}])
    kept = json.dumps(masked)
    assert secret not in kept and "sesame" not in kept
