"""Everything that can be made to go wrong."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from golem_lab import ACTIVITY, MARKET, PAYMENT, Requestor, run, transfer

from sovrgit.devnet.golem import Fault, Kind
from sovrgit.devnet.golem.faults import Faults


def test_specs() -> None:
    fault = Fault.parse("crash,provider=devnet-*,first=2,times=0,amount=0.5")
    assert fault == Fault(Kind.CRASH, "devnet-*", 2, 0, 0.5) == Fault.parse(fault.spec())


@pytest.mark.parametrize(
    "spec", ["", "nonsense", "crash,x=1", "crash,times=many", "crash,amount=-1", "{", '{"kind":1}']
)
def test_specs_that_make_no_sense(spec: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Fault.parse(spec)


def test_when_a_fault_hits() -> None:
    faults = Faults([Fault(Kind.CRASH, "a*", first=2, times=2)])
    hits = [faults.take(Kind.CRASH, name) is not None for name in ("a", "b", "a", "a1", "a", "a")]
    assert hits == [False, False, True, True, False, False] and faults.left() == []
    assert faults.take(Kind.GONE, "a") is None
    faults.add(Fault(Kind.GONE, times=0))
    assert all(faults.take(Kind.GONE, "x") for _ in range(3)) and len(faults.left()) == 1
    faults.clear()
    assert faults.take(Kind.GONE, "x") is None


def test_faults_are_set_and_taken_back_over_the_socket(ada: Requestor) -> None:
    ada.fault(kind="crash", provider="devnet-1")
    assert ada.get("/_devnet/faults")[0]["kind"] == "crash"
    assert "no such fault" in ada.post("/_devnet/faults", {"kind": "x"}, 400)["message"]
    ada.post("/_devnet/faults", [1], 400)
    ada.call("DELETE", "/_devnet/faults")
    assert ada.get("/_devnet/faults") == []


def test_rejection(ada: Requestor) -> None:
    ada.fault(kind="rejection")
    rejected = ada.agree(name="devnet-1")
    assert "Rejected" in ada.post(f"{MARKET}/agreements/{rejected}/wait", status=410)["message"]
    # It offers again, and means it this time.
    ada.post(f"{MARKET}/agreements/{ada.agree(name='devnet-1')}/wait")


def test_no_activity(ada: Requestor) -> None:
    ada.fault(kind="no-activity")
    agreement = ada.agree()
    assert "Failed to create activity" in ada.post(f"{ACTIVITY}/activity", agreement, 500)["message"]
    ada.activity(agreement)


def test_crash(ada: Requestor) -> None:
    ada.fault(kind="crash", first=2)
    activity = ada.activity()
    batch = ada.send(activity, run("true"), run("sleep", "600"))
    assert "endpoint address not found" in ada.results(activity, batch, 500)["message"]
    told = ada.get(f"{ACTIVITY}/activity/{activity}/state")
    assert told["state"] == ["Terminated", None] and "crashed" in told["reason"]


def test_failed_transfer(ada: Requestor, tmp_path: Path) -> None:
    assert ada.files is not None
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"x" * 1000)
    activity = ada.activity()
    put = transfer(ada.files.publish(source), "container:/golem/work/x")
    ada.fault(kind="failed-transfer", times=2)
    assert "connection was lost" in ada.execute(activity, put)[0]["message"]
    get = transfer("container:/golem/work/x", ada.files.receive(target))
    assert "connection was lost" in ada.execute(activity, get)[0]["message"]
    assert target.stat().st_size == 250
    assert [one["result"] for one in ada.execute(activity, put, get)] == ["Ok", "Ok"]
    assert target.read_bytes() == source.read_bytes()


def test_slow_provider(ada: Requestor) -> None:
    activity = ada.activity()
    ada.fault(kind="slow-provider", amount=600)
    batch = ada.send(activity, run("true"))
    assert ada.results(activity, batch, timeout=0.2) == []
    # Who does not want to wait need not.
    ada.call("DELETE", f"{ACTIVITY}/activity/{activity}")
    ada.results(activity, batch, 500)
    ada.fault(kind="slow-provider", amount=0.05, times=1)
    other = ada.activity(deployed=False)
    assert ada.execute(other, {"deploy": {}})[0]["result"] == "Ok"


def test_over_billing(ada: Requestor) -> None:
    ada.fault(kind="over-billing", amount=100)
    agreement = ada.agree()
    activity = ada.activity(agreement)
    ada.call("DELETE", f"{ACTIVITY}/activity/{activity}")
    ada.terminate(agreement)
    (note,) = ada.get(f"{PAYMENT}/debitNotes")
    assert Decimal(ada.invoice()["amount"]) == 100 * Decimal(note["totalAmountDue"])


def test_gone(ada: Requestor) -> None:
    ada.fault(kind="gone", provider="devnet-1")
    agreement = ada.agree(name="devnet-1")
    activity = ada.activity(agreement)
    batch = ada.send(activity, run("true"))
    for path in (f"exec/{batch}?timeout=20", "state"):
        assert "not reachable" in ada.get(f"{ACTIVITY}/activity/{activity}/{path}", 500)["message"]
    ada.post(f"{ACTIVITY}/activity", agreement, 500)
    ada.terminate(agreement)
    assert ada.get(f"{PAYMENT}/invoiceEvents?timeout=0") == []
    names = [event["proposal"]["properties"]["golem.node.id.name"] for event in ada.events(ada.demand())]
    assert names == ["devnet-2", "devnet-3"]
