"""How branches are shown, and what was checked out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sovrgit.objects.commit import Commit
from sovrgit.objects.ids import ObjectId
from sovrgit.ui.console import Console
from sovrgit.ui.format import plural

if TYPE_CHECKING:
    from sovrgit.pod.branches import Branch, Switched


@dataclass(frozen=True, slots=True)
class BranchesView:
    """Shows a list of branches, each with its last commit."""

    branches: Sequence[Branch]
    commits: Mapping[ObjectId, Commit]

    def text(self, console: Console) -> None:
        """Print it for people."""
        width = max((len(branch.name) for branch in self.branches), default=0)
        for branch in self.branches:
            if console.verbosity < 0:
                console.line(console.safe(branch.name))
                continue
            mark = "* " if branch.current else "  "
            name = console.style(console.safe(f"{branch.name:<{width}}"), *_styles(branch))
            summary = console.safe(self.commits[branch.id].summary)
            console.line(f"{mark}{name}  {console.style(branch.id.short, 'yellow')} {summary}".rstrip())
        if not self.branches and console.verbosity >= 0:
            console.note("no branches yet")
            console.hint("the first `sovr commit` makes one")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {"branches": [_document(branch) for branch in self.branches]}


@dataclass(frozen=True, slots=True)
class BranchView:
    """Shows what was done to a branch: `made`, `renamed` (it was called `before`) or `removed`."""

    branch: Branch
    done: str
    before: str = ""

    def text(self, console: Console) -> None:
        """Print it for people."""
        if console.verbosity < 0:
            return
        name = console.style(console.safe(self.branch.name), "bold")
        if self.before:
            console.line(f"renamed {console.safe(self.before)} to {name}")
            return
        console.line(f"{self.done} {name} at {console.style(self.branch.id.short, 'yellow')}")
        if self.done == "made":
            console.hint(f"`sovr switch {self.branch.name}` checks it out")
        elif self.done == "removed":
            console.hint("`sovr undo` brings it back")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {"branches": [_document(self.branch)], "done": self.done}


@dataclass(frozen=True, slots=True)
class SwitchedView:
    """Shows what was checked out."""

    switched: Switched

    def text(self, console: Console) -> None:
        """Print it for people."""
        switched = self.switched
        if switched.left is not None:
            console.warn(f"commit {switched.left.short} is on no branch")
            console.hint(f"`sovr branch NAME {switched.left.short}` keeps it")
        if console.verbosity < 0:
            return
        at = console.style(switched.commit.short, "yellow") if switched.commit else "no commit yet"
        changed = f", {plural(switched.changed, 'path')} changed" if switched.changed else ""
        if switched.branch == "HEAD":
            console.line(f"at {at}, on no branch{changed}")
            console.hint("`sovr switch -c NAME` makes a branch of it, `sovr switch -` goes back")
            return
        name = console.style(console.safe(switched.branch), "bold")
        console.line(f"on {'the new ' if switched.made else ''}{name}, {at}{changed}")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        switched = self.switched
        return {
            "branch": switched.branch,
            "commit": str(switched.commit) if switched.commit else None,
            "made": switched.made,
            "changed": switched.changed,
            "left": str(switched.left) if switched.left else None,
        }


def _styles(branch: Branch) -> tuple[str, ...]:
    return ("red",) if branch.remote else ("green", "bold") if branch.current else ()


def _document(branch: Branch) -> dict[str, Any]:
    return {"name": branch.name, "commit": str(branch.id), "current": branch.current, "remote": branch.remote}
