"""Real pods with a history: commands are `cp`, `sort` and the like, so that a run takes milliseconds."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sovrgit.lineage.graph import Edge, Lineage, NodeKind, Relation
from sovrgit.lineage.index import LineageIndex
from sovrgit.objects.commit import Commit, Stamp
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import EntryKind, Tree, TreeEntry
from sovrgit.pod.commits import CommitRequest, commit
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import RefChange
from sovrgit.remotes.clone import clone, fork
from sovrgit.remotes.directory import DirectoryRemote
from sovrgit.remotes.push import PushRequest, push
from sovrgit.runs.executor import Cancel
from sovrgit.runs.local import LocalExecutor
from sovrgit.runs.run import RunRequest, RunResult, run_pod
from sovrgit.runs.verification import Verification, verify

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

    def verify(self, run: ObjectId) -> Verification:
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
        old = self.pod.refs.read().values.get(name)
        self.pod.refs.update([RefChange(name, old, target)], command="test", time_ns=0)

    def push(self, folder: Path) -> DirectoryRemote:
        remote = DirectoryRemote(folder)
        names = ["refs/heads/main", *(name for name in self.pod.refs.read().values if "/verdicts/" in name)]
        push(self.pod, remote, PushRequest("origin", names, self.clock * 10**9, {}))
        return remote


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


def count(monkeypatch: pytest.MonkeyPatch, pod: Pod, name: str) -> Counter[ObjectId]:
    """Counts the calls of one of the store's methods from now on."""
    calls: Counter[ObjectId] = Counter()
    original = getattr(pod.store, name)

    def counted(identity: ObjectId) -> object:
        calls[identity] += 1
        return original(identity)

    monkeypatch.setattr(pod.store, name, counted)
    return calls


def chain(lab: Lab, length: int) -> ObjectId:
    """Runs in a row, each of which used what the one before has put out."""
    with lab.pod.store.session() as session:
        recipe = session.add(Kind.BLOB, b"recipe")

        def tree(**files: ObjectId) -> ObjectId:
            return session.add(
                Kind.TREE, Tree.of(TreeEntry(n.encode(), EntryKind.FILE, i, 4) for n, i in files.items()).encode()
            )

        def folder(name: bytes, below: ObjectId) -> TreeEntry:
            return TreeEntry(name, EntryKind.DIRECTORY, below, 4)

        template = lab.pod.store.run(lab.run().id)
        parent: tuple[ObjectId, ...] = ()
        before = session.add(Kind.BLOB, b"seed")
        for number in range(length):
            after = session.add(Kind.BLOB, f"{number:04}".encode())
            inputs = [folder(b"payload", tree(x=before)), TreeEntry(b"recipe.json", EntryKind.FILE, recipe, 6)]
            outputs = [folder(b"output", tree(y=after))]
            record = replace(
                template,
                recipe=recipe,
                input=session.add(Kind.TREE, Tree.of(inputs).encode()),
                output=session.add(Kind.TREE, Tree.of(outputs).encode()),
                base=parent[0] if parent else None,
                started=number * 100,
                finished=number * 100 + 50,
            )
            run = session.add(Kind.RUN, record.encode())
            whole = session.add(Kind.TREE, Tree.of(inputs + outputs).encode())
            parent = (session.add(Kind.COMMIT, Commit(whole, parent, lab.who(), "Run", run=run).encode()),)
            before = after
        session.commit()
    lab.move(parent[0])
    return parent[0]
