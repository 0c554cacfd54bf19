"""What repeating a recorded run has shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sovrgit.objects.ids import ObjectId
from sovrgit.objects.verdict import Finding
from sovrgit.ui.console import Console
from sovrgit.ui.runview import outcome, run_document
from sovrgit.ui.verdictview import (
    counted,
    finding_text,
    output_lines,
    provider_names,
    verdict_document,
    where_text,
)

if TYPE_CHECKING:
    from sovrgit.runs.repeat import Repeated
    from sovrgit.runs.verification import Verification, Verified


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
class VerificationView:
    """Shows the verdicts on a run, and the repeats that they rest on."""

    verification: Verification

    def text(self, console: Console) -> None:
        """Print it for people."""
        every = self.verification.verified
        if console.verbosity < 0:
            console.line(str(self.verification.verdict.finding))
            return
        for one in every:
            verdict = one.verdict
            verb = "" if verdict.finding in (Finding.DIFFERS, Finding.AGREES) else "is "
            console.line(f"run {console.style(verdict.run.short, 'cyan')} {verb}{finding_text(console, verdict)}")
            console.lines(list(output_lines(console, verdict)))
            where = where_text(console, one.repeated.run)
            console.line(f"recorded as verdict {one.id.short}, repeated as run {verdict.repeat.short} ({where})")
        if len(every) > 1:
            counts = counted([one.verdict for one in every])
            found = ", ".join(f"{count} {finding}" for finding, count in counts.items() if count)
            console.line(f"{len(every)} repeats: {found}")
        self._providers(console)

    def _providers(self, console: Console) -> None:
        """Who has computed it, if that was on Golem."""
        found = self.verification
        if found.wanted is None and not any(one.repeated.run.golem for one in found.verified):
            return
        others = provider_names(found.providers) or "none"
        # That there were too few is an error, unless the result was not the same: then that is what counts.
        few = f"; {found.wanted} were wanted, but {found.short}" if found.short and not found.confirmed else ""
        console.line(console.safe(f"providers other than those of the run itself: {others}{few}"))
        if found.script_chose:
            console.note("the script chooses its providers; only those of declared jobs can be told to be others")

    def document(self) -> dict[str, Any]:
        """The JSON document: the verdict that counts for all, and every one with its repeat."""
        found = self.verification
        return {
            **_document(found.deciding),
            "confirmed": found.confirmed,
            "repeats": [_document(one) for one in found.verified],
            "providers": {
                "before": [one._asdict() for one in found.before],
                "others": [one._asdict() for one in found.providers],
                "wanted": found.wanted,
                "short": found.short,
                "chosen_by": "script" if found.script_chose else "sovr",
            },
        }


def _document(one: Verified) -> dict[str, Any]:
    return {
        **verdict_document(one.id, one.verdict),
        "repeated": run_document(one.repeated.id, one.repeated.run),
    }
