"""How an export is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sovrgit.lineage.exports.story import Story
from sovrgit.ui.console import Console
from sovrgit.ui.format import plural


@dataclass(frozen=True, slots=True)
class ExportView:
    """Shows what was exported; `count` files of the pod are in it."""

    story: Story
    form: str
    target: str
    count: int
    signed: bool

    def text(self, console: Console) -> None:
        """Print it for people."""
        if console.verbosity < 0:
            console.line(console.safe(self.target))
            return
        files = f", {plural(self.count, 'file')} in it" if self.form == "ro-crate" else ""
        signed = ", signed with your key" if self.signed else ""
        console.line(f"wrote {console.safe(self.target)}: run {self.story.id.short} as {self.form}{files}{signed}")
        if self._not_here:
            console.warn(f"{plural(self._not_here, 'file is', 'files are')} not here, and named without SHA-256")
        if self.story.missing:
            console.warn(
                f"not all of the {', '.join(self.story.missing)} is here, and not named: `sovr fetch` may help"
            )

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "run": str(self.story.id),
            "format": self.form,
            "path": self.target,
            "files": self.count,
            "named": len(self.story.files),
            "not_here": self._not_here,
            "missing": list(self.story.missing),
            "signed": self.signed,
        }

    @property
    def _not_here(self) -> int:
        return sum(file.sha256 is None for file in self.story.files)
