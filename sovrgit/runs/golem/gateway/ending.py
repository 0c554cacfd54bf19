"""Ending what a run has left open: activities, agreements, demands, networks, allocations, in this order.

Nothing is paid here: what the script did not accept stays unpaid, and the record says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from sovrgit.runs.golem.calls.routes import ACTIVITY, MARKET, NETWORKS, PAYMENT
from sovrgit.runs.golem.calls.seen import Doubtful
from sovrgit.runs.golem.calls.values import amount, flat, id_of, items, mapping, nanoseconds, text
from sovrgit.runs.golem.gateway.book import Book
from sovrgit.runs.golem.gateway.daemon import Daemon

_PAUSE = 0.25
"""Seconds between two attempts, at first; twice as many each time."""

_LONGEST_PAUSE = 5.0
_CALL = 10.0
_MARGIN = 5 * 10**9
"""Nanoseconds by which the clock of the daemon may be behind."""

_TICK, _ANSWERED = 2 * 10**6, 30 * 10**9
"""Nanoseconds: the finest that daemons keep, doubled; and how long a call takes that is answered."""

_REASON = {"message": "the run has ended", "golem.requestor.code": "Cancelled"}


class Ending:
    """The end of one run."""

    def __init__(self, book: Book, daemon: Daemon) -> None:
        self._book = book
        self._daemon = daemon
        self._seen = book.seen
        self._deadline = 0.0

    def settle(self, patience: float) -> tuple[str, ...]:
        """End everything. What could not be ended after `patience` seconds, in words."""
        self._deadline = time.monotonic() + patience
        pause = _PAUSE
        while True:
            left = self._once()
            if not left or time.monotonic() + pause > self._deadline:
                break
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        with self._book.lock:
            agreements = bool(self._seen.agreements)
        if agreements:
            # For the record: what was asked for, and what was paid.
            since = self._since()
            for path in ("debitNotes", "invoices", "payments"):
                self._daemon.ask("GET", f"{PAYMENT}/{path}?afterTimestamp={since}", patience=self._patience())
        return left

    def end_work(self) -> tuple[str, ...]:
        """End activities and agreements only: nothing costs more from now on. What could not be ended."""
        self._deadline = time.monotonic() + _CALL
        return tuple(self._activities()) + tuple(self._agreements())

    def _once(self) -> tuple[str, ...]:
        left = [*self._doubtful(), *self._activities(), *self._agreements(), *self._demands(), *self._networks()]
        # The money last: what cannot be ended may still be billed, and the script may still have it paid.
        return (*left, *self._allocations())

    def _activities(self) -> Iterator[str]:
        with self._book.lock:
            listed = [one for one in self._seen.activities.values() if not one.ended]
        for activity in listed:
            yield from self._end(
                f"activity {activity.id}",
                "DELETE",
                f"{ACTIVITY}/activity/{activity.id}",
                lambda one=activity: one.ended,
            )

    def _agreements(self) -> Iterator[str]:
        with self._book.lock:
            listed = [one for one in self._seen.agreements.values() if not one.final]
        for agreement in listed:
            path = f"{MARKET}/agreements/{agreement.id}"
            what = f"agreement {agreement.id}" + (f" with {agreement.name}" if agreement.name else "")
            verbs = ("cancel", "terminate") if agreement.state == "Proposal" else ("terminate", "cancel")
            for verb in verbs:
                if not agreement.final:
                    self._daemon.ask("POST", f"{path}/{verb}", _REASON, self._patience())
            if not agreement.final:
                # It may have ended by itself, or never have been signed.
                status, answer = self._daemon.ask("GET", path, patience=self._patience())
                if not agreement.final and status not in (404, 410) and agreement.state != "Proposal":
                    yield f"{what}: {_reason(status, answer)}"

    def _demands(self) -> Iterator[str]:
        with self._book.lock:
            listed = [one for one in self._seen.demands.values() if not one.ended]
        for demand in listed:
            yield from self._end(
                f"demand {demand.id}", "DELETE", f"{MARKET}/demands/{demand.id}", lambda one=demand: one.ended
            )

    def _networks(self) -> Iterator[str]:
        with self._book.lock:
            listed = [name for name, removed in self._seen.networks.items() if not removed]
        for name in listed:
            yield from self._end(
                f"network {name}", "DELETE", f"{NETWORKS}/{name}", lambda one=name: self._seen.networks[one]
            )

    def _allocations(self) -> Iterator[str]:
        with self._book.lock:
            listed = [one for one in self._seen.allocations.values() if not one.released]
        for allocation in listed:
            path = f"{PAYMENT}/allocations/{allocation.id}"
            self._daemon.ask("GET", path, patience=self._patience())
            yield from self._end(
                f"allocation {allocation.id} of {allocation.total}", "DELETE", path, lambda one=allocation: one.released
            )

    def _end(self, what: str, method: str, path: str, ended: Callable[..., bool]) -> Iterator[str]:
        status, answer = self._daemon.ask(method, path, patience=self._patience())
        if not ended():
            yield f"{what}: {_reason(status, answer)}"

    # --- calls of which nobody knows what came of them ----------------------------------------------------------

    def _doubtful(self) -> Iterator[str]:
        """Find out whether something was opened by a call that had no answer."""
        with self._book.lock:
            listed = list(self._seen.doubtful.items())
        for number, one in listed:
            reason = self._look(one)
            if reason:
                yield f"{_WORDS[one.name]} that was being made: {reason}"
                continue
            self._book.settled(number)

    def _look(self, one: Doubtful) -> str:
        """Look for what a call may have opened, and end that; why this cannot be done, or nothing."""
        if one.name == "allocation.make":
            return self._search(f"{PAYMENT}/allocations", "allocationId", lambda told: _is_allocation(one, told))
        return self._search(f"{MARKET}/demands", "demandId", lambda told: _is_demand(one, told))

    def _search(self, path: str, name: str, fits: Callable[[Any], bool]) -> str:
        status, answer = self._daemon.ask("GET", path, patience=self._patience())
        if status != 200 or not isinstance(answer, list):
            return _reason(status, answer)
        for told in items(answer):
            found = id_of(mapping(told).get(name))
            if found and fits(mapping(told)):
                status, answer = self._daemon.ask("DELETE", f"{path}/{found}", patience=self._patience())
                if not 200 <= status < 300 and status not in (404, 410):
                    return _reason(status, answer)
        return ""

    def _patience(self) -> float:
        return min(max(self._deadline - time.monotonic(), 1.0), _CALL)

    def _since(self) -> str:
        with self._book.lock:
            first = min((one.at for one in self._seen.demands.values()), default=time.time_ns())
        moment = datetime.fromtimestamp(max(first - 60 * 10**9, 0) / 1e9, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


_WORDS = {
    "allocation.make": "an allocation",
    "demand.make": "a demand",
}


def _is_allocation(one: Doubtful, told: Any) -> bool:
    """Whether an allocation is the one that was asked for. The gateway has chosen its timeout, to the millisecond."""
    request = mapping(one.request)
    asked, given = nanoseconds(request.get("timeout")), nanoseconds(told.get("timeout"))
    return (
        asked is not None
        and given is not None
        and asked // 10**6 == given // 10**6
        and amount(request.get("totalAmount")) == amount(told.get("totalAmount"))
        and request.get("paymentPlatform") == told.get("paymentPlatform")
        and _made(told) >= one.at - _MARGIN
    )


def _is_demand(one: Doubtful, told: Any) -> bool:
    """Whether a demand is the one that was asked for. Others may look the same, but for when they were made.

    One that is missed expires by itself, and binds nobody.
    """
    request = mapping(one.request)
    return (
        text(request.get("constraints")) == told.get("constraints")
        and flat(request.get("properties")) == flat(told.get("properties"))
        and one.at - _TICK <= _made(told) <= one.at + _ANSWERED
    )


def _made(told: Any) -> int:
    return nanoseconds(told.get("timestamp")) or 0


def _reason(status: int, answer: Any) -> str:
    said = text(mapping(answer).get("message"))[:200] or "no reason given"
    return said if status == 502 else f"{said} (status {status})"
