"""Server-sent events: what is in a stream of them (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sovrgit.runs.golem.gateway.book import parsed

_LONGEST = 4 << 20
"""Bytes of an event of which is kept what it says."""


class EventReader:
    """Takes a stream piece by piece, and gives the data of its events."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> Iterator[Any]:
        """The data of the events that end in this piece: what JSON says, or text."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if len(self._rest) > _LONGEST:
            # It goes to the client as it is; here it is only known that it was there.
            self._rest, self._size = b"", _LONGEST + 1
        for line in lines:
            line = line.rstrip(b"\r")
            if line.startswith(b"data:"):
                self._size += len(line)
                if self._size <= _LONGEST:
                    self._data.append(line[5:].removeprefix(b" "))
            elif not line:
                yield from self._end()

    def _end(self) -> Iterator[Any]:
        data, size = b"\n".join(self._data), self._size
        self._data, self._size = [], 0
        if size > _LONGEST:
            yield {"bytes": size}
        elif data:
            yield parsed(data)
