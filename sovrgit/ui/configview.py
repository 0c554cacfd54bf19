"""How settings are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sovrgit.ui.console import Console


@dataclass(frozen=True, slots=True)
class SettingsView:
    """Shows settings: name, value, and the file they come from."""

    settings: Sequence[tuple[str, str, str]]
    single: bool = False

    def text(self, console: Console) -> None:
        """Print it for people."""
        for name, value, _ in self.settings:
            console.line(console.safe(value if self.single else f"{name}={value}"))

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {"settings": [{"name": name, "value": value, "file": file} for name, value, file in self.settings]}
