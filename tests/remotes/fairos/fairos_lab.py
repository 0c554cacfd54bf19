"""A FairOS server that answers as it is told: without a network, and over one where it matters how bytes arrive."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import parse_qs

import httpx

from sovrgit.credentials.logins import Login, PasswordLogin
from sovrgit.remotes.fairos.address import ServerAddress
from sovrgit.remotes.fairos.client import FairOS
from sovrgit.remotes.fairos.reference import SharingReference

URL = "http://fairos.test:9090"
ADDRESS = ServerAddress.parse(URL)
PASSWORD = "correct horse battery staple"
LOGIN = PasswordLogin("ann", PASSWORD)
REFERENCE = SharingReference.parse("3f2a" + "0123456789abcdef" * 3 + "fedcba987654")
ACCOUNT = "0x" + "aB" * 20

Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


def message(status: int, text: str, *, code: bool = False) -> httpx.Response:
    """An answer of either of the two shapes that servers have."""
    return httpx.Response(status, json={"message": text, **({"code": status} if code else {})})


def token(number: int) -> str:
    return f"eyJhbGciOiJIUzI1NiJ9.token-{number}.signature"


class Scripted(httpx.BaseTransport):
    """Answers each route with what it was given, in order, the last one again and again; remembers every request."""

    def __init__(self) -> None:
        self.seen: list[httpx.Request] = []
        self._routes: dict[str, list[Answer]] = {}
        self._logins = 0
        self._lock = threading.Lock()

    def on(self, route: str, *answers: Answer) -> Scripted:
        self._routes[route] = list(answers)
        return self

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        route = f"{request.method} {request.url.path}"
        with self._lock:
            self.seen.append(request)
            answers = self._routes.get(route)
            if answers is None:
                return copied(self._usual(route))
            answer = answers[0] if len(answers) == 1 else answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return copied(answer(request) if callable(answer) else answer)

    def _usual(self, route: str) -> httpx.Response:
        if route in ("POST /v2/user/login", "POST /v2/user/login-with-signature"):
            self._logins += 1
            body = {"address": ACCOUNT, "message": "user logged-in successfully", "accessToken": token(self._logins)}
            return httpx.Response(200, json=body, headers={"Set-Cookie": "fairOS-dfs=session; Path=/"})
        if route == "POST /v1/user/logout":
            return message(200, "user logged out successfully")
        raise AssertionError(f"nobody expected {route}")

    @property
    def routes(self) -> list[str]:
        return [f"{request.method} {request.url.path}" for request in self.seen]

    @property
    def last(self) -> httpx.Request:
        return self.seen[-1]


class Pieces(httpx.SyncByteStream):
    """A body that is not there before it is read, as those that come over a network."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces


def copied(answer: httpx.Response) -> httpx.Response:
    """The answer once more: one that was read cannot be sent again."""
    if isinstance(answer.stream, Pieces):
        return answer
    return httpx.Response(answer.status_code, headers=answer.headers, stream=Pieces([answer.content]))


class Pauses(list[float]):
    """Remembers how long was to be waited for, and does not wait."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def client(server: httpx.BaseTransport, login: Login | Callable[[], Login] | None = LOGIN, **options: Any) -> FairOS:
    """A client of a scripted server."""
    return FairOS(ADDRESS, login, transport=server, **{"pause": Pauses(), **options})


def body_of(request: httpx.Request) -> dict[str, Any]:
    """The JSON or form that a request carries."""
    if request.headers["Content-Type"] == "application/json":
        loaded: dict[str, Any] = json.loads(request.content)
        return loaded
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    return {key: values[0] for key, values in parse_qs(request.content.decode(), strict_parsing=True).items()}


def form_of(request: httpx.Request) -> dict[str, tuple[str | None, bytes]]:
    """The parts of an upload: file name and content, by name."""
    from email import message_from_bytes
    from email.policy import HTTP

    head = b"Content-Type: " + request.headers["Content-Type"].encode() + b"\r\n\r\n"
    parts = message_from_bytes(head + request.content, policy=HTTP)
    assert parts.is_multipart() and not parts.defects
    found = {}
    for part in parts.iter_parts():
        name = part.get_param("name", header="Content-Disposition")
        found[str(name)] = (part.get_filename(), part.get_payload(decode=True))
    return found


# --- over a network -------------------------------------------------------------------------------------------------


def head(status: str, *lines: str) -> bytes:
    """The head of an answer."""
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode()


class Raw:
    """Listens on this machine and answers every connection with the next of some bytes, as they are, and then closes.

    Args:
        answers: None resets the connection without an answer.
        reads: whether the request is read first.
    """

    def __init__(self, answers: Sequence[bytes | None], *, reads: bool = True) -> None:
        self._answers = list(answers)
        self._reads = reads
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = ServerAddress("http", "127.0.0.1", self._socket.getsockname()[1])
        self.requests: list[bytes] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        for answer in self._answers:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(20)
                if self._reads:
                    self.requests.append(read_request(connection))
                if answer is None:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                else:
                    with contextlib.suppress(OSError):
                        connection.sendall(answer)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(20)


def read_request(connection: socket.socket) -> bytes:
    """A whole request."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        more = connection.recv(65536)
        if not more:
            break
        body += more
    return head + b"\r\n\r\n" + body


@contextlib.contextmanager
def raw(*answers: bytes | None, reads: bool = True) -> Iterator[Raw]:
    """A server of raw bytes."""
    made = Raw(answers, reads=reads)
    try:
        yield made
    finally:
        made.close()
