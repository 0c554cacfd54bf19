"""Calls that the gateway makes for itself: to know what it must know, and to end what was left open."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

from sovrgit.runs.golem.calls.routes import find
from sovrgit.runs.golem.gateway.book import GATEWAY, Book, parsed
from sovrgit.runs.golem.gateway.upstream import Unreachable, Upstream

PATIENCE = 20.0
"""Seconds to wait for an answer."""


class Daemon:
    """The daemon, as the gateway itself talks to it. Every call is in the book."""

    def __init__(self, upstream: Upstream, book: Book, first: int = 1) -> None:
        """`first` is the number of the first call."""
        self._upstream = upstream
        self._book = book
        self._numbers = itertools.count(first)

    def number(self) -> int:
        """The number of the next call."""
        return next(self._numbers)

    def ask(self, method: str, target: str, document: Any = None, patience: float = PATIENCE) -> tuple[int, Any]:
        """Make a call: its status and answer. If there is no answer, the status is 502 and the answer says why."""
        number, began = self.number(), time.monotonic_ns()
        path = target.partition("?")[0]
        body = b"" if document is None else json.dumps(document).encode()
        try:
            answer = self._upstream.exchange(method, target, body, patience=patience)
            status, said = answer.status, parsed(answer.body)
            if answer.stream is not None:
                answer.stream.close()
                status, said = 502, {"message": "the daemon answers with events that nobody has asked for"}
        except Unreachable as error:
            status, said = 502, {"message": str(error)}
        self._book.answered(number, began, method, target, find(method, path), status, document, said, by=GATEWAY)
        return status, said
