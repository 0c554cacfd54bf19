"""How an approval is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sovrgit.objects.ids import ObjectId
from sovrgit.ui.console import Console
from sovrgit.ui.format import plural


@dataclass(frozen=True, slots=True)
class TrustView:
    """Shows which scripts were approved."""

    code: ObjectId
    command: str
    files: int

    def text(self, console: Console) -> None:
        """Print it for people."""
        if console.verbosity < 0:
            console.line(str(self.code))
            return
        amount = plural(self.files, "file")
        console.line(f"approved: {console.safe(self.command)} ({amount}, scripts {self.code.short})")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {"scripts": str(self.code), "exec": self.command, "files": self.files}
