"""Connections to the daemon: kept open between calls, one call at a time on each, given up when the client has gone."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import h11

LONGEST_HEAD = 64 << 10
LONGEST_ANSWER = 32 << 20
"""Bytes of an answer that is not followed; the output of a thousand commands fits."""

_CONNECT = 5.0
_SENDING = 30.0
_IDLE = 2.0
"""Seconds after which a connection that nobody uses is not used again: the daemon closes them after 5."""

_KEPT = 32
_PIECE = 64 << 10
_EVENTS = b"text/event-stream"


class Unreachable(Exception):
    """No answer from the daemon, or none that makes sense. The message says why, in words for users.

    Attributes:
        sent: whether the daemon may have seen the call.
    """

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.sent = sent


class ClientGone(Exception):
    """The client went away while its call was being answered."""


@dataclass(slots=True)
class Answer:
    """What the daemon answers: a body, or if events follow a `stream`, which must be read to its end or closed."""

    status: int
    kind: str
    body: bytes = b""
    stream: Stream | None = None


class Upstream:
    """The daemon."""

    def __init__(self, url: str, app_key: str) -> None:
        """`url` is its address, `http://HOST:PORT`.

        Raises:
            ValueError: if the address or the key cannot be used.
        """
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname or parts.path not in ("", "/") or parts.query or parts.username:
            raise ValueError("the daemon's address has the form http://HOST:PORT")
        if not app_key or not app_key.isascii() or not app_key.isprintable() or " " in app_key:
            raise ValueError("the daemon's app-key has characters that cannot be sent")
        self._place = (parts.hostname, parts.port or 80)
        self.url = f"http://{parts.hostname}:{parts.port or 80}"
        self._host = f"{parts.hostname}:{parts.port or 80}".encode()
        self._key = b"Bearer " + app_key.encode()
        self._lock = threading.Lock()
        self._idle: list[_Line] = []
        self._closed = False

    def exchange(
        self,
        method: str,
        target: str,
        body: bytes,
        *,
        patience: float,
        follow: bool = False,
        key: bool = True,
        client: socket.socket | None = None,
    ) -> Answer:
        """Send a call, and wait for its answer.

        Args:
            patience: seconds to wait for any part of the answer.
            follow: whether events are wanted.
            key: whether the daemon is told the app-key.
            client: who asked; if it goes away, so does this call.

        Raises:
            Unreachable: if there is no answer, or none that makes sense.
            ClientGone: if the client has gone.
        """
        headers = [
            (b"Host", self._host),
            (b"Accept", _EVENTS if follow else b"application/json"),
            (b"Accept-Encoding", b"identity"),
        ]
        if key:
            headers.append((b"Authorization", self._key))
        if body or method not in ("GET", "HEAD", "DELETE"):
            headers += [(b"Content-Type", b"application/json"), (b"Content-Length", str(len(body)).encode())]
        request = h11.Request(method=method, target=target, headers=headers)
        line, fresh = self._line()
        while True:
            try:
                line.send(request, body)
                head = line.head(patience, client)
                break
            except Unreachable:
                line.close()
                if fresh or method not in ("GET", "HEAD") or line.heard:
                    raise
                # It was closed while nobody used it; a call that only reads can be sent again.
                line, fresh = _Line(self._place), True
            except BaseException:
                line.close()
                raise
        return self._answer(line, head, patience, client)

    def close(self) -> None:
        """Let go of what is not used; what is will be closed by its user."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for line in idle:
            line.close()

    def _answer(self, line: _Line, head: h11.Response, patience: float, client: socket.socket | None) -> Answer:
        kind = next((value for name, value in head.headers if name == b"content-type"), b"")
        try:
            if 300 <= head.status_code < 400:
                raise Unreachable(f"the daemon sends elsewhere (status {head.status_code})", sent=True)
            if any(name == b"content-encoding" and value.lower() != b"identity" for name, value in head.headers):
                raise Unreachable("the daemon's answer is encoded in a way that was not asked for", sent=True)
            if kind.startswith(_EVENTS):
                return Answer(head.status_code, kind.decode("latin-1"), stream=Stream(line, client))
            parts: list[bytes] = []
            size = 0
            for piece in line.pieces(patience, client):
                size += len(piece)
                if size > LONGEST_ANSWER:
                    raise Unreachable(f"the daemon's answer has more than {LONGEST_ANSWER >> 20} MiB", sent=True)
                parts.append(piece)
        except BaseException:
            line.close()
            raise
        self._keep(line)
        return Answer(head.status_code, kind.decode("latin-1"), b"".join(parts))

    def _line(self) -> tuple[_Line, bool]:
        """A connection, and whether it is a new one."""
        now = time.monotonic()
        while True:
            with self._lock:
                line = self._idle.pop() if self._idle else None
            if line is None:
                return _Line(self._place), True
            if now - line.used < _IDLE and line.is_quiet():
                return line, False
            line.close()

    def _keep(self, line: _Line) -> None:
        with self._lock:
            if line.again() and not self._closed and len(self._idle) < _KEPT:
                self._idle.append(line)
                return
        line.close()


