"""Everything that can be made to go wrong, and when."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from standin_lab import PASSWORD, Person, message

from sovrgit.devnet.fairos import Fault, Kind, StandIn
from sovrgit.devnet.fairos.faults import Faults

LARGE = bytes(range(256)) * 10_000
"""Three blocks of the smallest size."""


def broken(ask: Callable[[], object]) -> Exception:
    """How a call breaks off."""
    with pytest.raises(httpx.TransportError) as caught:
        ask()
    return caught.value


def partial(standin: StandIn, path: str, **query: str) -> tuple[int, dict[str, str], bytes]:
    """As much of an answer as comes, for calls that need no login."""
    body = b""
    with httpx.Client(base_url=standin.url, trust_env=False) as http, http.stream("GET", path, params=query) as answer:
        try:
            for piece in answer.iter_raw():
                body += piece
        except httpx.TransportError:
            pass
        return answer.status_code, dict(answer.headers), body


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


# --- answers ------------------------------------------------------------------------------------------------------


def test_errors(standin: StandIn, ada: Person) -> None:
    standin.faults.add(Fault(Kind.ERROR, status=503, text="busy"), Fault(Kind.POSTAGE, call="*/upload", status=402))
    assert (ada.get("/v1/pod/ls").status_code, ada.get("/v1/pod/ls").status_code) == (503, 200)
    paid = ada.upload("f", b"text")
    assert (paid.status_code, message(paid)) == (402, "file upload: batch is overissued")
    assert ada.download("/f").status_code == 404


def test_what_is_there_is_not_found(standin: StandIn, ada: Person) -> None:
    ada.put("f", b"text")
    standin.faults.add(Fault(Kind.MISSING, times=0))
    answers = {
        "download: file not found in dfs": ada.download("/f"),
        "public pod file download: feed does not exist or was not updated yet": ada.public(ada.reference, "/f"),
        "pod open: pod does not exist": ada.post("/v1/pod/open", podName="box"),
        "ls: directory not present": ada.get("/v1/dir/ls", podName="box", dirPath="/"),
        "user login: no user available": ada.post("/v2/user/login", userName="ada", password=PASSWORD),
    }
    assert {message(answer): answer.status_code for answer in answers.values()} == dict(
        zip(answers, (404, 500, 404, 404, 404), strict=True)
    )
    standin.faults.clear()
    assert ada.download("/f").content == b"text"


def test_logins_that_fail(standin: StandIn, ada: Person) -> None:
    standin.faults.add(Fault(Kind.BAD_LOGIN, call="/v2/user/login", times=2))
    for _ in range(2):
        answer = ada.post("/v2/user/login", userName="ada", password=PASSWORD)
        assert (answer.status_code, message(answer)) == (400, "user login: invalid password")
    ada.log_in()


def test_dying_tokens_and_sessions(standin: StandIn, ada: Person) -> None:
    standin.faults.add(Fault(Kind.SESSION_DEATH, first=2))
    assert [ada.get("/v1/pod/ls").status_code for _ in range(3)] == [200, 400, 400]
    ada.log_in()
    standin.faults.clear()
    standin.faults.add(Fault(Kind.TOKEN_DEATH, first=2))
    assert [ada.get("/v1/pod/ls").status_code for _ in range(3)] == [200, 401, 401]
    assert ada.log_in().get("/v1/pod/ls").status_code == 200


def test_slow_answers_do_not_hold_up_others_and_end_with_the_server(standin: StandIn, ada: Person) -> None:
    standin.faults.add(Fault(Kind.SLOW, call="/v1/pod/ls", amount=3600))
    failures: list[Exception] = []
    waiting = threading.Thread(target=lambda: failures.append(broken(lambda: ada.get("/v1/pod/ls"))))
    waiting.start()
    while standin.faults.left():
        pass
    assert Person(standin.url).http.get("/").text == "OK\n"
    standin.close()
    waiting.join(30)
    assert len(failures) == 1


def test_every_call_can_take_its_time(standin: StandIn, ada: Person) -> None:
    standin.latency = 0.02
    began = time.monotonic()
    for _ in range(5):
        ada.get("/v1/pod/ls")
    assert time.monotonic() - began >= 0.1
    assert standin.latency == 0.02


# --- bodies -------------------------------------------------------------------------------------------------------


def test_a_body_that_is_short(standin: StandIn, ada: Person) -> None:
    ada.put("f", LARGE)
    standin.faults.add(Fault(Kind.SHORT_BODY, call="/public-file", amount=10, times=2))
    assert isinstance(broken(lambda: ada.public(ada.reference, "/f")), httpx.RemoteProtocolError)
    status, headers, body = partial(standin, "/public-file", sharingRef=ada.reference, filePath="/f")
    assert (status, headers["content-length"], body) == (200, str(len(LARGE)), LARGE[:-10])
    assert ada.public(ada.reference, "/f").content == LARGE


def test_a_document_that_is_short(standin: StandIn, ada: Person) -> None:
    standin.faults.add(Fault(Kind.SHORT_BODY, call="/v1/pod/ls"))
    assert isinstance(broken(lambda: ada.get("/v1/pod/ls")), httpx.RemoteProtocolError)


def test_an_error_in_the_middle_of_a_body(standin: StandIn, ada: Person) -> None:
    ada.put("f", LARGE)
    standin.faults.add(Fault(Kind.JSON_IN_BODY, call="/public-file", amount=1000, text="gone"))
    status, headers, body = partial(standin, "/public-file", sharingRef=ada.reference, filePath="/f")
    assert (status, headers["content-length"]) == (200, str(len(LARGE)))
    assert body == LARGE[:1000] + b'{"message":"gone","code":500}\n\n'


def test_an_error_in_a_body_that_has_room_for_it(standin: StandIn, ada: Person) -> None:
    ada.put("f", b"x" * 20)
    standin.faults.add(Fault(Kind.JSON_IN_BODY, call="/public-file", text="gone"))
    answer = ada.public(ada.reference, "/f")
    assert (answer.status_code, answer.content) == (200, b'{"message":"gone","c')


def test_an_error_that_is_cut_off(standin: StandIn, ada: Person) -> None:
    standin.faults.add(Fault(Kind.CUT_ERROR, amount=12))
    answer = ada.get("/v1/pod/ls")
    assert (answer.status_code, answer.content) == (500, b'{"message":"')


def test_bytes_that_are_not_those_that_were_stored(standin: StandIn, ada: Person) -> None:
    ada.put("f", LARGE)
    standin.faults.add(Fault(Kind.WRONG_BYTES, call="/public-file", amount=3))
    content = ada.public(ada.reference, "/f").content
    assert content == b"\xff\xfe\xfd" + LARGE[3:] and len(content) == len(LARGE)


@pytest.mark.parametrize("amount", [None, 1, 1_000_000])
def test_a_download_whose_connection_is_reset(standin: StandIn, ada: Person, amount: int | None) -> None:
    ada.put("f", LARGE)
    standin.faults.add(Fault(Kind.RESET_DOWNLOAD, call="/public-file", amount=amount))
    assert isinstance(broken(lambda: ada.public(ada.reference, "/f")), httpx.TransportError)
    assert ada.public(ada.reference, "/f").content == LARGE


@pytest.mark.parametrize("amount", [None, 1, 1_000_000])
def test_an_upload_whose_connection_is_reset(standin: StandIn, ada: Person, amount: int | None) -> None:
    standin.faults.add(Fault(Kind.RESET_UPLOAD, call="*/upload", amount=amount))
    assert isinstance(broken(lambda: ada.upload("f", LARGE * 8)), httpx.TransportError)
    assert ada.download("/f").status_code == 404
    ada.put("f", LARGE)
    assert not list((standin.folder / "incoming").iterdir())


# --- what lies below ----------------------------------------------------------------------------------------------


def test_an_upload_that_loses_a_block_in_the_middle(standin: StandIn, ada: Person) -> None:
    standin.faults.add(Fault(Kind.HOLE, file="/f", amount=1))
    ada.put("f", LARGE)
    assert ada.get("/v1/file/stat", podName="box", filePath="/f").json()["fileSize"] == str(len(LARGE))
    status, headers, body = partial(standin, "/public-file", sharingRef=ada.reference, filePath="/f")
    assert (status, headers["content-length"]) == (200, str(len(LARGE)))
    assert body == LARGE[:1_000_000] + b'{"message":"public pod file download: Not Found","code":500}\n\n'
    ada.put("f", LARGE)
    assert ada.public(ada.reference, "/f").content == LARGE


def test_an_upload_that_loses_its_first_block(standin: StandIn, ada: Person) -> None:
    standin.faults.add(Fault(Kind.HOLE, times=2))
    ada.put("large", LARGE)
    ada.put("small", b"text")
    status, headers, body = partial(standin, "/public-file", sharingRef=ada.reference, filePath="/large")
    assert (status, headers["content-length"], body[:11]) == (500, str(len(LARGE)), b'{"message":')
    # The error does not fit into the length of the file, so nothing of it is sent.
    status, headers, body = partial(standin, "/public-file", sharingRef=ada.reference, filePath="/small")
    assert (status, headers["content-length"], body) == (500, "4", b"")


def test_an_upload_that_loses_its_end(standin: StandIn, ada: Person) -> None:
    standin.faults.add(Fault(Kind.SHORT_UPLOAD, file="/f"))
    ada.put("f", LARGE)
    status, headers, body = partial(standin, "/public-file", sharingRef=ada.reference, filePath="/f")
    assert (status, headers["content-length"], body) == (200, str(len(LARGE)), LARGE[:2_000_000])


def test_losing_a_block_of_nothing(standin: StandIn, ada: Person) -> None:
    standin.faults.add(Fault(Kind.HOLE), Fault(Kind.SHORT_UPLOAD))
    ada.put("f", b"")
    assert ada.public(ada.reference, "/f").content == b""


def test_an_overwrite_that_only_its_session_sees(standin: StandIn, ada: Person) -> None:
    other = Person(standin.url).log_in()
    standin.faults.add(Fault(Kind.LOST_UPDATE, call="*/upload", file="/refs", times=2))
    for content in (b"1", b"2"):
        # The first is no overwrite, and is seen.
        ada.put("refs", content)
        assert ada.download("/refs").content == content
        assert ada.public(ada.reference, "/refs").content == b"1"
    assert ada.log_in().download("/refs").content == other.download("/refs").content == b"1"
    ada.put("refs", b"2")
    assert ada.public(ada.reference, "/refs").content == b"2"
    assert ada.listed() == ["refs"]


def test_stale_reads(standin: StandIn, ada: Person) -> None:
    for number in (1, 2, 3):
        ada.put("refs", b"generation %d" % number)
    standin.faults.add(
        Fault(Kind.STALE, file="/refs", times=2),
        Fault(Kind.STALE, file="/refs", first=3, amount=2),
        Fault(Kind.STALE, file="/refs", first=4, amount=99),
    )
    read = [ada.public(ada.reference, "/refs").content[-1:] for _ in range(5)]
    assert read == [b"2", b"2", b"1", b"1", b"3"]


def test_a_list_of_pods_that_cannot_be_read_is_lost(standin: StandIn, ada: Person) -> None:
    ada.put("f", b"text")
    standin.faults.add(Fault(Kind.LOST_PODS, call="/v1/pod/ls"))
    assert ada.get("/v1/pod/ls").json()["pods"] == []
    assert ada.get("/v1/pod/ls").json()["pods"] == ["box"]

    standin.faults.add(Fault(Kind.LOST_PODS, call="/v1/pod/present"))
    assert ada.get("/v1/pod/present", podName="box").json() == {"present": False}
    assert ada.get("/v1/pod/ls").json()["pods"] == []
    assert message(ada.log_in().post("/v1/pod/open", podName="box")) == "pod open: pod does not exist"
    # The reference is as good as ever.
    assert ada.public(ada.reference, "/f").content == b"text"


def test_nothing_is_found_below(standin: StandIn, ada: Person) -> None:
    ada.put("f", b"text")
    standin.faults.add(Fault(Kind.UNREADABLE, times=0))
    assert message(ada.public(ada.reference, "/f")) == "public pod file download: Not Found"
    # What a session knows is not looked up.
    assert ada.download("/f").content == b"text"
    assert ada.listed() == []


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
