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
from sovrgit.devnet.golem.routes import MARKET, Route, find
from sovrgit.devnet.golem.world import TEXT, Malformed, Refused

if TYPE_CHECKING:
    from sovrgit.devnet.golem.server import Listener

PATIENCE = 120.0
"""Seconds to wait for a client that says nothing, or takes nothing of an answer."""

LONGEST_BODY = 256 << 10
LONGEST_SCRIPT = 8 << 20
"""Bytes of the body of a request; commands may be longer than all else."""

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
        name = found[0].name if found is not None else f"{self.command} {_UNKNOWN}"
        body = Body.announced(self.rfile, self.headers)
        try:
            if body is None:
                raise BadBody
            given = body.whole(LONGEST_SCRIPT if path.endswith("/exec") else LONGEST_BODY)
        except BadBody:
            self.send_error(HTTPStatus.BAD_REQUEST)
            self.server.tell(name, HTTPStatus.BAD_REQUEST, time.monotonic() - started)
            return
        answer = self._answer(path, found, query, given)
        self.server.tell(name, answer.status, time.monotonic() - started)
        if answer.stream is not None:
            self._follow(answer)
        else:
            self._send(answer)

    # The names are those that the standard library looks for.
    do_POST = do_DELETE = do_PUT = do_PATCH = do_HEAD = do_OPTIONS = do_GET  # noqa: N815

    def _answer(self, path: str, found: tuple[Route, tuple[str, ...]] | None, query: str, body: bytes) -> Answer:
        """What a call is answered, whatever happens."""
        try:
            if found is None or found[0].key:
                self._check_the_key()
            if found is None:
                return Answer(status=HTTPStatus.NOT_FOUND, empty=True)
            route, names = found
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
            plain = isinstance(refused, Malformed) and not path.startswith(MARKET)
            return Answer(
                refused.message if plain else refused.document, refused.status, kind=TEXT if plain else refused.kind
            )

    def _check_the_key(self) -> None:
        scheme, _, key = self.headers.get("Authorization", "").partition(" ")
        known = self.server.network.home.identity.app_key
        if scheme.lower() != "bearer":
            raise Refused(HTTPStatus.UNAUTHORIZED, "Missing application key", TEXT)
        if not hmac.compare_digest(key.strip().encode(), known.encode()):
            raise Refused(HTTPStatus.UNAUTHORIZED, "Invalid application key", TEXT)

    def _send(self, answer: Answer) -> None:
        body = b"" if answer.empty else _encoded(answer)
        self.send_response_only(answer.status)
        if not answer.empty:
            self.send_header("Content-Type", answer.kind)
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


def _encoded(answer: Answer) -> bytes:
    return (str(answer.document) if answer.kind == TEXT else json.dumps(answer.document)).encode()