class Stream:
    """An answer that is followed, piece by piece as it comes."""

    def __init__(self, line: _Line, client: socket.socket | None) -> None:
        self._line = line
        self._pieces = line.pieces(None, client)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        """Give it up, with its connection."""
        self._line.close()


class _Line:
    """One connection."""

    def __init__(self, place: tuple[str, int]) -> None:
        try:
            self._socket = socket.create_connection(place, _CONNECT)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise Unreachable(
                f"the Golem daemon at {place[0]}:{place[1]} cannot be reached: {reason}", sent=False
            ) from None
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.settimeout(_SENDING)
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD)
        self.used = time.monotonic()
        self.heard = False

    def send(self, request: h11.Request, body: bytes) -> None:
        self.heard = False
        parts = [self._http.send(request)]
        if body:
            parts.append(self._http.send(h11.Data(data=body)))
        parts.append(self._http.send(h11.EndOfMessage()))
        try:
            self._socket.sendall(b"".join(part for part in parts if part))
        except OSError as error:
            raise Unreachable(f"the Golem daemon takes no calls: {error.strerror or error}", sent=True) from None

    def head(self, patience: float, client: socket.socket | None) -> h11.Response:
        event = self._event(patience, client)
        if isinstance(event, h11.InformationalResponse):
            # Nothing was asked for that would be answered in two parts.
            raise Unreachable(f"the daemon's answer makes no sense (status {event.status_code})", sent=True)
        if not isinstance(event, h11.Response):
            raise Unreachable("the daemon's answer makes no sense", sent=True)
        return event

    def pieces(self, patience: float | None, client: socket.socket | None) -> Iterator[bytes]:
        """What is left of the answer, as it comes."""
        while True:
            event = self._event(patience, client)
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return
            else:
                raise Unreachable("the daemon's answer ends early", sent=True)

    def again(self) -> bool:
        """Make ready for the next call, if there can be one."""
        try:
            self._http.start_next_cycle()
        except h11.LocalProtocolError:
            return False
        self.used = time.monotonic()
        # What was not asked for would be taken for the next answer.
        return not self._http.trailing_data[0] and self.is_quiet()

    def is_quiet(self) -> bool:
        """Whether nothing has come that was not asked for, nor the end of the connection."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0)

    def close(self) -> None:
        self._socket.close()

    def _event(self, patience: float | None, client: socket.socket | None) -> object:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                self._wait(patience, client)
                data = self._socket.recv(_PIECE)
                self.heard = self.heard or bool(data)
                if not data and self._http.their_state is h11.SEND_RESPONSE:
                    raise Unreachable("the Golem daemon closed the connection without an answer", sent=True)
                self._http.receive_data(data)
        except h11.RemoteProtocolError as error:
            raise Unreachable(f"the daemon's answer makes no sense: {error}", sent=True) from None
        except OSError as error:
            raise Unreachable(
                f"the connection to the Golem daemon broke: {error.strerror or error}", sent=True
            ) from None
        return event

    def _wait(self, patience: float | None, client: socket.socket | None) -> None:
        """Wait for more, or for the client to go away."""
        deadline = None if patience is None else time.monotonic() + patience
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        if client is not None:
            poll.register(client, select.POLLIN)
        while True:
            left = None if deadline is None else max(deadline - time.monotonic(), 0) * 1000
            ready = {number for number, _ in poll.poll(left)}
            if self._socket.fileno() in ready:
                return
            if not ready:
                raise Unreachable("the Golem daemon does not answer", sent=True)
            assert client is not None
            if not _is_there(client):
                raise ClientGone
            # It has sent its next call already; from now on its going is not noticed, and nothing is lost by that.
            poll.unregister(client)


def _is_there(client: socket.socket) -> bool:
    try:
        return bool(client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except BlockingIOError:
        return True
    except OSError:
        return False
