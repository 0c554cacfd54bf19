"""How earlier positions of a ref are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sovrgit.pod.refs import branch_name
from sovrgit.ui.console import Console
from sovrgit.ui.format import human_time

if TYPE_CHECKING:
    from sovrgit.pod.reflog import Position


@dataclass(frozen=True, slots=True)
class ReflogView:
    """Shows where a ref was, the latest first."""

    name: str
    positions: Sequence[Position]

    def text(self, console: Console) -> None:
        """Print it for people."""
        width = len(f"{self.name}@{{{max(len(self.positions) - 1, 0)}}}")
        for number, position in enumerate(self.positions):
            identity = position.id.short if position.id else "-" * 10
            if console.verbosity < 0:
                console.line(str(position.id or ""))
                continue
            place = f"{self.name}@{{{number}}}"
            when = human_time(position.move.time_ns // 1_000_000_000, 0)
            shown = f"{console.style(identity, 'yellow')} {console.safe(f'{place:<{width}}')}"
            console.line(f"{shown}  {when}  {console.safe(_what(position))}")
        if not self.positions and console.verbosity >= 0:
            console.note("it has not moved yet")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "name": self.name,
            "positions": [
                {
                    "number": number,
                    "id": str(position.id) if position.id else None,
                    "before": str(position.before) if position.before else None,
                    "time_ns": position.move.time_ns,
                    "did": position.move.command,
                    "from": branch_name(position.move.was),
                    "to": branch_name(position.move.head),
                }
                for number, position in enumerate(self.positions)
            ],
        }


def _what(position: Position) -> str:
    move = position.move
    if move.was == move.head:
        return move.command
    return f"{move.command} from {branch_name(move.was)} to {branch_name(move.head)}"
