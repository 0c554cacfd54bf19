"""Which calls a fault hits, how it is set, and what is counted and told of calls."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from standin_lab import PASSWORD, Person, message

from sovrgit.devnet.fairos import Fault, Kind, StandIn
from sovrgit.devnet.fairos.faults import Faults

# --- which calls --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "hit"),
    [
        (Fault(Kind.ERROR), [1]),
        (Fault(Kind.ERROR, times=2), [1, 2]),
        (Fault(Kind.ERROR, times=0), [1, 2, 3, 4]),
        (Fault(Kind.ERROR, first=3), [3]),
        (Fault(Kind.ERROR, first=2, times=2), [2, 3]),
        (Fault(Kind.ERROR, call="/v1/pod/*", times=0), [1, 2, 3, 4]),
        (Fault(Kind.ERROR, call="GET /v1/pod/ls", times=0), [1, 2, 3, 4]),
        (Fault(Kind.ERROR, call="POST *", times=0), []),
        (Fault(Kind.ERROR, call="/v1/file/*", times=0), []),
        (Fault(Kind.ERROR, file="/f", times=0), []),
    ],
)
def test_a_fault_hits_the_calls_that_it_says(standin: StandIn, ada: Person, fault: Fault, hit: list[int]) -> None:
    standin.faults.add(fault)
    failed = [number for number in range(1, 5) if ada.get("/v1/pod/ls").status_code == 500]
    assert failed == hit


def test_a_fault_hits_the_file_that_it_says(standin: StandIn, ada: Person) -> None:
    ada.put("refs", b"1")
    ada.put("pack", b"2")
    standin.faults.add(Fault(Kind.MISSING, file="/ref*", first=2, times=0))
    calls = [ada.public(ada.reference, path).status_code for path in ("/refs", "/pack", "/refs", "/pack")]
    assert calls == [200, 200, 500, 200]
    assert ada.download("/refs").status_code == 404
    assert ada.upload("refs", b"3").status_code == 404
    assert ada.upload("more", b"3").status_code == 200


def test_faults_are_counted_each_by_itself_and_forgotten_on_demand() -> None:
    faults = Faults([Fault(Kind.SLOW, times=1), Fault(Kind.ERROR, first=2)])
    assert [fault.kind for fault in faults.take("GET /", None)] == ["slow"]
    assert faults.left() == [Fault(Kind.ERROR, first=2)]
    assert [fault.kind for fault in faults.take("GET /", None)] == ["error"]
    assert faults.take("GET /", None) == faults.left() == []
    faults.add(Fault(Kind.HOLE))
    faults.clear()
    assert faults.left() == []


def test_a_fault_can_be_written() -> None:
    spec = "short-body, call=/public-file, first=2,times=3,amount=10.5"
    fault = Fault(Kind.SHORT_BODY, call="/public-file", first=2, times=3, amount=10.5)
    assert Fault.parse(spec) == fault == Fault.parse(fault.spec())
    assert Fault.parse("error,status=402,text=pay") == Fault(Kind.ERROR, status=402, text="pay")
    assert Fault.parse('{"kind": "error", "text": "a, b"}') == Fault(Kind.ERROR, text="a, b")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("", "no such fault: ``"),
        ("nonsense", "no such fault: `nonsense`; there are slow,"),
        ("slow,seconds=1", "a fault has no `seconds`"),
        ("slow,amount=long", "`amount` of a fault is a number, not `long`"),
        ("slow,times=1.5", "`times` of a fault is a number"),
        ("slow,amount=-1", "`amount` of a fault is not `-1`"),
        ("slow,amount=inf", "`amount` of a fault is not `inf`"),
        ("slow,amount=nan", "`amount` of a fault is not `nan`"),
        ("{", "Expecting property name"),
    ],
)
def test_what_is_no_fault(spec: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        Fault.parse(spec)


# --- by request ---------------------------------------------------------------------------------------------------


def test_faults_can_be_set_from_another_process(standin: StandIn, ada: Person) -> None:
    fault = {"kind": "error", "call": "/v1/pod/ls", "times": 1, "text": "as you wish"}
    said = ada.post("/_devnet/faults", **fault).json()
    assert said == ada.http.get("/_devnet/faults").json()
    assert said["faults"][0]["kind"] == "error"
    assert message(ada.get("/v1/pod/ls")) == "as you wish"
    assert ada.http.get("/_devnet/faults").json() == {"faults": []}
    ada.post("/_devnet/faults", **fault)
    assert ada.http.delete("/_devnet/faults").json() == {"faults": []} == {"faults": standin.faults.left()}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"[" * 10_000, b'{"kind": "x"}', b'{"kind": "slow", "amount": {}}'])
def test_requests_for_no_fault(standin: StandIn, ada: Person, body: bytes) -> None:
    answer = ada.http.post("/_devnet/faults", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400 and standin.faults.left() == []


def test_a_web_page_cannot_set_faults(standin: StandIn, ada: Person) -> None:
    answer = ada.http.post("/_devnet/faults", content=b'{"kind": "error"}', headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415 and standin.faults.left() == []
    assert ada.http.get("/_devnet/nothing").status_code == 404


def test_calls_and_bytes_are_counted(standin: StandIn, ada: Person) -> None:
    standin.counts.clear()
    ada.put("f", b"x" * 1000)
    ada.download("/f")
    ada.download("/none")
    ada.get("/nowhere/that/is/known")
    ada.http.get(f"/public/{ada.reference}/f")
    counts = standin.counts.all()
    assert counts["POST /v1/file/upload"].calls == 1 and counts["POST /v1/file/upload"].received > 1000
    assert counts["POST /v1/file/download"].calls == 2 and counts["POST /v1/file/download"].sent > 1000
    assert counts["GET (unknown)"].calls == counts["GET /public/"].calls == 1
    assert standin.counts.total().calls == 5
    assert ada.http.get("/_devnet/counts").json()["counts"]["POST /v1/file/download"]["calls"] == 2
    ada.http.delete("/_devnet/counts")
    assert set(standin.counts.all()) <= {"GET (unknown)", "DELETE (unknown)"}


def test_what_is_told_of_calls_is_no_secret(tmp_path: Path) -> None:
    told: list[str] = []
    with StandIn(tmp_path / "f", log=told.append) as standin:
        ada = Person(standin.url).sign_up()
        ada.reference = ada.pod("name-of-a-pod")
        ada.put("secret-name", b"text", pod="name-of-a-pod")
        ada.public(ada.reference, "/secret-name")
        ada.http.get(f"/public/{ada.reference}/secret-name")
        ada.http.get(f"/public/{ada.reference}")
        ada.http.get(f"/publicfile/{ada.reference}")
        ada.get("/v1/pod/receiveinfo", sharingRef=ada.reference)
        token = ada.http.headers["Authorization"]
    text = "\n".join(told)
    assert len(told) == 9
    assert not any(secret in text for secret in (ada.reference, "secret-name", "name-of-a-pod", PASSWORD, token[7:]))
    assert "POST /v1/file/upload 200, " in text and "GET /public/ 200, 0 B in, 4 B out, " in text
