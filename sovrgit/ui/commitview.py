"""How a commit is shown: just made, in a list, and in full."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sovrgit.objects.commit import Commit, Reuse, Stamp
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.verdict import Verdict
from sovrgit.pod.refs import HEADS, REMOTES, TAGS, branch_name
from sovrgit.ui.console import Console, path_fields
from sovrgit.ui.format import human_size, human_time
from sovrgit.ui.signatureview import ShownSignature, signature_document
from sovrgit.ui.verdictview import counted, standing

if TYPE_CHECKING:
    from sovrgit.pod.commits import Committed


@dataclass(frozen=True, slots=True)
class CommittedView:
    """Shows a commit that was just made."""

    made: Committed

    def text(self, console: Console) -> None:
        """Print it for people."""
        if console.verbosity < 0:
            console.line(str(self.made.id))
            return
        for path in self.made.special:
            console.warn(f"`{path}` is a socket, device or pipe and was left out")
        branch = branch_name(self.made.branch)
        stored = console.style(f"({human_size(self.made.new_bytes)} new)", "dim")
        summary = console.safe(self.made.commit.summary)
        console.line(f"[{console.safe(branch)} {console.style(self.made.id.short, 'yellow')}] {summary} {stored}")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            **commit_document(self.made.id, self.made.commit),
            "branch": branch_name(self.made.branch),
            "new_objects": self.made.new_objects,
            "new_bytes": self.made.new_bytes,
            "left_out": [path_fields(os.fsencode(path)) for path in self.made.special],
        }


@dataclass(frozen=True, slots=True)
class LogView:
    """Shows a list of commits. `graph` holds the drawing before each, `names` the refs at each, `signatures` what is to
    be shown of them, if that was asked for, `verdicts` those on runs."""

    commits: Sequence[tuple[ObjectId, Commit]]
    names: Mapping[ObjectId, Sequence[str]] = field(default_factory=dict)
    graph: Sequence[tuple[str, str]] = ()
    oneline: bool = False
    signatures: Mapping[ObjectId, ShownSignature] | None = None
    verdicts: Mapping[ObjectId, Sequence[Verdict]] = field(default_factory=dict)

    def text(self, console: Console) -> None:
        """Print it for people."""
        if console.verbosity < 0:
            console.lines([str(identity) for identity, _ in self.commits])
            return
        for number, (identity, commit) in enumerate(self.commits):
            first, rest = self.graph[number] if self.graph else ("", "")
            lines = self._one(console, identity, commit) if self.oneline else self._full(console, identity, commit)
            for position, line in enumerate(lines):
                console.line(((first if position == 0 else rest) + line).rstrip())
            if not self.oneline and number + 1 < len(self.commits):
                console.line(rest.rstrip())

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "commits": [
                {
                    **commit_document(identity, commit),
                    "refs": list(self.names.get(identity, ())),
                    "verdicts": counted(self._verdicts(commit)),
                    **self._signature(identity),
                }
                for identity, commit in self.commits
            ]
        }

    def _signature(self, identity: ObjectId) -> dict[str, Any]:
        if self.signatures is None:
            return {}
        return {"signature": signature_document(self.signatures.get(identity))}

    def _verdicts(self, commit: Commit) -> Sequence[Verdict]:
        return self.verdicts.get(commit.run, ()) if commit.run is not None else ()

    def _one(self, console: Console, identity: ObjectId, commit: Commit) -> list[str]:
        names = _names(console, self.names.get(identity, ()))
        shown = (self.signatures or {}).get(identity)
        by = console.style("  signed: ", "dim") + shown.text(console) if shown else ""
        mark = f"  {found}" if (found := standing(console, self._verdicts(commit))) else ""
        return [f"{console.style(identity.short, 'yellow')}{names} {console.safe(commit.summary)}{mark}{by}"]

    def _full(self, console: Console, identity: ObjectId, commit: Commit) -> list[str]:
        shown = (self.signatures or {}).get(identity)
        return commit_lines(console, identity, commit, self.names.get(identity, ()), shown, self._verdicts(commit))


def commit_lines(
    console: Console,
    identity: ObjectId,
    commit: Commit,
    names: Sequence[str] = (),
    signature: ShownSignature | None = None,
    verdicts: Sequence[Verdict] = (),
) -> list[str]:
    """A commit in full. `verdicts` are those on its run."""
    lines = [f"{console.style(f'commit {identity}', 'yellow')}{_names(console, names)}"]
    if len(commit.parents) > 1:
        lines.append("Merge:  " + " ".join(parent.short for parent in commit.parents))
    lines.append(f"Author: {_person(console, commit.author)}")
    lines.append(f"Date:   {human_time(commit.author.time, commit.author.zone)}")
    if commit.committer is not None:
        lines.append(f"Commit: {_person(console, commit.committer)}, {_when(commit.committer)}")
    if commit.run is not None:
        mark = f"  {found}" if (found := standing(console, verdicts)) else ""
        lines.append(f"Run:    {console.style(commit.run.short, 'cyan')}{mark}")
    if commit.reuse is not None:
        lines.append(f"Reuse:  {console.safe(reuse_text(commit.reuse))}")
    if commit.fork is not None:
        lines.append(f"Fork:   of {console.safe(commit.fork.pod)} at {commit.fork.commit.short}")
        lines.append(f"        from {console.safe(commit.fork.reference)}")
    if signature is not None:
        lines.append(f"Signed: {signature.text(console)}")
    lines.append("")
    lines += [f"    {console.safe(line)}" for line in commit.message.splitlines()]
    return lines


def reuse_text(reuse: Reuse) -> str:
    """How a commit came to the output of a run that it did not compute, in words."""
    where = f"taken from {reuse.reference}" if reuse.reference else "taken from a run that was known here"
    return f"{where}, on the word of {reuse.trusted}" if reuse.trusted else where


def commit_document(identity: ObjectId, commit: Commit) -> dict[str, Any]:
    """A commit as JSON."""
    fork = commit.fork
    return {
        "id": str(identity),
        "tree": str(commit.tree),
        "parents": [str(parent) for parent in commit.parents],
        "author": stamp_document(commit.author),
        "committer": stamp_document(commit.committer or commit.author),
        "message": commit.message,
        "run": str(commit.run) if commit.run else None,
        "fork": {"reference": fork.reference, "commit": str(fork.commit), "pod": fork.pod} if fork else None,
        "reuse": commit.reuse._asdict() if commit.reuse else None,
    }


def stamp_document(stamp: Stamp) -> dict[str, Any]:
    """Who and when, as JSON."""
    return {"name": stamp.name, "email": stamp.email, "time": stamp.time, "zone": stamp.zone}


def short_ref(name: str) -> str:
    """A ref's name as people say it."""
    for prefix in (HEADS, TAGS, REMOTES):
        if name.startswith(prefix):
            return name[len(prefix) :]
    return name


def _person(console: Console, stamp: Stamp) -> str:
    return console.safe(f"{stamp.name} <{stamp.email}>" if stamp.email else stamp.name)


def _when(stamp: Stamp) -> str:
    return human_time(stamp.time, stamp.zone)


def _names(console: Console, names: Sequence[str]) -> str:
    if not names:
        return ""
    return (
        console.style(" (", "yellow")
        + ", ".join(console.style(console.safe(name), "green") for name in names)
        + console.style(")", "yellow")
    )
