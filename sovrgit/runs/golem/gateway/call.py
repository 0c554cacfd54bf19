"""One call of the script, from its request to the line in the log."""

from __future__ import annotations

import hmac
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

from sovrgit.runs.golem.calls import routes
from sovrgit.runs.golem.calls.routes import Found
from sovrgit.runs.golem.calls.values import id_of, mapping
from sovrgit.runs.golem.gateway.book import Book, parsed, strict
from sovrgit.runs.golem.gateway.events import EventReader
from sovrgit.runs.golem.gateway.front import Reply, Request
from sovrgit.runs.golem.gateway.rules import Refused, Rules
from sovrgit.runs.golem.gateway.upstream import Answer, ClientGone, Stream, Unreachable, Upstream

PATIENCE = 180.0
"""Seconds to wait for an answer of the daemon: longer than any long poll that SDKs ask for."""


class Call:
    """One call.

    Attributes:
        found: which one it is, if it is known.
    """

    def __init__(self, book: Book, rules: Rules, upstream: Upstream, key: str, request: Request, number: int) -> None:
        """`key` is what the client must know."""
        self._book = book
        self._rules = rules
        self._upstream = upstream
        self._key = key
        self._request = request
        self._number = number
        self._began = time.monotonic_ns()
        self._target = request.path + (f"?{request.query}" if request.query else "")
        self._clean = routes.is_clean(request.path, request.query)
        self.found: Found | None = routes.find(request.method, request.path) if self._clean else None
        self._document: Any = None

    def answer(self, client: socket.socket | None) -> Reply:
        """The answer to the client.

        Args:
            client: its connection, if the call is to be given up when it goes away.

        Raises:
            ClientGone: if it has gone.
        """
        try:
            body = self._checked()
        except Refused as refused:
            return self._refuse(refused.status, refused.reason)
        except OSError as error:
            return self._refuse(507, f"the call log cannot be written: {(error.strerror or str(error)).lower()}")
        try:
            found = self._upstream.exchange(
                self._request.method,
                self._target,
                body,
                patience=PATIENCE,
                follow=self._request.follows,
                key=not self._is_open(),
                client=client,
            )
        except Unreachable as error:
            self.done(502, {"message": str(error)}, refused=not error.sent)
            return Reply.says(502, str(error))
        except ClientGone:
            self.done(499, {"message": "the client has gone"})
            raise
        return self._reply(found)

    def _is_open(self) -> bool:
        return self.found is not None and self.found.name == "version"

    def _checked(self) -> bytes:
        """The body to send, if the call may be made at all."""
        request = self._request
        if not self._clean:
            raise Refused("this path is not passed on: it is written in an unusual way", 400)
        known = hmac.compare_digest(request.key.encode(), self._key.encode())
        if not known and not self._is_open():
            raise Refused("Invalid application key: the gateway has one of its own, see YAGNA_APPKEY", 401)
        if self.found is None:
            objection = routes.objection(request.method, request.path)
            if objection:
                raise Refused(f"{request.method} {request.path} is not let through: {objection}")
            self._document = parsed(request.body)
            return request.body
        if request.body:
            try:
                self._document = strict(request.body)
                sent = json.dumps(self._document).encode()
            except (ValueError, RecursionError):
                self._document = None
                raise Refused("the body is not JSON", 400) from None
        document = self._rules.check(self._number, self.found, self._document)
        if self.found.route.opens:
            self._book.begun(self._number, request.method, self._target, document)
        if document is self._document:
            return sent if request.body else b""
        self._document = document
        return json.dumps(document).encode()

    def _refuse(self, status: int, reason: str) -> Reply:
        self.done(status, {"message": reason}, refused=True)
        return Reply.says(status, reason)

    def _reply(self, answer: Answer) -> Reply:
        if answer.stream is not None:
            if not self._request.follows:
                answer.stream.close()
                self.done(502, {"message": "events that nobody has asked for"})
                return Reply.says(502, "the daemon answers with events that nobody has asked for")
            return Reply(answer.status, answer.kind, stream=_Followed(self, answer.status, answer.stream))
        said = parsed(answer.body)
        if (
            self.found is not None
            and self.found.route.opens
            and 200 <= answer.status < 300
            and not self._makes_sense(said)
        ):
            self.done(502, said)
            return Reply.says(502, "the daemon's answer makes no sense: there is no id in it")
        self.done(answer.status, said)
        return Reply(answer.status, answer.kind or "application/json", answer.body)

    def _makes_sense(self, said: Any) -> bool:
        """Whether there is an id in the answer to a call that opens something: what has none could not be ended."""
        assert self.found is not None
        if self.found.name == "agreement.confirm":
            return True
        told = mapping(said)
        return any(id_of(one) for one in (said, told.get("allocationId"), told.get("activityId"), told.get("id")))

    def happened(self, event: Any) -> None:
        """Write down an event that was followed."""
        self._book.event(self._number, self._target, event)

    def done(self, status: int, said: Any, *, refused: bool = False) -> None:
        """Write down the answer."""
        self._book.answered(
            self._number,
            self._began,
            self._request.method,
            self._target,
            self.found,
            status,
            self._document,
            said,
            refused=refused,
            then=lambda: self._rules.settled(self._number, known=refused or status < 500),
        )


class _Followed:
    """The events of an answer as they come, each of which is written down; and at the end the call."""

    def __init__(self, call: Call, status: int, stream: Stream) -> None:
        self._call = call
        self._status = status
        self._stream = stream
        self._reader = EventReader()
        self._count = 0
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            piece = next(self._stream)
        except Unreachable:
            self._status = 502
            raise
        for event in self._reader.feed(piece):
            self._call.happened(event)
            self._count += 1
        return piece

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._stream.close()
            self._call.done(self._status, {"events": self._count})
