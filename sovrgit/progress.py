"""How long operations tell what they are doing. Passed in as an argument; the library itself shows nothing."""

from __future__ import annotations

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
