"""How transfers and remotes are shown."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sovrgit.objects.ids import ObjectId
from sovrgit.pod.refs import RUNS, VERDICTS, RefChange
from sovrgit.ui.commitview import short_ref
from sovrgit.ui.console import Console
from sovrgit.ui.format import human_size, plural
from sovrgit.ui.mergeview import MergedView
from sovrgit.ui.shareview import what_it_grants
from sovrgit.ui.signatureview import note_signers, signers_document

if TYPE_CHECKING:
    from sovrgit.outputs import PublishedOutput
    from sovrgit.pod.merge import Merged
    from sovrgit.remotes.clone import Cloned
    from sovrgit.remotes.fetch import Fetched
    from sovrgit.remotes.locations import RemoteSetting
    from sovrgit.remotes.push import Pushed


@dataclass(frozen=True, slots=True)
class RemotesView:
    """Shows remotes."""

    remotes: Sequence[RemoteSetting]

    def text(self, console: Console) -> None:
        """Print it for people."""
        width = max((len(remote.name) for remote in self.remotes), default=0)
        for remote in self.remotes:
            if console.verbosity < 0:
                console.line(remote.name)
                continue
            name = console.style(f"{remote.name:<{width}}", "bold")
            console.line(f"{name}  {console.safe(remote.location)}")
        if not self.remotes:
            console.hint("`sovr remote add origin PLACE` adds one: a folder, or `fairos:POD`")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {"remotes": [remote._asdict() for remote in self.remotes]}


@dataclass(frozen=True, slots=True)
class PushedView:
    """Shows what a push did."""

    pushed: Pushed
    remote: str
    location: str
    reference: str | None = None
    """By which everybody can clone a public pod, if it is one on a network and this is known."""
    private: bool = False
    """Whether what was pushed is sealed."""
    output: PublishedOutput | None = None
    """What was published of the output as a pod of its own."""

    def text(self, console: Console) -> None:
        """Print it for people."""
        if console.verbosity < 0:
            console.lines(_moved_to(self.pushed.moved))
            return
        self._own(console)
        if self.output is not None and self.output.pushed.moved:
            console.note(f"shared {console.safe(self.output.path)} as a pod of its own at {self.output.location}")
            if self.output.reference is not None:
                console.note("which everybody can read who has its sharing reference")
                console.line(self.output.reference)

    def _own(self, console: Console) -> None:
        if not self.pushed.moved:
            console.note(f"{self.remote} is up to date")
            return
        for line in moved_lines(console, self.pushed.moved):
            console.line(line)
        amount = f"{plural(self.pushed.sent_objects, 'object')} in {plural(self.pushed.sent_packs, 'pack')}"
        console.note(f"sent {human_size(self.pushed.sent_bytes)} ({amount}) to {self.location}")
        if self.reference is not None:
            console.note("the recipe says that this pod is public; its sharing reference is")
            console.line(self.reference)
            if self.pushed.generation == 1:
                for line in what_it_grants(private=False):
                    console.note(line)
        elif self.pushed.generation == 1 and self.private:
            console.note("it is sealed: nobody can read it without its key, not even the server.")
            console.note("The key is kept with your logins; if it is lost, so is what is there")
            console.hint(f"`sovr share {self.remote} --private` prints reference and key, to give or to keep")
        elif self.pushed.generation == 1 and self.location.startswith("fairos"):
            console.hint(f"`sovr share {self.remote}` gives out the reference by which others get it")
        elif self.pushed.generation == 1:
            console.hint(f"whoever can read that folder gets it with `sovr clone {shlex.quote(self.location)}`")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "remote": self.remote,
            "location": self.location,
            "moved": [move_document(move) for move in self.pushed.moved],
            "sent_bytes": self.pushed.sent_bytes,
            "sent_packs": self.pushed.sent_packs,
            "sent_objects": self.pushed.sent_objects,
            "generation": self.pushed.generation,
            "reference": self.reference,
            "private": self.private,
            "output": None
            if self.output is None
            else {
                "path": self.output.path,
                "remote": self.output.remote,
                "location": self.output.location,
                "reference": self.output.reference,
                "moved": [move_document(move) for move in self.output.pushed.moved],
            },
        }


@dataclass(frozen=True, slots=True)
class FetchedView:
    """Shows what a fetch did. `names` are those of keys that are known."""

    fetched: Fetched
    remote: str
    names: Mapping[str, str] = field(default_factory=dict)

    def text(self, console: Console) -> None:
        """Print it for people."""
        if console.verbosity < 0:
            console.lines(_moved_to(self.fetched.moved))
            return
        self.received(console)
        if not self.fetched.moved:
            console.note(f"nothing new at {self.remote}")

    def received(self, console: Console) -> None:
        """Print what came."""
        for line in moved_lines(console, self.fetched.moved):
            console.line(line)
        if self.fetched.received_packs:
            packs = plural(self.fetched.received_packs, "pack")
            console.note(f"received {human_size(self.fetched.received_bytes)} ({packs}) from {self.remote}")
        note_signers(console, self.fetched.signers, self.names)

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "remote": self.remote,
            "moved": [move_document(move) for move in self.fetched.moved],
            "received_bytes": self.fetched.received_bytes,
            "received_packs": self.fetched.received_packs,
            "changed_paths": None,
            "commit": None,
            **signers_document(self.fetched.signers, self.names),
        }


@dataclass(frozen=True, slots=True)
class PulledView:
    """Shows what a pull did: the fetch, and what came of the merge after it."""

    fetched: Fetched
    remote: str
    merged: Merged
    names: Mapping[str, str] = field(default_factory=dict)

    def text(self, console: Console) -> None:
        """Print it for people."""
        if console.verbosity < 0:
            console.line(str(self.merged.commit))
            return
        FetchedView(self.fetched, self.remote, self.names).received(console)
        if self.merged.outcome == "nothing":
            console.line("up to date")
        elif self.merged.outcome == "forward":
            console.line(f"now at {self.merged.commit.short}, {plural(self.merged.changed, 'path')} changed")
        else:
            MergedView(self.merged, f"what {self.remote} has").text(console)

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        merged = MergedView(self.merged, self.remote).document()
        return {
            **FetchedView(self.fetched, self.remote, self.names).document(),
            "changed_paths": merged.pop("changed"),
            **merged,
        }


@dataclass(frozen=True, slots=True)
class ClonedView:
    """Shows a clone or a fork."""

    cloned: Cloned
    fork: ObjectId | None = None
    names: Mapping[str, str] = field(default_factory=dict)

    def text(self, console: Console) -> None:
        """Print it for people."""
        head = self.fork or self.cloned.head
        root = console.safe(str(self.cloned.pod.root))
        if console.verbosity < 0:
            console.line(root)
            return
        amount = human_size(self.cloned.fetched.received_bytes)
        verb = "forked" if self.fork else "cloned"
        console.line(f"{verb} into {root} at {console.style(head.short, 'yellow')} ({amount} received)")
        note_signers(console, self.cloned.fetched.signers, self.names)
        console.hint("`sovr log` shows its history, `sovr run` runs it after asking")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "folder": str(self.cloned.pod.root),
            "commit": str(self.fork or self.cloned.head),
            "received_bytes": self.cloned.fetched.received_bytes,
            "received_packs": self.cloned.fetched.received_packs,
            **signers_document(self.cloned.fetched.signers, self.names),
        }


def moved_lines(console: Console, moves: Sequence[RefChange]) -> list[str]:
    """One line a branch or tag, and one for all records of a kind."""
    lines = []
    for move in moves:
        if move.name.startswith((RUNS, VERDICTS)):
            continue
        what = f"{move.old.short}..{move.new.short}" if move.old and move.new else "new"
        if move.new is None:
            what = "removed"
        lines.append(f"  {console.safe(short_ref(move.name))}  {console.style(what, 'yellow')}")
    for prefix, noun in ((RUNS, "run record"), (VERDICTS, "verdict")):
        count = sum(move.name.startswith(prefix) for move in moves)
        if count:
            lines.append(f"  {plural(count, noun)}")
    return lines


def _moved_to(moves: Sequence[RefChange]) -> list[str]:
    """The commits that branches and tags are at now."""
    return [str(move.new) for move in moves if move.new and not move.name.startswith((RUNS, VERDICTS))]


def move_document(move: RefChange) -> dict[str, Any]:
    """A ref that moved, as JSON."""
    return {
        "ref": move.name,
        "old": str(move.old) if move.old else None,
        "new": str(move.new) if move.new else None,
    }
