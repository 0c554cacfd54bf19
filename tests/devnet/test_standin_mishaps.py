"""Everything that can be made to go wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import httpx
import pytest
from standin_lab import PASSWORD, Person, message

from sovrgit.devnet.fairos import Fault, Kind, StandIn

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


def test_a_body_that_comes_byte_by_byte(standin: StandIn, ada: Person) -> None:
    ada.put("f", b"abc")
    standin.faults.add(Fault(Kind.TRICKLE, call="/public-file", amount=0.001))
    assert ada.public(ada.reference, "/f").content == b"abc"


def test_a_body_that_still_comes_keeps_nobody_who_closes_the_server(standin: StandIn, ada: Person) -> None:
    ada.put("f", b"abc")
    standin.faults.add(Fault(Kind.TRICKLE, call="/public-file", amount=3600))
    with (
        httpx.Client(trust_env=False) as client,
        client.stream("GET", f"{standin.url}/public-file", params={"sharingRef": ada.reference, "filePath": "/f"}),
    ):
        standin.close()


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
