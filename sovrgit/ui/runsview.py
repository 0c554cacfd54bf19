"""How lists of runs are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sovrgit.objects.commit import Reuse
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.receipts import summary_of
from sovrgit.objects.run import Run
from sovrgit.objects.verdict import Verdict
from sovrgit.ui.commitview import reuse_text
from sovrgit.ui.console import Console
from sovrgit.ui.format import human_duration, plural, relative_time
from sovrgit.ui.golemview import Total, cost_text, totals
from sovrgit.ui.runview import STATUS_COLOURS, command_text, run_document
from sovrgit.ui.signatureview import ShownSignature, signature_document
from sovrgit.ui.verdictview import counted, standing

if TYPE_CHECKING:
    from sovrgit.lineage.index import KnownRun

_SHORTEST_COMMAND = 16
"""Columns that a command in a list keeps on a narrow terminal."""


@dataclass(frozen=True, slots=True)
class RunsView:
    """Shows a list of runs, with the verdicts on each, the latest first.

    `cost` if what they cost is wanted, and its sum; `signatures` if who signed them is. `taken` says where those were
    found that were not made in this pod.
    """

    runs: Sequence[tuple[KnownRun, Sequence[Verdict]]]
    now: int
    cost: bool = False
    signatures: Mapping[ObjectId, ShownSignature] | None = None
    taken: Mapping[ObjectId, Reuse] = field(default_factory=dict)

    def text(self, console: Console) -> None:
        """Print it for people."""
        for known, verdicts in self.runs:
            run = known.run
            if console.verbosity < 0:
                console.line(str(known.id))
                continue
            when = relative_time(run.started // 1_000_000_000, self.now)
            status = console.style(f"{run.status:<9}", STATUS_COLOURS.get(run.status, "red"))
            mark = standing(replace(console, colour=False), verdicts)
            tail = f"  {mark}" if mark else ""
            notes = [f"commit {known.commit.short}"] if known.commit and console.verbosity > 0 else []
            if (reuse := self.taken.get(known.id)) is not None:
                notes.append(console.safe(reuse_text(reuse._replace(trusted=""))))
            made = f"  ({', '.join(notes)})" if notes else ""
            row = f"  {when:<14}  {human_duration(run.usage.wall):>8}  "
            if self.cost:
                row += f"{console.safe(_cost(run)):<32}  "
            # A repeat has the command of its original.
            command = f"repeats {run.repeats.short}" if run.repeats else console.safe(command_text(run))
            if run.pods:
                command = f"task of {plural(len(run.pods), 'pod')}"
            if console.terminal:
                taken = len(known.id.short) + 2 + max(9, len(run.status)) + len(row) + len(tail) + len(made)
                command = _shortened(command, max(console.width - taken, _SHORTEST_COMMAND))
            identity = console.style(known.id.short, "cyan")
            if tail:
                tail = f"  {standing(console, verdicts)}"
            console.line(f"{identity}  {status}{row}{command}{tail}{console.style(made, 'dim') if made else ''}")
            if shown := (self.signatures or {}).get(known.id):
                console.line(f"{'':<12}signed: {shown.text(console)}")
        if not self.runs and console.verbosity >= 0:
            console.note("no runs yet")
            console.hint("`sovr run` makes one")
        if self.cost and console.verbosity >= 0:
            for total in self._totals():
                console.line(f"together {console.style(console.safe(total.text()), 'bold')}")

    def _signature(self, identity: ObjectId) -> dict[str, Any]:
        if self.signatures is None:
            return {}
        return {"signature": signature_document(self.signatures.get(identity))}

    def _totals(self) -> list[Total]:
        return totals([known.run.golem for known, _ in self.runs])

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            **({"totals": [total.document() for total in self._totals()]} if self.cost else {}),
            "runs": [
                {
                    **run_document(known.id, known.run),
                    "commit": str(known.commit) if known.commit else None,
                    "verdict": str(verdicts[0].finding) if verdicts else None,
                    "verdicts": counted(verdicts),
                    "taken": reuse._asdict() if (reuse := self.taken.get(known.id)) else None,
                    **self._signature(known.id),
                }
                for known, verdicts in self.runs
            ],
        }


def _cost(run: Run) -> str:
    """What a run cost and how many computed it; nothing for one that was not on Golem."""
    summary = summary_of(run.golem)
    if summary is None:
        return "-"
    cost = cost_text(summary) + (" emulated" if summary.emulated else "")
    return f"{cost}, {plural(len(summary.providers), 'provider')}"


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
