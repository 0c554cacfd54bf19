"""Lineage as a view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sovrgit.lineage.document import to_document
from sovrgit.lineage.graph import Lineage
from sovrgit.ui.console import Console
from sovrgit.ui.format import human_size, plural
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


@dataclass(frozen=True, slots=True)
class WrittenPage:
    """Shows that a lineage was written into a file; `size` in bytes. The document is that of the lineage, and more."""

    lineage: Lineage
    file: str
    size: int

    def text(self, console: Console) -> None:
        """Print it for people."""
        if console.verbosity < 0:
            console.line(console.safe(self.file))
            return
        console.line(
            f"wrote {console.safe(self.file)}, {human_size(self.size)}, {plural(len(self.lineage.nodes), 'node')}"
        )

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {**to_document(self.lineage), "file": self.file, "bytes": self.size}
