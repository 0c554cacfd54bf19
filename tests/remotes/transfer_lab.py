"""Pods with histories, and short ways to push, fetch and compare them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from sovrgit.objects.commit import Commit, Stamp
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.run import Run, RunStatus
from sovrgit.objects.tree import EntryKind, Tree, TreeEntry
from sovrgit.objects.verdict import Finding, Verdict
from sovrgit.pod import snapshot
from sovrgit.pod.check import check_pod
from sovrgit.pod.commits import CommitRequest, commit
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import RefChange
from sovrgit.progress import SILENT, Progress
from sovrgit.remotes import packing
from sovrgit.remotes.base import Remote
from sovrgit.remotes.clone import Cloned, clone
from sovrgit.remotes.fetch import Fetched, FetchRequest, fetch
from sovrgit.remotes.manifest import Manifest
from sovrgit.remotes.pull import take_over
from sovrgit.remotes.push import Pushed, PushRequest, push
from sovrgit.store import chunking, format, repack, session
from sovrgit.store.session import WriteSession

MAIN = "refs/heads/main"

Files = Mapping[str, bytes]


class Lab:
    """A pod with a clock of its own, a minute a step."""

    def __init__(self, pod: Pod) -> None:
        self.pod = pod
        self.clock = 1_700_000_000

    @classmethod
    def create(cls, root: Path) -> Lab:
        return cls(Pod.create(root))

    @property
    def root(self) -> Path:
        return self.pod.root

    @property
    def head(self) -> ObjectId:
        head = self.pod.head()
        assert head is not None
        return head

    @property
    def refs(self) -> dict[str, ObjectId]:
        return dict(self.pod.refs.read().values)

    def who(self) -> Stamp:
        self.clock += 60
        return Stamp("Ann", "ann@example.org", self.clock)

    # --- the working tree ---------------------------------------------------------------------------------------

    def write(self, path: str, data: bytes | str) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data if isinstance(data, bytes) else data.encode())

    def commit(self, files: Files | None = None, *, amend: bool = False) -> ObjectId:
        """Write files and commit the working tree."""
        for path, data in (files or {}).items():
            self.write(path, data)
        return commit(self.pod, CommitRequest(self.who(), None if amend else "Change", amend=amend)).id

    def working(self) -> dict[str, bytes]:
        """The files of the working tree."""
        found = {}
        for folder, folders, names in os.walk(self.root):
            if ".sovr" in folders:
                folders.remove(".sovr")
            for name in names:
                path = Path(folder) / name
                found[str(path.relative_to(self.root))] = path.read_bytes()
        return found

    # --- objects ------------------------------------------------------------------------------------------------

    def add_tree(self, batch: WriteSession, files: Files) -> ObjectId:
        return _tree(batch, files).id

    def tree(self, files: Files) -> ObjectId:
        with self.pod.store.session() as batch:
            tree = self.add_tree(batch, files)
            batch.commit()
        return tree

    def add(self, kind: Kind, *encoded: bytes) -> ObjectId:
        with self.pod.store.session() as batch:
            made = [batch.add(kind, data) for data in encoded]
            batch.commit()
        return made[-1]

    def add_commit(
        self,
        files: Files,
        parents: Sequence[ObjectId] = (),
        *,
        time: int | None = None,
        run: ObjectId | None = None,
    ) -> ObjectId:
        """Store a commit of files without touching the working tree or a ref."""
        author = self.who() if time is None else Stamp("Ann", "ann@example.org", time)
        return self.add(Kind.COMMIT, Commit(self.tree(files), tuple(parents), author, "Made", run=run).encode())

    def add_run(self, inputs: Files, outputs: Files, **fields: object) -> ObjectId:
        """Store a run record with its trees."""
        self.clock += 60
        recipe = inputs.get("recipe.json", b"{}")
        run = Run(
            status=RunStatus.SUCCEEDED,
            pod="lab",
            recipe=self.add(Kind.BLOB, recipe),
            input=self.tree(inputs),
            key=self.add(Kind.BLOB, b"key"),
            command=("true",),
            executor={"kind": "local"},
            platform={"system": "any"},
            started=self.clock * 10**9,
            finished=self.clock * 10**9 + 1,
            output=self.tree(outputs),
            **fields,  # type: ignore[arg-type]
        )
        return self.add(Kind.RUN, run.encode())

    def add_verdict(self, run: ObjectId, repeat: ObjectId) -> str:
        """Store a verdict under its ref; the ref."""
        self.clock += 60
        verdict = self.add(Kind.VERDICT, Verdict(Finding.IDENTICAL, run, repeat, self.clock, 1).encode())
        return self.move(f"refs/verdicts/{verdict}", verdict)

    def move(self, name: str, value: ObjectId | None) -> str:
        """Let a ref stand for something; its name."""
        self.pod.refs.update([RefChange(name, self.refs.get(name), value)], command="test", time_ns=0)
        return name

    # --- transfer -----------------------------------------------------------------------------------------------

    def push(self, remote: Remote, *names: str, remote_name: str = "origin", progress: Progress = SILENT) -> Pushed:
        request = PushRequest(remote_name, names or [MAIN], self.clock * 10**9, {"name": "lab"})
        return push(self.pod, remote, request, progress)

    def fetch(
        self, remote: Remote, *, remote_name: str = "origin", accept: bool = False, progress: Progress = SILENT
    ) -> Fetched:
        return fetch(self.pod, remote, FetchRequest(remote_name, self.clock * 10**9, accept), progress)

    # --- comparing ----------------------------------------------------------------------------------------------

    def files(self, commit: ObjectId) -> dict[str, bytes]:
        """Every file of a commit, read from the store."""
        return dict(self._files(self.pod.store.commit(commit).tree, ""))

    def _files(self, tree: ObjectId, prefix: str) -> Iterator[tuple[str, bytes]]:
        for entry in self.pod.store.tree(tree).entries:
            path = prefix + os.fsdecode(entry.name)
            if entry.is_directory:
                yield from self._files(entry.id, path + "/")
            else:
                yield path, b"".join(self.pod.store.stream(entry.id))

    def problems(self) -> tuple[str, ...]:
        """What a full check of the pod finds."""
        return check_pod(self.pod).problems

    def stray(self) -> list[str]:
        """Temporary files that were left behind."""
        return [path.name for path in self.pod.temporary.iterdir()]

    def packs(self) -> set[str]:
        return {path.name for path in self.pod.store.packs_folder.iterdir()}


def _tree(batch: WriteSession, files: Files) -> TreeEntry:
    below: dict[str, dict[str, bytes]] = {}
    entries = []
    for path, data in files.items():
        name, slash, rest = path.partition("/")
        if slash:
            below.setdefault(name, {})[rest] = data
        else:
            entries.append(TreeEntry(name.encode(), EntryKind.FILE, batch.add(Kind.BLOB, data), len(data)))
    for name, inside in below.items():
        entries.append(_tree(batch, inside)._replace(name=name.encode()))
    tree = Tree.of(entries)
    return TreeEntry(b"-", EntryKind.DIRECTORY, batch.add(Kind.TREE, tree.encode()), tree.size)


def cloned(remote: Remote, folder: Path) -> Lab:
    """A clone of a remote."""
    return Lab(clone_of(remote, folder).pod)


def clone_of(remote: Remote, folder: Path) -> Cloned:
    return clone(remote, folder, time_ns=1)


def manifest_of(remote: Remote) -> Manifest:
    raw = remote.read_manifest()
    assert raw is not None
    return Manifest.decode(raw)


def small_constants(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of about 256 bytes and packs of a few kilobytes, so that small files show what large ones would."""
    monkeypatch.setattr(chunking, "AVERAGE", 256)
    monkeypatch.setattr(chunking, "MINIMUM", 64)
    monkeypatch.setattr(chunking, "MAXIMUM", 1024)
    monkeypatch.setattr(chunking, "BLOCK", 4096)
    monkeypatch.setattr(format, "SMALL", 128)
    monkeypatch.setattr(session, "CHUNK_FROM", 1024)
    monkeypatch.setattr(snapshot, "CHUNK_FROM", 1024)
    monkeypatch.setattr(packing, "FOLD_BELOW", 2048)
    for module in (session, repack):
        monkeypatch.setattr(module, "PACK_TARGET", 8192)


class Counter:
    """Progress that adds up what it is told."""

    def __init__(self) -> None:
        self.total = 0
        self.done = 0
        self.is_open = False

    def begin(self, label: str, total: int, unit: str) -> None:
        self.total += total
        self.is_open = True

    def advance(self, amount: int) -> None:
        assert amount >= 0
        self.done += amount

    def end(self) -> None:
        self.is_open = False


def forward(pod: Pod, remote: str) -> int:
    """Move forward to what was fetched; the number of paths that changed."""
    ann = Stamp("Ann", "ann@example.org", 1)
    return take_over(pod, remote, ann, time_ns=1, fast_forward="only").changed
