"""The wire on both sides: requests that are none, daemons that misbehave, clients that go away."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from gateway_lab import Front, RawDaemon, front, limits, said, spoken
from golem_lab import ACTIVITY, MARKET, PAYMENT, Requestor, run, wait_until

from sovrgit.devnet.golem import GolemStandIn
from sovrgit.runs.golem.gateway import Gateway
from sovrgit.runs.golem.gateway.upstream import LONGEST_ANSWER, Upstream


def head(gateway: Gateway, *more: str, method: str = "GET", target: str = "/me", version: str = "1.1") -> bytes:
    lines = [f"{method} {target} HTTP/{version}", "Host: x", f"Authorization: Bearer {gateway.key}", *more]
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@contextlib.contextmanager
def before(daemon: RawDaemon, folder: Path) -> Iterator[tuple[Gateway, httpx.Client]]:
    """A gateway before a daemon that is none; the gateway's own first calls are not made."""
    gateway = Gateway(daemon.url, "the-daemons-key", limits(), folder / "log", lambda news: None)
    headers = {"Authorization": f"Bearer {gateway.key}"}
    try:
        with httpx.Client(base_url=gateway.url, headers=headers, timeout=20, trust_env=False) as http:
            yield gateway, http
    finally:
        gateway.close()


# --- the key ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", "Basic KEY", "KEY", "Bearer KEYx", "Bearer KE"])
def test_the_key_of_the_gateway(eve: Front, given: str) -> None:
    headers = {"Authorization": given.replace("KEY", eve.gateway.key)} if given else {}
    answer = httpx.get(f"{eve.gateway.url}/me", headers=headers, trust_env=False)
    assert answer.status_code == 401 and "application key" in answer.json()["message"]
    assert httpx.get(f"{eve.gateway.url}/version/get", headers=headers, trust_env=False).status_code == 200


def test_the_daemons_own_key_opens_nothing_here_and_never_comes_out(golem: GolemStandIn, ada: Front) -> None:
    key = golem.variables["YAGNA_APPKEY"]
    answer = httpx.get(f"{ada.gateway.url}/me", headers={"Authorization": f"Bearer {key}"}, trust_env=False)
    assert answer.status_code == 401 and key != ada.gateway.key
    twice = spoken(ada.gateway.url, head(ada.gateway, "Authorization: Bearer x", "Connection: close"))
    assert status(twice) == 401


def test_the_daemon_gets_its_key_and_nothing_of_the_scripts_headers(tmp_path: Path) -> None:
    with RawDaemon(said(b"{}")) as daemon, before(daemon, tmp_path) as (gateway, http):
        http.get("/me", headers={"X-Forwarded-For": "1.2.3.4", "Cookie": "a=b", "Accept-Encoding": "gzip, br"})
        (seen,) = daemon.requests
        assert b"Authorization: Bearer the-daemons-key" in seen and gateway.key.encode() not in seen
        assert b"X-Forwarded-For" not in seen and b"Cookie" not in seen and b"gzip" not in seen
        assert httpx.get(f"{gateway.url}/version/get", trust_env=False).status_code == 200
        assert b"Authorization" not in daemon.requests[-1]


def test_a_wrong_key_of_the_daemon(golem: GolemStandIn, tmp_path: Path) -> None:
    with Gateway(golem.url, "wrong", limits(), tmp_path / "log", lambda news: None) as gateway:
        person = Front(golem, gateway, tmp_path / "log", [])
        assert person.get("/me", 401)["message"] == "Invalid application key"
        assert "requestor" not in gateway.receipts() and gateway.receipts()["daemon"] == "0.17.6"
        person.http.close()


@pytest.mark.parametrize("url", ["https://127.0.0.1:1", "127.0.0.1:1", "http://", "http://a:1/path", "http://u:p@a:1"])
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(ValueError, match="http://HOST:PORT"):
        Upstream(url, "key")
    for key in ("", "a b", "a\r\nX: y", "é"):
        with pytest.raises(ValueError, match="app-key"):
            Upstream("http://127.0.0.1:1", key)


# --- requests that are none -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (["Content-Length: 5", "Transfer-Encoding: chunked"], 400),
        (["Content-Length: 5", "Content-Length: 6"], 400),
        (["Content-Length: +5"], 400),
        (["Content-Length: -1"], 400),
        (["Content-Length : 5"], 400),
        (["Transfer-Encoding: gzip, chunked"], 501),
        (["Transfer-Encoding: identity"], 501),
        (["X: a", " folded: b", "Y\x00: c"], 400),
        (["Host: y"], 400),
        (["Upgrade: websocket", "Connection: Upgrade"], 501),
        (["Content-Length: 99999999999"], 413),
        ([f"X-Long: {'a' * 200_000}"], 431),
    ],
)
def test_requests_with_headers_that_make_no_sense(eve: Front, request_: list[str], expected: int) -> None:
    answer = spoken(eve.gateway.url, head(eve.gateway, *request_, method="POST", target=f"{MARKET}/demands"))
    assert status(answer) == expected and answer.count(b"HTTP/1.1") == 1, answer
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("CONNECT example.com:80 HTTP/1.1", 501),
        ("TRACE /me HTTP/1.1", 501),
        ("GET http://127.0.0.1/me HTTP/1.1", 400),
        ("GET /me#x HTTP/1.1", 400),
        ("GET  /me HTTP/1.1", 400),
        ("GET /me HTTP/2.0", 505),
        ("\x16\x03\x01", 400),
    ],
)
def test_first_lines_that_make_no_sense(eve: Front, line: str, expected: int) -> None:
    answer = spoken(eve.gateway.url, f"{line}\r\nHost: x\r\nAuthorization: Bearer {eve.gateway.key}\r\n\r\n".encode())
    assert status(answer) in (expected, 400), answer


