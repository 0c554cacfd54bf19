"""How it is shown what was taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sovrgit.pod.refs import Refs, branch_name
from sovrgit.ui.console import Console
from sovrgit.ui.format import human_time, plural

if TYPE_CHECKING:
    from sovrgit.pod.undo import Undone


@dataclass(frozen=True, slots=True)
class UndoneView:
    """Shows the commands that were taken back, and where the pod is now."""

    undone: Sequence[Undone]
    refs: Refs

    def text(self, console: Console) -> None:
        """Print it for people."""
        if console.verbosity < 0:
            return
        for undone in self.undone:
            when = human_time(undone.move.time_ns // 1_000_000_000, 0)
            files = f", {plural(undone.changed, 'path')} changed" if undone.changed else ""
            console.line(f"took back `{console.safe(undone.move.command)}` of {when}{files}")
        head = self.refs.current()
        at = console.style(head.short, "yellow") if head else "no commit yet"
        console.line(f"on {console.safe(branch_name(self.refs.head))}, {at}")
        console.hint("`sovr undo` takes this back, too" if len(self.undone) == 1 else "")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        head = self.refs.current()
        return {
            "branch": branch_name(self.refs.head),
            "commit": str(head) if head else None,
            "undone": [
                {"did": undone.move.command, "time_ns": undone.move.time_ns, "changed": undone.changed}
                for undone in self.undone
            ],
        }
