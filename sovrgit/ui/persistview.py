"""Showing a commit and a push that were made in one go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sovrgit.ui.commitview import CommittedView
from sovrgit.ui.console import Console
from sovrgit.ui.transferview import PushedView

if TYPE_CHECKING:
    from sovrgit.pod.commits import Committed


@dataclass(frozen=True, slots=True)
class PersistedView:
    """Shows the commit, if there was something to commit, and the push."""

    made: Committed | None
    pushed: PushedView
    registered: bool = False
    """Whether it was put into the registry of its owner."""

    def text(self, console: Console) -> None:
        """Print it for people."""
        if self.made is not None:
            CommittedView(self.made).text(console)
        self.pushed.text(console)
        if self.registered and console.verbosity >= 0:
            console.note("it is in your registry: `sovr registry share` lets others find it")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "commit": None if self.made is None else str(self.made.id),
            "push": self.pushed.document(),
            "registered": self.registered,
        }