def test_a_request_in_the_body_of_another_is_none(eve: Front) -> None:
    inner = head(eve.gateway, method="POST", target=f"{PAYMENT}/allocations")
    chunk = f"{len(inner):x}\r\n".encode() + inner + b"\r\n0\r\n\r\n"
    first = head(eve.gateway, "Transfer-Encoding: chunked", method="POST", target=f"{MARKET}/demands")
    answer = spoken(eve.gateway.url, first + chunk + head(eve.gateway, "Connection: close"))
    assert [status(b"HTTP/1.1" + part) for part in answer.split(b"HTTP/1.1")[1:]] == [400, 200]
    assert not any("allocations" in line.get("path", "") for line in eve.lines())


def test_calls_one_after_the_other_without_waiting(eve: Front) -> None:
    wanted = [head(eve.gateway, target=f"{MARKET}/agreements/n{number}") for number in range(5)]
    answer = spoken(eve.gateway.url, b"".join(wanted) + head(eve.gateway, "Connection: close"))
    places = [answer.index(f"[n{number}]".encode()) for number in range(5)]
    assert places == sorted(places) and answer.count(b"HTTP/1.1") == 6


def test_old_clients_and_those_that_ask_before_they_send(eve: Front) -> None:
    answer = spoken(eve.gateway.url, head(eve.gateway, version="1.0"))
    assert status(answer) == 200 and b'"role"' in answer
    body = json.dumps({"properties": {}, "constraints": "()"}).encode()
    more = [f"Content-Length: {len(body)}", "Expect: 100-continue", "Connection: close"]
    host, port = eve.gateway.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(head(eve.gateway, *more, method="POST", target=f"{MARKET}/demands"))
        assert connection.recv(1000).startswith(b"HTTP/1.1 100")
        connection.sendall(body)
        assert status(connection.recv(1000)) == 201


def test_bodies_that_are_too_long_or_no_json(eve: Front) -> None:
    assert eve.http.post(f"{MARKET}/demands", content=b"x" * (1 << 20 | 1)).status_code == 413
    assert eve.http.post(f"{MARKET}/demands", content=iter([b"x" * (1 << 19)] * 3)).status_code == 413
    for body in (b"{", b"[" * 100_000, b'{"a": NaN}', b"\xff\xfe"):
        assert eve.http.post(f"{MARKET}/demands", content=body).status_code == 400
    assert eve.get("/me")["role"] == "manager"


# --- daemons that misbehave -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "without an answer"),
        (b"garbage\r\n\r\n", "makes no sense"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}", "makes no sense"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "makes no sense"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "makes no sense"),
        (b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n", "makes no sense"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "makes no sense"),
        (said(b"", "302 Found", "Location: http://example.com/\r\n"), "sends elsewhere"),
        (said(b"{}", headers="Content-Encoding: gzip\r\n"), "encoded"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000 + b"\r\n\r\n", "makes no sense"),
        (said(b"data: x\n\n", headers="Content-Type: text/event-stream\r\n"), "nobody has asked for"),
    ],
)
def test_answers_that_make_no_sense(tmp_path: Path, answer: bytes, why: str) -> None:
    with RawDaemon(answer) as daemon, before(daemon, tmp_path) as (_, http):
        got = http.get("/me")
        assert got.status_code == 502 and why in got.json()["message"], got.text
        assert "location" not in got.headers


def test_an_answer_without_an_end(tmp_path: Path) -> None:
    piece = b"1" * (1 << 20)
    endless = b"HTTP/1.1 200 OK\r\n\r\n" + piece * ((LONGEST_ANSWER >> 20) + 2)
    with RawDaemon(endless) as daemon, before(daemon, tmp_path) as (_, http):
        assert "MiB" in http.get("/me").json()["message"]


@pytest.mark.parametrize("body", [b"", b"null", b'"../../x"', b'{"allocationId": 5}', b"[]", b"<html>", b"\xff"])
def test_something_was_opened_and_nobody_knows_what(tmp_path: Path, body: bytes) -> None:
    """It is not told as a success, and still counts, as it may be there."""
    with RawDaemon(said(body, "201 Created")) as daemon, before(daemon, tmp_path) as (_, http):
        given = {"paymentPlatform": "erc20-hoodi-tglm", "totalAmount": "1.5"}
        assert "no id" in http.post(f"{PAYMENT}/allocations", json=given).json()["message"]
        assert http.post(f"{PAYMENT}/allocations", json=given).status_code == 403


