"""HTTP towards the script: reading its requests from a connection, and sending what they are answered.

Requests are read whole and written anew for the daemon, so nothing of how they were framed reaches it.
"""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

import h11

from sovrgit.runs.golem.gateway.upstream import LONGEST_HEAD, ClientGone, Unreachable

if TYPE_CHECKING:
    from sovrgit.runs.golem.gateway.server import Listener

PATIENCE = 300.0
"""Seconds to wait for a client that says nothing between two calls."""

LONGEST_BODY = 1 << 20
LONGEST_SCRIPT = 8 << 20
"""Bytes of the body of a request; commands may be longer than all else. The daemon takes no more either."""

_PIECE = 64 << 10
_LINGER = 1.0
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}


class BadRequest(Exception):
    """A request that is not understood: status and reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Request:
    """A request, read whole.

    `key` is what it was authorised with, `follows` says whether events are wanted as they happen.
    """

    method: str
    path: str
    query: str
    body: bytes
    key: str
    follows: bool


class Stream(Protocol):
    """Pieces of an answer as they come."""

    def __iter__(self) -> Iterator[bytes]:
        """The pieces."""
        ...

    def close(self) -> None:
        """No more of them."""


@dataclass(slots=True)
class Reply:
    """What is sent back: a body, or a stream of events that must be closed."""

    status: int
    kind: str = "application/json"
    body: bytes = b""
    stream: Stream | None = None

    @classmethod
    def says(cls, status: int, message: str) -> Reply:
        """An error, in the form that the daemon gives to its own."""
        return cls(status, body=json.dumps({"message": message}).encode())


class Handler(socketserver.BaseRequestHandler):
    """One connection."""

    server: Listener
    request: socket.socket

    def handle(self) -> None:
        """Answer requests until one side is done."""
        self.request.settimeout(PATIENCE)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=LONGEST_HEAD)
        with contextlib.suppress(OSError, ClientGone):
            while self._one():
                self._http.start_next_cycle()
            self._linger()

    def _one(self) -> bool:
        """Answer a request; whether there can be another one."""
        head: h11.Request | None = None
        try:
            event = self._event()
            if not isinstance(event, h11.Request):
                return False
            head = event
            request = self._read(head)
        except BadRequest as bad:
            return self._send(Reply.says(bad.status, bad.reason), head, last=True)
        except h11.RemoteProtocolError as error:
            return self._send(Reply.says(error.error_status_hint, "this is not a request"), head, last=True)
        return self._send(self.server.answer(request, self.request), head)

    def _linger(self) -> None:
        """Take what is still on its way: closing before that would take back the answer, too."""
        self.request.shutdown(socket.SHUT_WR)
        self.request.settimeout(_LINGER)
        left = LONGEST_SCRIPT
        while left > 0 and (piece := self.request.recv(_PIECE)):
            left -= len(piece)

    def _event(self) -> Any:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._http.they_are_waiting_for_100_continue:
                self.request.sendall(self._http.send(h11.InformationalResponse(status_code=100, headers=[])))
            self._http.receive_data(self.request.recv(_PIECE))
        return event

    def _read(self, head: h11.Request) -> Request:
        method, target = head.method.decode("ascii"), head.target.decode("ascii")
        names = [name for name, _ in head.headers]
        if head.http_version not in (b"1.0", b"1.1"):
            raise BadRequest(505, "the gateway speaks HTTP/1.1")
        if method not in _METHODS:
            raise BadRequest(501, "the gateway does not know this method")
        if b"transfer-encoding" in names and (b"content-length" in names or head.http_version != b"1.1"):
            raise BadRequest(400, "the request has two lengths")
        if b"upgrade" in names:
            raise BadRequest(501, "the gateway carries no web sockets")
        if not target.startswith("/") or "#" in target:
            raise BadRequest(400, "the request's target is not a path")
        path, _, query = target.partition("?")
        limit = LONGEST_SCRIPT if path.endswith("/exec") else LONGEST_BODY
        headers = dict(head.headers)
        if int(headers.get(b"content-length", b"0")) > limit:
            raise BadRequest(413, f"a body of this call has no more than {limit} bytes")
        parts: list[bytes] = []
        size = 0
        while not isinstance(event := self._event(), h11.EndOfMessage):
            size += len(event.data)
            if size > limit:
                raise BadRequest(413, f"a body of this call has no more than {limit} bytes")
            parts.append(bytes(event.data))
        keys = [value for name, value in head.headers if name == b"authorization"]
        scheme, _, key = (keys[0] if len(keys) == 1 else b"").decode("latin-1").partition(" ")
        return Request(
            method,
            path,
            query,
            b"".join(parts),
            key.strip() if scheme.lower() == "bearer" else "",
            "text/event-stream" in headers.get(b"accept", b"").decode("latin-1").lower(),
        )

    def _send(self, reply: Reply, head: h11.Request | None, *, last: bool = False) -> bool:
        """Send an answer; whether there can be another request."""
        if self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return False
        headers = [(b"Content-Type", reply.kind.encode("latin-1"))] if reply.body or reply.stream else []
        if reply.stream is not None:
            headers.append((b"Cache-Control", b"no-cache"))
        elif reply.status not in (204, 304) and reply.status >= 200:
            headers.append((b"Content-Length", str(len(reply.body)).encode()))
        if last:
            headers.append((b"Connection", b"close"))
        response = h11.Response(status_code=reply.status, headers=headers, reason=_REASONS.get(reply.status, b""))
        parts = [self._http.send(response)]
        whole = head is None or head.method != b"HEAD"
        if reply.stream is not None:
            try:
                self.request.sendall(parts.pop() or b"")
                for piece in reply.stream:
                    self.request.sendall(self._http.send(h11.Data(data=piece)) or b"")
            except Unreachable:
                # Its end cannot be told in another way than by ending it.
                return False
            finally:
                reply.stream.close()
        elif reply.body and whole:
            parts.append(self._http.send(h11.Data(data=reply.body)))
        parts.append(self._http.send(h11.EndOfMessage()))
        self.request.sendall(b"".join(part for part in parts if part))
        return self._is_done()

    def _is_done(self) -> bool:
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
