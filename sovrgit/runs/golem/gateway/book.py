"""Keeping the book: every call becomes a line of the log and a part of the story, and what is new is told."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from sovrgit.runs.golem.calls.batches import commands_of
from sovrgit.runs.golem.calls.record import CallLog, Masks, encode
from sovrgit.runs.golem.calls.routes import Found
from sovrgit.runs.golem.calls.seen import Seen
from sovrgit.runs.golem.calls.story import take
from sovrgit.runs.golem.observed import Observed

GATEWAY = "gateway"
"""Who makes the calls that no script has made."""

_MILLION = 10**6


class Book:
    """The log and the story of one gateway. Safe for threads.

    Attributes:
        lock: held while the story is looked at or added to.
        seen: the story so far.
        failure: why lines could not be written; None as long as they could.
        trouble: what `tell` has raised; nothing more is told after that.
    """

    def __init__(self, log: CallLog, masks: Masks, tell: Callable[[Observed], None], seen: Seen | None = None) -> None:
        """`tell` is called by whichever thread has something to tell, but by one at a time, and in order."""
        self.lock = threading.RLock()
        self.seen = Seen() if seen is None else seen
        self._log = log
        self._masks = masks
        self._tell = tell
        self._news: deque[Observed] = deque()
        self._telling = threading.RLock()
        self.failure: OSError | None = None
        self.trouble: Exception | None = None

    def first(self, line: Mapping[str, Any]) -> None:
        """Write what the log begins with.

        Raises:
            OSError: if it cannot be written.
        """
        self._write({"golem-calls": 1, "at": time.time_ns(), **line})
        self._check()

    def begun(self, number: int, method: str, path: str, request: Any) -> None:
        """Write that something is about to be opened: if this process is killed, it is looked for.

        Raises:
            OSError: if it cannot be written, or something before it could not. Then it must not be opened.
        """
        line = {"call": number, "at": time.time_ns(), "method": method, "path": self._masks.text(path)}
        self._write(line | {"request": self._masks.value(request)})
        self._check()

    def settled(self, number: int) -> None:
        """Write that nothing is left of a call whose answer was lost."""
        self._write({"call": number, "at": time.time_ns(), "settled": True})

    def event(self, number: int, path: str, event: Any) -> None:
        """Write something that was followed."""
        line = {"call": number, "at": time.time_ns(), "path": self._masks.text(path)}
        self._write(line | {"event": None if self._log.is_full else self._masks.value(event)})

    def answered(
        self,
        number: int,
        began: int,
        method: str,
        target: str,
        found: Found | None,
        status: int,
        request: Any,
        answer: Any,
        *,
        by: str = "",
        refused: bool = False,
        then: Callable[[], None] = lambda: None,
    ) -> None:
        """Write a call that was answered.

        Args:
            began: monotonic nanoseconds.
            then: done together with it, before anybody else looks.
        """
        if found is not None and found.name == "activity.exec" and isinstance(request, dict):
            # As commands, so that long words are cut and not the JSON.
            request = {**request, "text": commands_of(request)}
        full = self._log.is_full and (found is None or not (found.route.opens or found.name.endswith(".end")))
        now = time.monotonic_ns()
        line = {
            "call": number,
            "at": time.time_ns(),
            "ms": round((now - began) / _MILLION, 3),
            "method": method,
            "path": self._masks.text(target),
            "status": status,
            **({} if full or request is None else {"request": self._masks.value(request)}),
            **({} if full or answer is None else {"answer": self._masks.value(answer)}),
            **({"by": by} if by else {}),
            **({"refused": True} if refused else {}),
        }
        self._write(line, then)

    def say(self, news: Observed) -> None:
        """Tell something that no call has brought."""
        with self.lock:
            self._news.append(news)
        self._tell_all()

    def sync(self) -> None:
        """Have the disk keep the log."""
        self._log.sync()

    def _write(self, line: Mapping[str, Any], then: Callable[[], None] = lambda: None) -> None:
        data = encode(line)
        with self.lock:
            try:
                self._log.write(data)
            except OSError as error:
                # What has happened has happened, even if there is no more room to write it down.
                self.failure = self.failure or error
                self.seen.dropped += 1
            self._news += take(self.seen, line)
            then()
        self._tell_all()

    def _check(self) -> None:
        if self.failure is not None:
            raise self.failure

    def _tell_all(self) -> None:
        with self._telling:
            while self._news and self.trouble is None:
                try:
                    self._tell(self._news.popleft())
                except Exception as error:  # noqa: BLE001 - whoever closes the gateway gets it; the calls go on
                    self.trouble = error


def parsed(body: bytes) -> Any:
    """What a body says, for the log: JSON, or text, or how long it is. None if there is none.

    Numbers that JSON has no word for make it text.
    """
    if not body:
        return None
    try:
        return strict(body)
    except (ValueError, RecursionError):
        pass
    try:
        return body.decode()
    except UnicodeDecodeError:
        return {"bytes": len(body)}


def strict(body: bytes) -> Any:
    """JSON, and nothing that only looks like it.

    Raises:
        ValueError: if it is none.
        RecursionError: if it is nested too deeply.
    """
    return json.loads(body, parse_constant=_refuse)


def _refuse(name: str) -> Any:
    raise ValueError(name)
