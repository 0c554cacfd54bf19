"""How settings are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sovrgit.ui.console import Console

if TYPE_CHECKING:
    from sovrgit.scopes import Entry


@dataclass(frozen=True, slots=True)
class SettingsView:
    """Shows settings: name and value, or with `show_origin` every place, and which of them counts.

    `single` is for one setting that was asked for by its name: its value alone.
    """

    settings: Sequence[Entry]
    single: bool = False
    show_origin: bool = False

    def text(self, console: Console) -> None:
        """Print it for people."""
        if not self.show_origin:
            for entry in (entry for entry in self.settings if not entry.ignored):
                console.line(console.safe(entry.value if self.single else f"{entry.name}={entry.value}"))
            return
        width = max((len(entry.scope) for entry in self.settings), default=0)
        for entry in self.settings:
            mark = "*" if entry.counts else " "
            line = f"{mark} {entry.scope:<{width}}  {console.safe(f'{entry.name}={entry.value}')}"
            why = f"ignored here, because it {entry.ignored}" if entry.ignored else ""
            origin = console.style(f"  {console.safe(entry.origin)}", "dim")
            console.line(line + origin + (console.style(f"  ({why})", "yellow") if why else ""))

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {"settings": [_fields(entry) for entry in self.settings]}


def _fields(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "value": entry.value,
        "file": entry.origin if entry.scope in ("user", "pod") else "",
        "scope": entry.scope,
        "origin": entry.origin,
        "counts": entry.counts,
        "ignored": entry.ignored or None,
    }