@pytest.mark.parametrize("body", [b"[1, null, {}]", b'{"a": Infinity}', b'"' + b"\\ud800" + b'"', b"[" * 5000, b"\xff"])
def test_odd_answers_are_passed_on_as_they_are(tmp_path: Path, body: bytes) -> None:
    with RawDaemon(said(body)) as daemon, before(daemon, tmp_path) as (gateway, http):
        for path in ("/me", f"{MARKET}/demands/a/events", f"{PAYMENT}/invoices", f"{ACTIVITY}/activity/a/exec/b"):
            assert http.get(path).content == body
        assert gateway.receipts()["emulated"] is False


def test_a_header_is_not_two(tmp_path: Path) -> None:
    answer = said(b"{}", headers="Content-Type: application/json\rX-Evil: 1\r\nSet-Cookie: a=b\r\n")
    with RawDaemon(answer) as daemon, before(daemon, tmp_path) as (_, http):
        got = http.get("/me")
        assert "x-evil" not in got.headers and "set-cookie" not in got.headers


def test_a_daemon_that_is_not_there(golem: GolemStandIn, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with Gateway(url, "key", limits(), tmp_path / "log", lambda news: None) as gateway:
        person = Front(golem, gateway, tmp_path / "log", [])
        assert "cannot be reached: connection refused" in person.get("/me", 502)["message"]
        # Nothing can have been opened, so the budget is untouched.
        for _ in range(2):
            assert "cannot be reached" in person.allocate("1.5", status=502)["message"]
        assert gateway.settle(1) == () and gateway.receipts()["emulated"] is False
        person.http.close()


def test_a_daemon_that_has_closed_its_idle_connection(tmp_path: Path) -> None:
    """It is not asked on a connection that is closed already, and nobody notices."""
    answers = [said(b'{"n": %d}' % number) for number in (1, 2, 3)]
    with RawDaemon(*answers) as daemon, before(daemon, tmp_path) as (_, http):
        assert [http.get("/me").json()["n"] for _ in range(3)] == [1, 2, 3]


# --- clients that go away ---------------------------------------------------------------------------------------


def test_a_client_that_goes_away_frees_the_daemon(tmp_path: Path) -> None:
    with RawDaemon(b"", hold=True) as daemon, before(daemon, tmp_path) as (gateway, _):
        host, port = gateway.url.removeprefix("http://").split(":")
        connection = socket.create_connection((host, int(port)), 10)
        connection.sendall(head(gateway, target=f"{PAYMENT}/invoiceEvents?timeout=60"))
        assert daemon.arrived.wait(10) and not daemon.gone.is_set()
        connection.close()
        assert daemon.gone.wait(10)


def test_a_client_that_stops_following_frees_the_daemon(tmp_path: Path) -> None:
    start = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n"
    with RawDaemon(start, hold=True) as daemon, before(daemon, tmp_path) as (gateway, http):
        with http.stream("GET", f"{ACTIVITY}/activity/a/exec/b", headers={"Accept": "text/event-stream"}) as answer:
            assert next(answer.iter_text()) == "data: 1\n\n"
        assert daemon.gone.wait(10)
        wait_until(lambda: '"events":1' in (tmp_path / "log").read_text())
        assert gateway.receipts()["emulated"] is False


def test_a_client_that_goes_away_while_something_is_opened(golem: GolemStandIn, ada: Front) -> None:
    """That is seen through to its end, so that it is known, and can be ended."""
    host, port = ada.gateway.url.removeprefix("http://").split(":")
    body = json.dumps({"paymentPlatform": "erc20-hoodi-tglm", "totalAmount": "1"}).encode()
    with socket.create_connection((host, int(port)), 10) as connection:
        more = f"Content-Length: {len(body)}"
        connection.sendall(head(ada.gateway, more, method="POST", target=f"{PAYMENT}/allocations") + body)
    wait_until(lambda: ada.gateway.receipts().get("allocations"))
    assert ada.gateway.settle(5) == () and Requestor(golem).get(f"{PAYMENT}/allocations") == []


def test_many_long_polls_at_once(golem: GolemStandIn, tmp_path: Path) -> None:
    """Each has its own connection to the daemon, and none holds up the others."""
    with front(golem, tmp_path / "log") as ada:
        demand = ada.demand()
        ada.events(demand)
        path = f"{MARKET}/demands/{demand}/events?timeout=20"
        answers: list[httpx.Response] = []
        threads = [threading.Thread(target=lambda: answers.append(ada.http.get(path))) for _ in range(10)]
        for thread in threads:
            thread.start()
        wait_until(lambda: threading.active_count() > 10)
        _, activity = ada.work()
        assert ada.shell(activity, "echo quick")["stdout"] == "quick\n"
        ada.execute(activity, run("/bin/true"))
        ada.call("DELETE", f"{MARKET}/demands/{demand}")
        for thread in threads:
            thread.join(20)
        assert [one.status_code for one in answers] == [404] * 10
