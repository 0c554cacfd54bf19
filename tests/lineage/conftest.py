"""Real pods with a history: commands are `cp`, `sort` and the like, so that a run takes milliseconds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sovrgit.lineage.graph import Edge, Lineage, NodeKind, Relation
from sovrgit.lineage.index import LineageIndex
from sovrgit.objects.commit import Commit, Stamp
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.pod.commits import CommitRequest, commit
from sovrgit.pod.pod import Pod
from sovrgit.remotes.clone import clone, fork
from sovrgit.remotes.directory import DirectoryRemote
from sovrgit.remotes.push import PushRequest, push
from sovrgit.runs.executor import Cancel
from sovrgit.runs.local import LocalExecutor
from sovrgit.runs.repeat import Verified, verify
from sovrgit.runs.run import RunRequest, RunResult, run_pod

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}


@dataclass
class Lab:
    """A pod, with a clock of its own that moves on by a minute with every step."""

    pod: Pod
    clock: int = 1_700_000_000

    @property
    def root(self) -> Path:
        return self.pod.root

    def who(self, name: str = "Ann") -> Stamp:
        self.clock += 60
        return Stamp(name, f"{name.lower()}@example.org", self.clock)

    def recipe(self, command: str) -> None:
        self.write("recipe.json", json.dumps({"name": "lab", "golem": {"exec": command}}))

    def write(self, path: str, text: str) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def commit(self, message: str = "Change", **options: bool) -> ObjectId:
        return commit(self.pod, CommitRequest(self.who(), message, **options)).id

    def run(self, *, force: bool = False, commit_failed: bool = False) -> RunResult:
        with Cancel() as cancel:
            return run_pod(
                self.pod,
                LocalExecutor(),
                self.request(force=force, commit_failed=commit_failed),
                lambda _: None,
                lambda _: None,
                cancel,
            )

    def request(self, *, force: bool = False, commit_failed: bool = False) -> RunRequest:
        return RunRequest(
            self.who(), (ENVIRONMENT, {"LC_ALL": "C"}), lambda _: True, force=force, commit_failed=commit_failed
        )

    def verify(self, run: ObjectId) -> Verified:
        with Cancel() as cancel:
            return verify(self.pod, run, LocalExecutor(), self.request(), lambda _: None, cancel)

    def head(self) -> ObjectId:
        head = self.pod.head()
        assert head is not None
        return head

    def index(self) -> LineageIndex:
        return LineageIndex(self.pod)

    def add_commit(self, made: Commit) -> ObjectId:
        """Store a commit and move the branch to it, whatever the working tree says."""
        with self.pod.store.session() as session:
            identity = session.add(Kind.COMMIT, made.encode())
            session.commit()
        self.move(identity)
        return identity

    def move(self, target: ObjectId | None, name: str = "refs/heads/main") -> None:
        from sovrgit.pod.refs import RefChange

        old = self.pod.refs.read().values.get(name)
        self.pod.refs.update([RefChange(name, old, target)], command="test", time_ns=0)

    def push(self, folder: Path) -> DirectoryRemote:
        remote = DirectoryRemote(folder)
        names = ["refs/heads/main", *(name for name in self.pod.refs.read().values if "/verdicts/" in name)]
        push(self.pod, remote, PushRequest("origin", names, self.clock * 10**9, {}))
        return remote


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """An empty pod."""
    with Pod.create(tmp_path / "lab") as pod:
        yield Lab(pod)


@pytest.fixture
def copied(lab: Lab) -> tuple[Lab, RunResult]:
    """A pod that has sorted a file in a run: `payload/words.txt` to `output/sorted.txt`."""
    lab.recipe("sort -o output/sorted.txt payload/words.txt")
    lab.write("payload/words.txt", "pear\napple\n")
    lab.write("script/notes.txt", "by hand\n")
    lab.commit("First version")
    return lab, lab.run()


def clone_of(lab: Lab, folder: Path, *, forked: bool = False) -> Lab:
    """A clone, or a fork, of a lab that is pushed first."""
    cloned = clone(lab.push(folder / "remote"), folder / "clone", time_ns=lab.clock * 10**9)
    copy = Lab(cloned.pod, lab.clock)
    if forked:
        fork(cloned, "somewhere/else", "lab", copy.who("Ben"), "Fork of lab")
    return copy


def edges(lineage: Lineage, relation: Relation) -> list[tuple[str, str]]:
    """The labels at both ends of the edges with a relation."""
    return [
        (lineage.nodes[edge.source].label, lineage.nodes[edge.target].label)
        for edge in lineage.edges
        if edge.relation is relation
    ]


def edge(lineage: Lineage, relation: Relation, source: str) -> Edge:
    """The one edge with a relation that leaves the node with a label."""
    found = [item for item in lineage.edges if item.relation is relation and lineage.nodes[item.source].label == source]
    assert len(found) == 1, found
    return found[0]


def labels(lineage: Lineage, kind: NodeKind) -> list[str]:
    """The labels of all nodes of a kind."""
    return [node.label for node in lineage.of_kind(kind)]
