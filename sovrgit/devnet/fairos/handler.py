"""HTTP: reading requests from a connection, and sending what they are answered."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote, unquote

from sovrgit.devnet.fairos import control
from sovrgit.devnet.fairos.answers import Answer, Content, Refused, failed, plain
from sovrgit.devnet.fairos.body import Body, Reset
from sovrgit.devnet.fairos.call import Call
from sovrgit.devnet.fairos.causes import Cause, Endless, Panic
from sovrgit.devnet.fairos.mishaps import changed
from sovrgit.devnet.fairos.paths import cleaned
from sovrgit.devnet.fairos.publiccalls import PUBLIC
from sovrgit.devnet.fairos.routes import Route, call_name, find
from sovrgit.devnet.fairos.sessions import Unauthorized
from sovrgit.errors import SovrError

if TYPE_CHECKING:
    from sovrgit.devnet.fairos.server import Listener

PATIENCE = 60.0
"""Seconds to wait for a client that says nothing in the middle of a request, or takes nothing of an answer."""

DRAINED = 256 << 10
"""Bytes of an unread body that are read so that the connection can be used again."""

_LINGER = 0.5
"""Seconds in which a client that still sends may read the answer before its connection is reset."""

_RESET = struct.pack("ii", 1, 0)


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
        """Nothing: request lines contain references. `_finish` tells what may be told."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a request that is none."""
        self.close_connection = True
        self._send(plain(f"{code} {HTTPStatus(code).phrase}", code), None)

    def do_GET(self) -> None:
        """Answer any request."""
        started = time.monotonic()
        path, _, query = self._target()
        body = self._body()
        if body is None:
            self.send_error(HTTPStatus.BAD_REQUEST)
            return
        name = call_name(self.command, path)
        sent, status = 0, 0
        try:
            answer, reset = self._answer(name, path, query, body)
            status = answer.status
            sent = self._send(answer, reset)
            if not body.drain(DRAINED):
                self._linger()
        except Reset:
            self._reset()
        except (Panic, Endless) as error:
            self.close_connection = True
            if isinstance(error, Endless):
                self._wait_for_the_client()
        finally:
            self.server.finish(name, status, body.received, sent, time.monotonic() - started)

    # The names are those that the standard library looks for.
    do_POST = do_DELETE = do_PUT = do_PATCH = do_HEAD = do_OPTIONS = do_GET  # noqa: N815

    # --- the request --------------------------------------------------------------------------------------------

    def _target(self) -> tuple[str, str, str]:
        target = self.path
        if "://" in target.partition("?")[0] and not target.startswith("/"):
            target = "/" + target.partition("://")[2].partition("/")[2]
        path, mark, query = target.partition("?")
        return unquote(path, errors="replace"), mark, query

    def _body(self) -> Body | None:
        """The body of the request; None if its headers make no sense."""
        coding = self.headers.get("Transfer-Encoding")
        length = self.headers.get("Content-Length", "0").strip()
        if coding is not None:
            return Body(self.rfile, None) if coding.strip().lower() == "chunked" else None
        if not (length.isascii() and length.isdigit() and len(length) < 19):
            return None
        return Body(self.rfile, int(length))

    def _answer(self, name: str, path: str, query: str, body: Body) -> tuple[Answer, int | None]:
        if path.startswith(control.PATH):
            return control.answer(self.server, self.command, path, self.headers, body), None
        whole = cleaned(path) + ("/" if path.endswith("/") and len(path) > 1 else "")
        if whole != path:
            moved = quote(whole) + (f"?{query}" if query else "")
            return Answer(HTTPStatus.MOVED_PERMANENTLY, b"", None, (("Location", moved),)), None
        route = find(self.command, path)
        if not isinstance(route, Route):
            missing = route == HTTPStatus.NOT_FOUND
            return (plain("404 page not found\n", route) if missing else Answer(route, b"", None)), None
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

    # --- the answer ---------------------------------------------------------------------------------------------

    def _send(self, answer: Answer, reset: int | None) -> int:
        """Send an answer; how many bytes of its body were sent."""
        body = answer.body if isinstance(answer.body, Content) else None
        length = body.size if body else len(_bytes(answer))
        lines = [
            f"HTTP/1.1 {int(answer.status)} {HTTPStatus(answer.status).phrase}",
            f"Date: {formatdate(usegmt=True)}",
            f"Content-Length: {length}",
            *([f"Content-Type: {answer.content_type}"] if answer.content_type is not None else []),
            *(f"{name}: {value}" for name, value in answer.headers),
            *(["Connection: close"] if self.close_connection else []),
        ]
        head = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
        if self.command == "HEAD":
            self.connection.sendall(head)
            return 0
        if body is None and reset is None:
            self.connection.sendall(head + _bytes(answer))
            return length
        sent = self._send_content(head, body or Content(_bytes(answer), length, length), reset)
        if reset is not None:
            self._reset()
        elif sent != length:
            self.close_connection = True
        return sent

    def _send_content(self, head: bytes, body: Content, reset: int | None) -> int:
        there = body.there if reset is None else min(body.there, reset)
        start = body.before[:there]
        after = body.after if reset is None else b""
        if isinstance(body.source, bytes):
            self.connection.sendall(head + start + body.source[len(start) : there] + after)
            return there + len(after)
        with body.source.open("rb") as file:
            self.connection.sendall(head + start)
            left = there - len(start)
            sent = self.connection.sendfile(file, len(start), left) if left else 0
        if after:
            self.connection.sendall(after)
        return len(start) + sent + len(after)

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.connection.close()

    def _linger(self) -> None:
        """Close the connection so that the client, which is still sending, gets to see the answer."""
        self.close_connection = True
        until = time.monotonic() + _LINGER
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(_LINGER)
        with contextlib.suppress(OSError):
            while time.monotonic() < until and self.connection.recv(DRAINED):
                pass

    def _wait_for_the_client(self) -> None:
        self.connection.settimeout(None)
        with contextlib.suppress(OSError):
            while self.connection.recv(DRAINED):
                pass


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


def _bytes(answer: Answer) -> bytes:
    assert isinstance(answer.body, bytes)
    return answer.body
