"""What all parts of the simulated network share: the lock, the clock, waiting, and doing something later."""

from __future__ import annotations

import heapq
import itertools
import secrets
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")


JSON, TEXT, PROBLEM = "application/json", "text/plain", "application/problem+json"


class Refused(Exception):
    """A call that is answered with an error.

    Attributes:
        message: what is wrong, for people; the daemon does not always say.
        kind: the content type of the answer.
    """

    def __init__(self, status: int, message: str | None, kind: str = JSON) -> None:
        self.status = status
        self.message = message
        self.kind = kind
        super().__init__(status, message)

    @property
    def document(self) -> Any:
        """What the client is sent."""
        return self.message if self.kind == TEXT else {"message": self.message}


class Malformed(Refused):
    """A body that is not what it must be. The market says so in JSON, the other parts in plain text."""

    def __init__(self, what: str) -> None:
        super().__init__(400, f"Json deserialize error: {what}")


class Problem(Refused):
    """An allocation that is refused: what is wrong comes together with what was asked."""

    def __init__(self, kind: str, detail: str, **more: Any) -> None:
        super().__init__(400, detail, PROBLEM)
        self._told = {"type": f"/payment-api/v1/allocations/{kind}", "detail": detail, **more}

    @property
    def document(self) -> Any:
        """What the client is sent."""
        return self._told


class World:
    """The one lock, which is also the bell that is rung after every change.

    Attributes:
        changed: held while anything is looked at or changed; notified after changes.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives seconds since 1970."""
        self.changed = threading.Condition(threading.RLock())
        self._clock = clock
        self._last = 0.0
        self._closed = False
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._thread = threading.Thread(target=self._do_later, name="golem stand-in: later", daemon=True)
        self._thread.start()

    @property
    def closed(self) -> bool:
        """Whether everything ends."""
        return self._closed

    def now(self) -> datetime:
        """The time, later than any that was given before: events are told apart by it."""
        with self.changed:
            self._last = max(self._clock(), self._last + 1e-5)
            return datetime.fromtimestamp(self._last, UTC)

    def ring(self) -> None:
        """Let everybody who waits look again."""
        with self.changed:
            self.changed.notify_all()

    def wait(self, ready: Callable[[], T], seconds: float) -> T:
        """Wait until `ready` gives something true; what it gave last, which may be nothing."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while not (found := ready()) and not self._closed:
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self.changed.wait(left)
            return found

    def pause(self, seconds: float, ended: Callable[[], bool]) -> None:
        """Wait, but no longer than until something has ended."""
        self.wait(ended, seconds)

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something after a time, with the lock held."""
        with self.changed:
            heapq.heappush(self._later, (time.monotonic() + seconds, next(self._numbers), action))
            self.changed.notify_all()

    def close(self) -> None:
        """End all waiting."""
        with self.changed:
            self._closed = True
            self._later.clear()
            self.changed.notify_all()
        self._thread.join()

    def _do_later(self) -> None:
        with self.changed:
            while not self._closed:
                left = self._later[0][0] - time.monotonic() if self._later else None
                if left is None or left > 0:
                    self.changed.wait(left)
                    continue
                heapq.heappop(self._later)[2]()
                self.changed.notify_all()


class Mortal(Protocol):
    """Something that has an end."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        ...


M = TypeVar("M", bound=Mortal)


class Shelf(Generic[M]):
    """Things by their ids, no more than a number of them: the oldest that has ended makes room for a new one."""

    def __init__(self, what: str, most: int, missing: Callable[[str], Refused]) -> None:
        """`missing` says what a call is answered that is about nothing in here."""
        self._what = what
        self._most = most
        self._missing = missing
        self._things: dict[str, M] = {}

    def put(self, name: str, thing: M) -> M | None:
        """Keep something; what made room for it, if it needed room.

        Raises:
            Refused: if there is no room.
        """
        removed: M | None = None
        if len(self._things) >= self._most:
            oldest = next((key for key, kept in self._things.items() if kept.ended), None)
            if oldest is None:
                raise Refused(503, f"there are {self._most} of a kind already: {self._what}")
            removed = self._things.pop(oldest)
        self._things[name] = thing
        return removed

    def find(self, name: str) -> M | None:
        """What has an id, if something has."""
        return self._things.get(name)

    def get(self, name: str) -> M:
        """What has an id.

        Raises:
            Refused: if nothing has.
        """
        found = self.find(name)
        if found is None:
            raise self._missing(name[:144])
        return found

    def all(self) -> list[M]:
        """Everything, the oldest first."""
        return list(self._things.values())


def new_id() -> str:
    """An id that nothing else has, as activities and batches have one."""
    return uuid.uuid4().hex


def new_uuid() -> str:
    """An id that nothing else has, as allocations, bills and payments have one."""
    return str(uuid.uuid4())


def new_hash() -> str:
    """An id that nothing else has, as agreements have one."""
    return secrets.token_hex(32)


def stamp(moment: datetime) -> str:
    """A time as the daemon writes it: with no, three or six digits after the point."""
    spec = "seconds" if not moment.microsecond else "microseconds" if moment.microsecond % 1000 else "milliseconds"
    return moment.astimezone(UTC).isoformat(timespec=spec).replace("+00:00", "Z")


def moment_of(text: Any) -> datetime:
    """The time that a client wrote.

    Raises:
        Malformed: if it is none.
    """
    try:
        # A plus sign that was not escaped in a query arrives as a space.
        moment = datetime.fromisoformat(str(text).strip().replace(" ", "+"))
    except ValueError:
        raise Malformed(f"not a time: {str(text)[:64]}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
