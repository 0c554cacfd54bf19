"""Requests that are malformed, too large, too slow, or meant to do harm."""

from __future__ import annotations

import resource
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from standin_lab import PATIENCE, Person, message

from sovrgit.devnet.fairos import StandIn


def exchange(standin: StandIn, data: bytes, *, end: bool = True) -> bytes:
    """What comes back for some bytes on a connection, until it is closed."""
    with socket.create_connection(("127.0.0.1", standin.port), PATIENCE) as connection:
        connection.sendall(data)
        if end:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except ConnectionResetError:
            pass
        return answer


# --- HTTP ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
        b"POST /v1/pod/new HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/pod/new HTTP/1.1\r\nContent-Length: 1x\r\n\r\n",
        b"POST /v1/pod/new HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST /v1/pod/new HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
    ],
)
def test_what_is_no_request(standin: StandIn, request_: bytes) -> None:
    answer = exchange(standin, request_)
    assert answer == b"" or int(answer.split()[1]) >= 400
    assert exchange(standin, b"GET / HTTP/1.0\r\n\r\n").endswith(b"OK\n")


def test_a_connection_is_used_again_after_an_error(standin: StandIn) -> None:
    twice = b"POST /v1/pod/new HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc" + b"GET / HTTP/1.1\r\n\r\n"
    answer = exchange(standin, twice)
    assert answer.startswith(b"HTTP/1.1 401 ") and answer.endswith(b"OK\n")


def test_a_refused_upload_is_answered_before_it_is_received(standin: StandIn) -> None:
    head = b"POST /v1/file/upload HTTP/1.1\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 1000
    answer = exchange(standin, head, end=False)
    assert answer.startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize(
    "chunks", [b"zz\r\n", b"5\r\nabc", b"3\r\nabcX\r\n", b"-1\r\n", b"\r\n", b"f" * 2000 + b"\r\n"]
)
def test_chunks_that_are_none(standin: StandIn, ada: Person, chunks: bytes) -> None:
    token = ada.http.headers["Authorization"].encode()
    head = b"POST /v1/pod/new HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
    answer = exchange(standin, head + b"Authorization: " + token + b"\r\n\r\n" + chunks)
    assert b"could not decode arguments" in answer


def test_an_expectation_is_met(standin: StandIn) -> None:
    head = b"GET / HTTP/1.1\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    assert exchange(standin, head).startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


def test_an_address_in_the_request_line(standin: StandIn) -> None:
    assert exchange(standin, f"GET {standin.url}/ HTTP/1.0\r\n\r\n".encode()).endswith(b"OK\n")


def test_only_this_machine_is_served(standin: StandIn) -> None:
    addresses = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in addresses - {"127.0.0.1"}:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address, standin.port), PATIENCE)


def test_a_slow_client_holds_up_nobody(standin: StandIn, ada: Person) -> None:
    with socket.create_connection(("127.0.0.1", standin.port), PATIENCE) as slow:
        slow.sendall(b"POST /v1/file/upload HTTP/1.1\r\nAuthorization: ")
        assert ada.get("/v1/pod/ls").status_code == 200
        slow.sendall(ada.http.headers["Authorization"].encode())
        slow.sendall(b"\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: 1000\r\n\r\n--B\r\n")
        ada.put("f", b"text")
        standin.close()
        assert slow.recv(100) == b""


# --- JSON ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"1",
        b'"x"',
        b"{'podName': 'x'}",
        b'{"podName": NaN}',
        b'{"podName": 1}',
        b'{"podName": ["x"]}',
        b'{"podName": {"a": 1}}',
        b"[" * 100_000,
        b'{"podName": "' + b"x" * (2 << 20) + b'"}',
    ],
)
def test_json_that_is_none(ada: Person, body: bytes) -> None:
    answer = ada.http.post("/v1/pod/new", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, message(answer)) == (400, "pod new: could not decode arguments")


@pytest.mark.parametrize(
    ("body", "made"),
    [
        (b'{"podName": "a"} and more', "a"),
        (b'\n {"PODNAME": "a", "other": [1]}', "a"),
        (b'{"podName": "\\ud800"}', "\ufffd"),
        (b'{"podName": "\xff"}', "\ufffd"),
        (b'{"podName": "\\u0000\\n"}', "\0"),
    ],
)
def test_json_that_is_taken(ada: Person, body: bytes, made: str) -> None:
    ada.http.post("/v1/pod/new", content=body, headers={"Content-Type": "application/json"})
    assert ada.get("/v1/pod/ls").json()["pods"] == ["box", made]


@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(name=st.text(min_size=1, max_size=40), path=st.text(min_size=1, max_size=60))
def test_any_text_is_a_path_and_none_breaks_anything(ada: Person, name: str, path: str) -> None:
    name = name.encode("utf-8", "replace").decode()
    path = path.encode("utf-8", "replace").decode()
    for answer in (
        ada.post("/v1/pod/new", podName=name),
        ada.get("/v1/dir/ls", podName="box", dirPath=path),
        ada.download(path),
        ada.public(ada.reference, path),
        ada.delete("/v1/file/delete", podName="box", filePath=path),
    ):
        assert answer.status_code in (200, 201, 400, 404, 500)


# --- memory -------------------------------------------------------------------------------------------------------

_SERVE = """
import sys
from pathlib import Path
from sovrgit.devnet.fairos import StandIn
with StandIn(Path(sys.argv[1])) as standin:
    print(standin.port, flush=True)
    sys.stdin.readline()
    print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM:")).split()[1], flush=True)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of another process is read from /proc")
def test_a_large_file_takes_little_memory(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _SERVE, str(tmp_path / "f")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin and process.stdout
        ada = Person(f"http://127.0.0.1:{int(process.stdout.readline())}").sign_up()
        reference = ada.pod()
        (tmp_path / "large").write_bytes(b"")
        with open(tmp_path / "large", "r+b") as large:
            large.truncate(256 << 20)
            form_ = {"podName": "box", "dirPath": "/", "blockSize": "8MB"}
            assert ada.http.post("/v1/file/upload", data=form_, files={"files": ("f", large)}).status_code == 200
        with ada.http.stream("GET", "/public-file", params={"sharingRef": reference, "filePath": "/f"}) as answer:
            assert sum(len(piece) for piece in answer.iter_raw()) == 256 << 20
        process.stdin.close()
        assert int(process.stdout.readline()) < 80 << 10


def test_many_connections_at_once(standin: StandIn, ada: Person) -> None:
    wanted = min(200, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4)
    connections = [socket.create_connection(("127.0.0.1", standin.port), PATIENCE) for _ in range(wanted)]
    try:
        assert ada.get("/v1/pod/ls").status_code == 200
    finally:
        for connection in connections:
            connection.close()
    assert ada.get("/v1/pod/ls").status_code == 200


def test_closing_ends_everything(standin: StandIn) -> None:
    threads = threading.active_count()
    connections = [socket.create_connection(("127.0.0.1", standin.port), PATIENCE) for _ in range(5)]
    for connection in connections:
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert connection.recv(10)
    standin.close()
    standin.close()
    for connection in connections:
        while connection.recv(1000):
            pass
        connection.close()
    assert threading.active_count() <= threads
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", standin.port), PATIENCE)
