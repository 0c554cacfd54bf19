"""HTTP: reading requests from a connection, and finding out what they are answered."""

from __future__ import annotations

import contextlib
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote, unquote

from sovrgit.devnet.body import Body, Reset
from sovrgit.devnet.fairos import control
from sovrgit.devnet.fairos.answers import Answer, Refused, failed, plain
from sovrgit.devnet.fairos.call import Call
from sovrgit.devnet.fairos.causes import Cause, Endless, Panic
from sovrgit.devnet.fairos.mishaps import changed
from sovrgit.devnet.fairos.paths import cleaned
from sovrgit.devnet.fairos.publiccalls import PUBLIC
from sovrgit.devnet.fairos.routes import Route, call_name, find
from sovrgit.devnet.fairos.sending import linger, reset, send, wait_for_the_end, will_send
from sovrgit.devnet.fairos.sessions import Unauthorized
from sovrgit.errors import SovrError

if TYPE_CHECKING:
    from sovrgit.devnet.fairos.server import Listener

PATIENCE = 60.0
"""Seconds to wait for a client that says nothing in the middle of a request, or takes nothing of an answer."""

DRAINED = 256 << 10
"""Bytes of an unread body that are read so that the connection can be used again."""


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
        """Say nothing: request lines contain references. What may be told of a call, the server tells."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what is no request."""
        self.close_connection = True
        send(self.connection, plain(f"{code} {HTTPStatus(code).phrase}", code), closing=True)

    def do_GET(self) -> None:
        """Answer any request."""
        started = time.monotonic()
        path, query = self._target()
        body = Body.announced(self.rfile, self.headers)
        if body is None:
            self.send_error(HTTPStatus.BAD_REQUEST)
            return
        name = call_name(self.command, path)
        try:
            answer = self._answer(name, path, query, body)
        except (Reset, Panic, Endless) as error:
            self.server.finish(name, 0, body.received, 0, time.monotonic() - started)
            self._break_off(error)
            return
        # Before the client can know: whoever has an answer finds it counted.
        self.server.finish(name, answer.status, body.received, will_send(answer), time.monotonic() - started)
        self._reply(answer, body)

    # The names are those that the standard library looks for.
    do_POST = do_DELETE = do_PUT = do_PATCH = do_HEAD = do_OPTIONS = do_GET  # noqa: N815

    def _reply(self, answer: Answer, body: Body) -> None:
        with_body, pause = self.command != "HEAD", self.server.pause
        try:
            is_whole = send(self.connection, answer, with_body=with_body, closing=self.close_connection, pause=pause)
        except Panic:
            is_whole = False
        if not is_whole:
            self.close_connection = True
            return
        try:
            drained = body.drain(DRAINED)
        except Reset as error:
            self._break_off(error)
            return
        if not drained:
            self.close_connection = True
            linger(self.connection)

    def _break_off(self, error: Exception) -> None:
        self.close_connection = True
        if isinstance(error, Reset):
            reset(self.connection)
        elif isinstance(error, Endless):
            wait_for_the_end(self.connection)

    # --- the request --------------------------------------------------------------------------------------------

    def _target(self) -> tuple[str, str]:
        """The path and the query of the request."""
        target, _, query = self.path.partition("?")
        if not target.startswith("/"):
            target = "/" + target.partition("://")[2].partition("/")[2]
        return unquote(target, errors="replace"), query

    def _answer(self, name: str, path: str, query: str, body: Body) -> Answer:
        if path.startswith(control.PATH):
            return control.answer(self.server, self.command, path, self.headers, body)
        whole = cleaned(path) + ("/" if path.endswith("/") and len(path) > 1 else "")
        if whole != path:
            moved = quote(whole) + (f"?{query}" if query else "")
            return Answer(HTTPStatus.MOVED_PERMANENTLY, b"", None, (("Location", moved),))
        route = find(self.command, path)
        if not isinstance(route, Route):
            missing = route == HTTPStatus.NOT_FOUND
            return plain("404 page not found\n", route) if missing else Answer(route, b"", None)
        call = Call(
            name=name,
            network=self.server.network,
            sessions=self.server.sessions,
            all_faults=self.server.faults,
            query_text=query,
            headers=self.headers,
            body=body,
            prefix=route.prefix,
            missing=route.not_found(),
            pause=self.server.pause,
            rest=path.removeprefix(PUBLIC),
        )
        self.server.pause(self.server.latency)
        return changed(_answered(call, route), call.faults)


def _answered(call: Call, route: Route) -> Answer:
    """What a call is answered, whatever happens."""
    try:
        call.arrives()
        if route.login:
            call.sessions.admit(call.headers.get("Authorization", ""), call.headers.get("Cookie", ""))
        return route.answer(call)
    except Unauthorized as error:
        return failed(HTTPStatus.UNAUTHORIZED, str(error))
    except Refused as error:
        return error.answer()
    except Cause as cause:
        return failed(HTTPStatus.INTERNAL_SERVER_ERROR, f"{call.prefix}: {cause.message}")
    except (SovrError, OSError) as error:
        # The disk is full, or the folder has been damaged.
        reason = error.message if isinstance(error, SovrError) else (error.strerror or "the folder cannot be used")
        return failed(HTTPStatus.INTERNAL_SERVER_ERROR, f"{call.prefix}: {reason}")
