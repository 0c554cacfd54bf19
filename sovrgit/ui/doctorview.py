"""How an examination is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sovrgit.ui.console import Console
from sovrgit.ui.format import plural

if TYPE_CHECKING:
    from sovrgit.doctor.finding import Finding

_COLOURS = {"ok": "green", "problem": "red", "unknown": "yellow"}


@dataclass(frozen=True, slots=True)
class DoctorView:
    """Shows what was found, each thing on a line, with what mends it below."""

    findings: Sequence[Finding]

    @property
    def problems(self) -> int:
        """How many things are not as they should be."""
        return sum(finding.state == "problem" for finding in self.findings)

    def text(self, console: Console) -> None:
        """Print it for people: with -q only the problems."""
        width = max((len(finding.what) for finding in self.findings), default=0)
        for finding in self.findings:
            if console.verbosity < 0 and finding.state != "problem":
                continue
            state = console.style(f"{finding.state:<7}", _COLOURS[finding.state])
            console.line(f"{state}  {finding.what:<{width}}  {console.safe(finding.detail)}")
            if finding.mend:
                console.line(f"{'':<7}  {'':<{width}}  {console.style(console.safe(finding.mend), 'cyan')}")
        if console.verbosity >= 0:
            console.note(plural(self.problems, "problem") if self.problems else "all is well")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {"ok": not self.problems, "findings": [finding._asdict() for finding in self.findings]}
