"""HTTP: reading requests from a connection, and sending what they are answered."""

from __future__ import annotations

import contextlib
import hmac
import json
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import parse_qsl, unquote

from sovrgit.devnet.body import BadBody, Body
from sovrgit.devnet.golem.call import Answer, Call
from sovrgit.devnet.golem.routes import Route, find
from sovrgit.devnet.golem.world import Refused

if TYPE_CHECKING:
    from sovrgit.devnet.golem.server import Listener

PATIENCE = 120.0
"""Seconds to wait for a client that says nothing, or takes nothing of an answer."""

LONGEST_BODY = 256 << 10
LONGEST_SCRIPT = 8 << 20
"""Bytes of the body of a request; commands may be longer than all else."""

_JSON = "application/json"
_EVENTS = "text/event-stream"
_UNKNOWN = "(unknown)"


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Listener
    protocol_version = "HTTP/1.1"
    timeout: ClassVar[float] = PATIENCE
    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Answer requests until one side is done."""
        with contextlib.suppress(ConnectionError, TimeoutError):
            super().handle()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: what may be told of a call, the server tells."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what is no request."""
        self.close_connection = True
        # What has no version is answered like everything else.
        self.request_version = self.protocol_version
        self._send(Answer({"message": HTTPStatus(code).phrase}, code))

    def do_GET(self) -> None:
        """Answer any request."""
        started = time.monotonic()
        path, _, query = self.path.partition("?")
        path = unquote(path, errors="replace")
        found = find(self.command, path)
        name = found[0].name if not isinstance(found, int) else f"{self.command} {_UNKNOWN}"
        body = Body.announced(self.rfile, self.headers)
        try:
            if body is None:
                raise BadBody
            given = body.whole(LONGEST_SCRIPT if path.endswith("/exec") else LONGEST_BODY)
        except BadBody:
            self.send_error(HTTPStatus.BAD_REQUEST)
            self.server.tell(name, HTTPStatus.BAD_REQUEST, time.monotonic() - started)
            return
        answer = self._answer(found, query, given)
        self.server.tell(name, answer.status, time.monotonic() - started)
        if answer.stream is not None:
            self._follow(answer)
        else:
            self._send(answer)

    # The names are those that the standard library looks for.
    do_POST = do_DELETE = do_PUT = do_PATCH = do_HEAD = do_OPTIONS = do_GET  # noqa: N815

    def _answer(self, found: tuple[Route, tuple[str, ...]] | int, query: str, body: bytes) -> Answer:
        """What a call is answered, whatever happens."""
        try:
            if isinstance(found, int):
                raise Refused(found, HTTPStatus(found).phrase)
            route, names = found
            if route.key and not self._knows_the_key():
                raise Refused(HTTPStatus.UNAUTHORIZED, "Invalid application key")
            call = Call(
                network=self.server.network,
                names=names,
                query=dict(parse_qsl(query, keep_blank_values=True)),
                body=body,
                follows=_EVENTS in self.headers.get("Accept", ""),
                url=self.server.url,
            )
            with self.server.network.world.changed:
                return route.answer(call)
        except Refused as refused:
            return Answer({"message": refused.message}, refused.status)

    def _knows_the_key(self) -> bool:
        scheme, _, key = self.headers.get("Authorization", "").partition(" ")
        known = self.server.network.home.identity.app_key
        return scheme.lower() == "bearer" and hmac.compare_digest(key.strip().encode(), known.encode())

    def _send(self, answer: Answer) -> None:
        body = b"" if answer.empty else json.dumps(answer.document).encode()
        self.send_response_only(answer.status)
        if not answer.empty:
            self.send_header("Content-Type", _JSON)
        if answer.status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _follow(self, answer: Answer) -> None:
        """Send what happens as it happens. The end of the connection is the end of it."""
        assert answer.stream is not None
        self.close_connection = True
        self.send_response_only(HTTPStatus.OK)
        self.send_header("Content-Type", _EVENTS)
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Connection", "close")
        self.end_headers()
        for text in answer.stream():
            self.wfile.write(text.encode())
