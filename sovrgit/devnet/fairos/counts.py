"""How often each call was made, and how many bytes went each way: for tests that count and for measurements."""

from __future__ import annotations

import threading
from typing import NamedTuple


class Count(NamedTuple):
    """Calls of one kind. Bytes are those of bodies, as they went over the wire."""

    calls: int = 0
    received: int = 0
    sent: int = 0


class Counts:
    """The counts of all calls since the start, or since they were cleared."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, Count] = {}

    def add(self, call: str, received: int, sent: int) -> None:
        """Count a call, `METHOD /path`, that has been answered."""
        with self._lock:
            old = self._counts.get(call, Count())
            self._counts[call] = Count(old.calls + 1, old.received + received, old.sent + sent)

    def clear(self) -> None:
        """Begin at nought."""
        with self._lock:
            self._counts.clear()

    def all(self) -> dict[str, Count]:
        """The counts by call: `POST /v1/file/upload`."""
        with self._lock:
            return dict(self._counts)

    def total(self) -> Count:
        """All calls together."""
        counts = self.all().values()
        return Count(*(sum(part) for part in zip(*counts, strict=True))) if counts else Count()
