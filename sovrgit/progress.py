"""How long operations tell what they are doing. Passed in as an argument; the library itself shows nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Progress(Protocol):
    """Told of one operation at a time."""

    def begin(self, label: str, total: int, unit: str) -> None:
        """An operation starts: `total` of `unit` ("bytes" or a thing's name) lie ahead, 0 if that is not known."""

    def advance(self, amount: int) -> None:
        """That much more is done. May be called from several threads."""

    def end(self) -> None:
        """The operation is over."""


class NoProgress:
    """Tells nobody."""

    def begin(self, label: str, total: int, unit: str) -> None:
        """Do nothing."""

    def advance(self, amount: int) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""


SILENT = NoProgress()


class Repeatable:
    """Tells of a part of an operation that may have to begin again, without counting anything twice.

    Args:
        advance: told of what is done for the first time.
    """

    def __init__(self, advance: Callable[[int], None]) -> None:
        self._advance = advance
        self._told = 0
        self._done = 0

    def begin(self) -> None:
        """The part begins, or begins again."""
        self._done = 0

    def advance(self, amount: int) -> None:
        """That much more of this attempt is done."""
        self._done += amount
        if self._done > self._told:
            self._advance(self._done - self._told)
            self._told = self._done
