"""How restored files are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sovrgit.pod.treediff import Change
from sovrgit.ui.console import Console
from sovrgit.ui.format import plural
from sovrgit.ui.statusview import change_document


@dataclass(frozen=True, slots=True)
class RestoredView:
    """Shows what was brought back."""

    changes: Sequence[Change]
    revision: str

    def text(self, console: Console) -> None:
        """Print it for people."""
        if console.verbosity < 0:
            console.lines([console.path(change.path) for change in self.changes])
            return
        if not self.changes:
            console.note("nothing to restore: the files are as the revision says")
            return
        for change in self.changes:
            console.note(f"  {console.path(change.path)}", level=1)
        console.line(f"restored {plural(len(self.changes), 'path')} from {self.revision}")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {"revision": self.revision, "restored": [change_document(change) for change in self.changes]}
