"""A pod to run things in: commands are small shell scripts, so that a run takes milliseconds."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sovrgit.lineage.index import LineageIndex
from sovrgit.objects.commit import Stamp
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.pod.commits import CommitRequest, commit
from sovrgit.pod.pod import Pod
from sovrgit.pod.switch import move_to
from sovrgit.pod.treediff import walk
from sovrgit.remotes.clone import clone
from sovrgit.remotes.directory import DirectoryRemote
from sovrgit.remotes.fetch import FetchRequest, fetch
from sovrgit.remotes.push import PushRequest, push
from sovrgit.runs.executor import Cancel, Event
from sovrgit.runs.local import LocalExecutor
from sovrgit.runs.record import RunRequest
from sovrgit.runs.repeat import Repeated, rerun
from sovrgit.runs.run import Decision, RunResult, run_pod
from sovrgit.runs.supplied import Supplied
from sovrgit.runs.trust import Proposal
from sovrgit.runs.verification import Checks, Verification, verify

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "API_TOKEN": "s3cr3t"}
RECORDED = {"LC_ALL": "C"}
COPY = "cp payload/in.txt output/out.txt"


@dataclass
class Lab:
    """A pod with a clock of its own, and what was asked and told during its last run."""

    pod: Pod
    clock: int = 1_700_000_000
    answer: bool = True
    asked: list[Proposal] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    on: Callable[[Event], None] = lambda _: None

    @property
    def root(self) -> Path:
        return self.pod.root

    def who(self) -> Stamp:
        self.clock += 60
        return Stamp("Ann", "ann@example.org", self.clock)

    def recipe(self, command: str | None = "sh script/run.sh", **golem: Any) -> None:
        content = {"exec": command, **golem} if command is not None else golem
        self.write("recipe.json", json.dumps({"name": "lab", "golem": content}))

    def script(self, text: str, path: str = "script/run.sh") -> None:
        self.write(path, text + "\n")

    def write(self, path: str, text: str) -> Path:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return place

    def read(self, path: str) -> str:
        return (self.root / path).read_text()

    def commit(self, message: str = "Change") -> ObjectId:
        return commit(self.pod, CommitRequest(self.who(), message, allow_empty=True)).id

    def request(self, **changes: Any) -> RunRequest:
        values = {"grace": 3600.0, **changes}
        return RunRequest(self.who(), (ENVIRONMENT, RECORDED), self._approve, **values)

    def run(self, cancel: Cancel | None = None, **changes: Any) -> RunResult:
        self.decisions, self.events = [], []
        with cancel or Cancel() as cancel:
            return run_pod(
                self.pod, LocalExecutor(), self.request(**changes), self._sink, self.decisions.append, cancel
            )

    def rerun(self, run: ObjectId, keep: Path | None = None, **changes: Any) -> Repeated:
        with Cancel() as cancel:
            return rerun(self.pod, run, LocalExecutor(), self.request(**changes), self._sink, cancel, keep=keep)

    def verify(
        self, run: ObjectId, cancel: Cancel | None = None, supplied: tuple[Supplied, ...] = (), **checks: Any
    ) -> Verification:
        request = self.request(supplied=supplied)
        with cancel or Cancel() as cancel:
            return verify(self.pod, run, LocalExecutor(), request, self._sink, cancel, Checks(**checks))

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the last run was made; empty if its result was known."""
        (decision,) = self.decisions
        return decision.reasons

    def files(self, tree: ObjectId | None) -> dict[str, bytes]:
        """The files of a stored tree."""
        if tree is None:
            return {}
        top = TreeEntry(b"", EntryKind.DIRECTORY, tree, 0)
        found = walk(self.pod.store, top, b"")
        return {
            path.decode(): b"".join(bytes(piece) for piece in self.pod.store.stream(entry.id))
            for path, entry in found
            if not entry.is_directory
        }

    def on_disk(self) -> dict[str, bytes]:
        """The files of the working tree."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and ".sovr" not in path.parts
        }

    def runs(self) -> int:
        with LineageIndex(self.pod) as index:
            return len(list(index.runs()))

    def push(self, folder: Path) -> DirectoryRemote:
        remote = DirectoryRemote(folder)
        push(self.pod, remote, PushRequest("origin", ["refs/heads/main"], self.clock * 10**9, {}))
        return remote

    def clone(self, folder: Path) -> Lab:
        remote = self.push(folder / "remote")
        return Lab(clone(remote, folder / "clone", time_ns=self.clock * 10**9).pod, self.clock)

    def take(self, folder: Path) -> None:
        """Go to what the remote has, whatever was committed here."""
        fetch(self.pod, DirectoryRemote(folder / "remote"), FetchRequest("origin", self.clock * 10**9))
        with self.pod.lock():
            target = self.pod.refs.read().values["refs/remotes/origin/main"]
            move_to(self.pod, target, command="test", time_ns=self.clock * 10**9)

    def _approve(self, proposal: Proposal) -> bool:
        self.asked.append(proposal)
        return self.answer

    def _sink(self, event: Event) -> None:
        self.events.append(event)
        self.on(event)
