"""Lineage as a view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sovrgit.lineage.document import to_document
from sovrgit.lineage.graph import Lineage
from sovrgit.ui.console import Console
from sovrgit.ui.lineageview import render_lineage


@dataclass(frozen=True, slots=True)
class LineagePage:
    """Shows a lineage."""

    lineage: Lineage

    def text(self, console: Console) -> None:
        """Print it for people."""
        width = console.width if console.terminal else 0
        for line in render_lineage(self.lineage, colour=console.colour, width=width):
            console.line(line)

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return to_document(self.lineage)
