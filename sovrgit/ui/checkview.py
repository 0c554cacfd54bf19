"""How a check of a pod is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sovrgit.ui.console import Console
from sovrgit.ui.format import human_size, plural

if TYPE_CHECKING:
    from sovrgit.pod.check import Checked


@dataclass(frozen=True, slots=True)
class CheckView:
    """Shows what was found."""

    checked: Checked

    def text(self, console: Console) -> None:
        """Print it for people."""
        for problem in self.checked.problems:
            console.line(console.style("damaged:", "red", "bold") + f" {console.safe(problem)}")
        if console.verbosity < 0:
            return
        amount = f"{plural(self.checked.objects, 'object')}, {human_size(self.checked.size)} in packs"
        if self.checked.is_sound:
            console.line(f"everything is whole: {amount}")
        else:
            console.line(f"{plural(len(self.checked.problems), 'problem')} in {amount}")
        if self.checked.promised:
            console.line(f"{plural(self.checked.promised, 'file')} only at remotes; `sovr du` says more")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "sound": self.checked.is_sound,
            "problems": list(self.checked.problems),
            "packs": self.checked.packs,
            "objects": self.checked.objects,
            "bytes": self.checked.size,
            "promised": self.checked.promised,
        }
