"""How a merge is shown: what came of it, and the conflicts that wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sovrgit.ui.console import Console, path_fields
from sovrgit.ui.format import plural

if TYPE_CHECKING:
    from sovrgit.pod.merge import Merged
    from sovrgit.pod.mergestate import MergeState
    from sovrgit.pod.mergetrees import Conflict

_WHY = {
    "text": "both changed the same lines",
    "binary": "both changed it, and it is no text",
    "kind": "a file, a link or a folder on one side, something else on the other",
    "added": "both added it",
    "output": "both made it by runs, which are not mixed",
}

NEXT = "edit the files, then `sovr resolve PATH --done`, or `--ours`, `--theirs`; `sovr merge --abort` gives it up"


@dataclass(frozen=True, slots=True)
class MergedView:
    """Shows what a merge, a cherry-pick or a revert has done; `label` is what was brought in, or taken back."""

    merged: Merged
    label: str
    done: str = "brought in"

    def text(self, console: Console) -> None:
        """Print it for people."""
        if console.verbosity < 0:
            console.line(str(self.merged.commit))
            return
        at = console.style(self.merged.commit.short, "yellow")
        changed = f", {plural(self.merged.changed, 'path')} changed" if self.merged.changed else ""
        if self.merged.outcome == "nothing":
            console.line(f"nothing to do: {console.safe(self.label)} changes nothing here")
        elif self.merged.outcome == "forward":
            console.line(f"forward to {at}{changed}")
        elif self.merged.outcome == "merged":
            console.line(f"{self.done} {console.safe(self.label)}, now at {at}{changed}")
            if self.merged.mixed:
                console.hint("both sides have changed what runs depend on: `sovr run` makes the output anew")
        else:
            number = len(self.merged.conflicts)
            console.line(f"{plural(number, 'conflict')} with {console.safe(self.label)}{changed}")
            conflict_lines(console, self.merged.conflicts)
            console.hint(NEXT)

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "outcome": self.merged.outcome,
            "commit": str(self.merged.commit),
            "changed": self.merged.changed,
            "mixed": self.merged.mixed,
            "conflicts": [conflict_document(conflict) for conflict in self.merged.conflicts],
        }


@dataclass(frozen=True, slots=True)
class ResolvedView:
    """Shows what is left of a merge after some of it was resolved, or that it was given up."""

    state: MergeState
    given_up: bool = False

    def text(self, console: Console) -> None:
        """Print it for people."""
        if console.verbosity < 0:
            return
        if self.given_up:
            console.line(f"gave up the {self.state.operation} of {console.safe(self.state.label)}")
            return
        left = self.state.open
        if left:
            console.line(f"{plural(len(left), 'conflict')} left")
            conflict_lines(console, left)
            return
        console.line("all conflicts are resolved")
        console.hint(f"`sovr commit` finishes the {self.state.operation}")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {**state_document(self.state), "given_up": self.given_up}


def conflict_lines(console: Console, conflicts: Sequence[Conflict]) -> None:
    """One line a conflict."""
    for conflict in conflicts:
        console.line(f"  {console.style('conflict', 'red', 'bold')}  {console.path(conflict.path)}: {why(conflict)}")


def why(conflict: Conflict) -> str:
    """Why the two sides contradict each other, in words."""
    if conflict.reason == "removed":
        gone = "removed here, changed there" if conflict.ours is None else "changed here, removed there"
        return gone
    return _WHY[conflict.reason]


def conflict_document(conflict: Conflict) -> dict[str, Any]:
    """A conflict as JSON."""
    return {**path_fields(conflict.path), "reason": conflict.reason}


def state_document(state: MergeState) -> dict[str, Any]:
    """A merge that waits, as JSON."""
    return {
        "operation": state.operation,
        "other": str(state.other),
        "label": state.label,
        "conflicts": [conflict_document(conflict) for conflict in state.open],
        "resolved": [path_fields(path) for path in sorted(state.resolved)],
    }
