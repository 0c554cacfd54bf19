"""How an approval is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sovrgit.objects.ids import ObjectId
from sovrgit.ui.console import Console


@dataclass(frozen=True, slots=True)
class TrustView:
    """Shows which scripts were approved."""

    code: ObjectId
    command: str

    def text(self, console: Console) -> None:
        """Print it for people."""
        console.line(f"approved: {console.safe(self.command)} (scripts {self.code.short})")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {"scripts": str(self.code), "exec": self.command}
