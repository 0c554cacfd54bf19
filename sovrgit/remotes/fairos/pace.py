"""Holding a transfer to a least pace: a byte now and then keeps every timeout of a connection from running out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator


class TooSlow(Exception):
    """Less has been carried in a span than the least."""


class Pace:
    """Counts what one direction carries, and the seconds that are spent on it, span after span.

    Seconds in which the other side is not waited for do not count: a full disk, or a user who stops the process for an
    hour, is not the server's fault.

    Args:
        span: seconds of a span.
        least: bytes that have to be carried in it.
    """

    def __init__(self, span: float, least: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._span = span
        self._least = least
        self._clock = clock
        self._waited = 0.0
        self._carried = 0

    def received(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Pieces that come. For the first one the connection's own timeout is enough: a server may have to look for it.

        Raises:
            TooSlow: if they come too slowly.
        """
        first = next(pieces, None)
        if first is None:
            return
        yield first
        while True:
            began = self._clock()
            piece = next(pieces, None)
            if piece is None:
                return
            self._count(len(piece), self._clock() - began)
            yield piece

    def sent(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Pieces that go: what asks for the next one has sent those before it.

        Raises:
            TooSlow: if they go too slowly.
        """
        for piece in pieces:
            began = self._clock()
            yield piece
            self._count(len(piece), self._clock() - began)

    def _count(self, size: int, seconds: float) -> None:
        self._carried += size
        self._waited += seconds
        if self._waited < self._span:
            return
        if self._carried < self._least:
            raise TooSlow
        self._waited, self._carried = 0.0, 0
