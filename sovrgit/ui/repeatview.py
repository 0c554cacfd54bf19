"""What repeating a recorded run has shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sovrgit.objects.ids import ObjectId
from sovrgit.objects.verdict import Finding
from sovrgit.ui.console import Console
from sovrgit.ui.runview import outcome, run_document
from sovrgit.ui.showview import finding_text, verdict_document

if TYPE_CHECKING:
    from sovrgit.runs.repeat import Repeated, Verified


@dataclass(frozen=True, slots=True)
class RepeatedView:
    """Shows a repeated run."""

    repeated: Repeated
    original: ObjectId

    def text(self, console: Console) -> None:
        """Print it for people."""
        if console.verbosity < 0:
            console.line(str(self.repeated.id))
            return
        identity = console.style(self.repeated.id.short, "cyan")
        ended = outcome(console, self.repeated.run, why=False)
        console.line(f"run {identity} {ended}, a repeat of {self.original.short}")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return run_document(self.repeated.id, self.repeated.run)


@dataclass(frozen=True, slots=True)
class VerifiedView:
    """Shows a verdict and the run that it rests on."""

    verified: Verified

    def text(self, console: Console) -> None:
        """Print it for people."""
        verdict = self.verified.verdict
        if console.verbosity < 0:
            console.line(str(verdict.finding))
            return
        verb = "" if verdict.finding is Finding.DIFFERS else "is "
        console.line(f"run {console.style(verdict.run.short, 'cyan')} {verb}{finding_text(console, verdict)}")
        for difference in verdict.differences:
            console.line(f"  {difference.change:<8} {console.path(difference.path)}")
        console.line(f"recorded as verdict {self.verified.id.short}, repeated as run {verdict.repeat.short}")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            **verdict_document(self.verified.id, self.verified.verdict),
            "repeated": run_document(self.verified.repeated.id, self.verified.repeated.run),
        }
