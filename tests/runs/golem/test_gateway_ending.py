"""Clean-up: whatever was left open is ended, also by somebody else after the gateway was killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from gateway_lab import HOODI, NOTHING_OPEN, Front, RawDaemon, front, left_open, limits, said
from golem_lab import ACTIVITY, DEMAND, LATER, MARKET, PAYMENT, Requestor, run, wait_until

from sovrgit.devnet.golem import GolemStandIn
from sovrgit.errors import StorageFailure
from sovrgit.runs.golem.calls.record import encode
from sovrgit.runs.golem.gateway import Gateway, settle_from
from sovrgit.runs.golem.receipts import receipts_from

# A gateway in a process of its own; what it serves is used by the test.
GATEWAY = """
import json, sys
from decimal import Decimal
from pathlib import Path
from sovrgit.runs.golem.gateway import Gateway
from sovrgit.runs.golem.limits import Limits, platform_of

url, log = sys.argv[1:]
limits = Limits(frozenset({platform_of("hoodi")}), Decimal(2))
with Gateway(url, sys.stdin.readline().strip(), limits, Path(log), lambda news: None) as gateway:
    print(json.dumps([gateway.url, gateway.key]), flush=True)
    sys.stdin.read()
"""


def open_everything(ada: Front) -> None:
    """A demand, an allocation, two agreements, one of them unsigned, and an activity in the middle of a command."""
    ada.allocate("1")
    _, activity = ada.work()
    ada.send(activity, run("/bin/sleep", "60"))
    demand = ada.demand()
    draft = ada.draft(demand, ada.events(demand)[0]["proposal"]["proposalId"])
    ada.post(f"{MARKET}/agreements", {"proposalId": draft["proposalId"], "validTo": LATER})


def test_everything_that_was_left_open(golem: GolemStandIn, ada: Front) -> None:
    open_everything(ada)
    assert left_open(golem) == {"demands": 2, "allocations": 1, "agreements": 1}
    assert ada.gateway.settle(10) == ()
    assert left_open(golem) == NOTHING_OPEN
    direct = Requestor(golem)
    states = {direct.get(f"{MARKET}/agreements/{one['id']}")["state"] for one in direct.get(f"{MARKET}/agreements")}
    # One that the provider has never heard of cannot be cancelled, and binds nobody.
    assert states == {"Terminated", "Proposal"}
    made = ada.gateway.receipts()
    (signed,) = [one for one in made["agreements"] if one["state"] == "Terminated"]
    assert signed["activities"][0]["destroyed"] and signed["reason"] == "the run has ended"
    # Nothing was paid for the script; that is said.
    assert made["cost"]["accepted"] == "0" and float(made["cost"]["unpaid"]) > 0
    assert receipts_from(ada.log) == made


def test_nothing_is_opened_any_more(golem: GolemStandIn, ada: Front) -> None:
    assert ada.gateway.settle(5) == ()
    assert "being ended" in ada.allocate(status=403)["message"]
    assert "being ended" in ada.post(f"{MARKET}/demands", DEMAND, 403)["message"]
    assert ada.get("/me") and left_open(golem) == NOTHING_OPEN


def test_what_a_script_has_ended_is_left_alone(golem: GolemStandIn, ada: Front) -> None:
    allocation = ada.allocate()["allocationId"]
    agreement, _ = ada.work()
    ada.terminate(agreement)
    ada.call("DELETE", f"{PAYMENT}/allocations/{allocation}")
    (demand,) = Requestor(golem).get(f"{MARKET}/demands")
    ada.call("DELETE", f"{MARKET}/demands/{demand['demandId']}")
    before = len(ada.lines())
    assert ada.gateway.settle(5) == ()
    # Only the bills are looked at, for the record.
    assert {line["method"] for line in ada.lines()[before:]} == {"GET"}


def test_a_provider_that_is_gone(golem: GolemStandIn, ada: Front) -> None:
    ada.fault_past(kind="gone")
    ada.allocate()
    _, activity = ada.work()
    ada.send(activity, run("/bin/true"))
    wait_until(lambda: ada.http.get(f"{ACTIVITY}/activity/{activity}/state").status_code == 500)
    assert ada.gateway.settle(10) == () and left_open(golem) == NOTHING_OPEN


def test_a_daemon_that_is_gone(tmp_path: Path, golem: GolemStandIn) -> None:
    with front(golem, tmp_path / "log") as ada:
        open_everything(ada)
        golem.close()
        left = ada.gateway.settle(0.5)
        assert len(left) >= 4 and all("cannot be reached" in one for one in left)
        assert any(one.startswith("allocation") for one in left)
        assert ada.get("/me", 502)["message"].endswith("refused")


def test_the_log_of_another_gateway(golem: GolemStandIn, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with front(golem, log) as ada:
        open_everything(ada)
    assert left_open(golem)["allocations"] == 1
    key = golem.variables["YAGNA_APPKEY"]
    assert all("status 401" in one for one in settle_from(log, golem.url, "wrong", 0.1))
    assert settle_from(log, golem.url, key, 10) == () and left_open(golem) == NOTHING_OPEN
    size = log.stat().st_size
    assert settle_from(log, golem.url, key, 10) == () and log.stat().st_size == size
    assert key not in log.read_text()


def test_a_gateway_that_was_killed(golem: GolemStandIn, tmp_path: Path) -> None:
    log, key = tmp_path / "log", golem.variables["YAGNA_APPKEY"]
    process = subprocess.Popen(
        [sys.executable, "-c", GATEWAY, golem.url, str(log)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(f"{key}\n")
        process.stdin.flush()
        url, own = json.loads(process.stdout.readline())
        gateway: Any = type("Remote", (), {"url": url, "key": own})()
        ada = Front(golem, gateway, log, [])
        open_everything(ada)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdin.close()
        process.stdout.close()
    ada.http.close()
    assert left_open(golem)["allocations"] == 1
    # As if it had been killed while it wrote a line.
    log.write_bytes(log.read_bytes() + b'{"call":99,"at":17')
    assert settle_from(log, golem.url, key, 10) == () and left_open(golem) == NOTHING_OPEN


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_killed_between_the_daemons_answer_and_the_line_about_it(golem: GolemStandIn, tmp_path: Path, cut: int) -> None:
    """What was about to be opened is searched for at the daemon; what others have opened is not touched."""
    log = tmp_path / "log"
    other = Requestor(golem)
    theirs = other.allocate("1")["allocationId"]
    other_demand = other.demand()
    with front(golem, log) as ada:
        if cut == 1:
            ada.allocate("1")
        elif cut == 2:
            ada.demand()
        else:
            ada.activity(ada.agree(), deployed=False)
    *lines, last = log.read_bytes().splitlines(keepends=True)
    assert b'"status":20' in last
    log.write_bytes(b"".join(lines))
    assert settle_from(log, golem.url, golem.variables["YAGNA_APPKEY"], 10) == ()
    assert [one["allocationId"] for one in other.get(f"{PAYMENT}/allocations")] == [theirs]
    assert [one["demandId"] for one in other.get(f"{MARKET}/demands")] == [other_demand]
    assert left_open(golem)["agreements"] == 0
    # Now the log says so.
    size = log.stat().st_size
    assert settle_from(log, golem.url, "any", 1) == () and log.stat().st_size == size


def test_an_allocation_whose_answer_was_lost_still_counts(golem: GolemStandIn, tmp_path: Path) -> None:
    """The daemon closes the connection without an answer: the money may be set aside, or not."""
    log = tmp_path / "log"
    with (
        RawDaemon(said(b"{}"), said(b"{}"), b"") as daemon,
        Gateway(daemon.url, "key", limits("2"), log, lambda news: None) as gateway,
    ):
        ada = Front(golem, gateway, log, [])
        assert "without an answer" in ada.allocate("1.5", status=502)["message"]
        assert "0.5 of 2" in ada.allocate("1.5", status=403)["message"]
        left = gateway.settle(0.1)
        assert left and "an allocation that was being made" in left[0]
        ada.http.close()


def test_private_networks_are_removed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(
        encode({"call": 1, "at": 1, "method": "POST", "path": "/net-api/v1/net", "status": 201, "answer": {"id": "n1"}})
    )
    with RawDaemon(said(b"", "204 No Content")) as daemon:
        assert settle_from(log, daemon.url, "key", 1) == ()
        assert daemon.requests[0].startswith(b"DELETE /net-api/v1/net/n1 ")


def test_the_log_of_an_earlier_run(golem: GolemStandIn, tmp_path: Path) -> None:
    """One that is done with is replaced; one that is needed to clean up is not."""
    log = tmp_path / "log"
    with front(golem, log) as ada:
        ada.allocate()
    with pytest.raises(StorageFailure, match="left something open"), front(golem, log):
        pass
    assert settle_from(log, golem.url, golem.variables["YAGNA_APPKEY"], 10) == ()
    with front(golem, log) as ada:
        assert "allocations" not in ada.gateway.receipts() and len(ada.lines()) == 3


def test_ids_of_a_hostile_daemon_make_no_paths(tmp_path: Path) -> None:
    log = tmp_path / "log"
    bad = "../../payment-api/v1/allocations/x"
    where = {"call": 1, "at": 1, "method": "POST", "path": f"{MARKET}/demands", "status": 201, "request": {}}
    log.write_bytes(encode({**where, "answer": bad}) + encode({**where, "answer": "good"}))
    with RawDaemon(said(b"", "204 No Content")) as daemon:
        settle_from(log, daemon.url, "key", 1)
        assert [one.split(b" ")[1] for one in daemon.requests] == [f"{MARKET}/demands/good".encode()]


def test_what_is_opened_while_it_is_being_ended(golem: GolemStandIn, tmp_path: Path) -> None:
    """An allocation that is under way when the end begins is waited for, and ended."""
    release, arrived = threading.Event(), threading.Event()
    with front(golem, tmp_path / "log") as ada:
        upstream = ada.gateway._upstream
        exchange = upstream.exchange

        def slow(method: str, target: str, body: bytes, **given: Any) -> Any:
            if target.endswith("/allocations") and method == "POST":
                arrived.set()
                assert release.wait(20)
            return exchange(method, target, body, **given)

        upstream.exchange = slow  # type: ignore[method-assign]
        thread = threading.Thread(target=ada.allocate)
        thread.start()
        assert arrived.wait(20)
        ending: list[tuple[str, ...]] = []
        end = threading.Thread(target=lambda: ending.append(ada.gateway.settle(20)))
        end.start()
        wait_until(lambda: ada.gateway._rules.closed)
        release.set()
        thread.join()
        end.join()
        assert ending == [()] and left_open(golem) == NOTHING_OPEN


def test_closing_ends_what_is_held(golem: GolemStandIn, tmp_path: Path) -> None:
    with front(golem, tmp_path / "log") as ada:
        demand = ada.demand()
        ada.events(demand)
        host, port = ada.gateway.url.removeprefix("http://").split(":")
        held = socket.create_connection((host, int(port)), 10)
        path = f"{MARKET}/demands/{demand}/events?timeout=50"
        held.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ada.gateway.key}\r\n\r\n".encode())
    # Closed, or reset: there was no answer.
    with contextlib.suppress(ConnectionResetError):
        assert held.recv(100) == b""
    held.close()
    assert HOODI in ada.lines()[0]["platforms"]
