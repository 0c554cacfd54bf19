"""Lineage as a view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sovrgit.lineage.document import to_document
from sovrgit.lineage.graph import Lineage
from sovrgit.ui.console import Console
from sovrgit.ui.format import human_size, plural
from sovrgit.ui.lineageview import render_lineage


@dataclass(frozen=True, slots=True)
class LineagePage:
    """Shows a lineage. `names` are the keys that the user knows by name, by address."""

    lineage: Lineage
    names: Mapping[str, str] = field(default_factory=dict)

    def text(self, console: Console) -> None:
        """Print it for people."""
        width = console.width if console.terminal else 0
        for line in render_lineage(self.lineage, colour=console.colour, width=width, names=self.names):
            console.line(line)

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return to_document(self.lineage, self.names)


@dataclass(frozen=True, slots=True)
class WrittenPage:
    """Shows that a lineage was written into a file; `size` in bytes. The document is that of the lineage, and more."""

    lineage: Lineage
    file: str
    size: int
    names: Mapping[str, str] = field(default_factory=dict)

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
        return {**to_document(self.lineage, self.names), "file": self.file, "bytes": self.size}
