"""A line of the call log about a call that was answered, on its way into the story."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sovrgit.runs.golem.calls.seen import Seen
from sovrgit.runs.golem.observed import Observed

MOST = 10_000
"""Of each kind that is kept."""


class Line:
    """A line about a call that was answered."""

    def __init__(self, seen: Seen, ids: Sequence[str], given: Mapping[str, Any]) -> None:
        self.seen = seen
        self.ids = ids
        self.at: int = given["at"]
        self.status: int = given["status"]
        self.request = given.get("request")
        self.answer = given.get("answer")
        self.told: list[Observed] = []

    @property
    def ok(self) -> bool:
        """Whether the call was answered well."""
        return 200 <= self.status < 300


def is_full(line: Line, kept: Mapping[str, Any]) -> bool:
    """Whether no more of a kind is kept; if so, that is counted."""
    if len(kept) < MOST:
        return False
    line.seen.dropped += 1
    return True
