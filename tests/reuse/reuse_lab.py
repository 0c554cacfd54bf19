"""People who have a pod of the same inputs, run it, and publish what came of it; and what they can lie about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from run_lab import Lab

from sovrgit.actions import fetch_pod, push_pod
from sovrgit.lineage.index import LineageIndex
from sovrgit.objects.commit import Stamp
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.run import Run
from sovrgit.objects.signature import sign
from sovrgit.objects.tree import EntryKind, Tree, TreeEntry
from sovrgit.objects.verdict import Finding, Verdict
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import RUNS, VERDICTS, RefChange
from sovrgit.pod.switch import move_to
from sovrgit.remotes.directory import DirectoryRemote
from sovrgit.remotes.locations import add_remote, remove_remote
from sovrgit.remotes.networks import Networks
from sovrgit.reuse.finding import finder
from sovrgit.reuse.judging import Keys
from sovrgit.reuse.taking import Limits
from sovrgit.runs.record import RunRequest
from sovrgit.runs.run import RunResult
from sovrgit.signing.ethereum import SigningKey
from sovrgit.signing.keeping import signer_of


@dataclass
class Person(Lab):
    """Somebody with a pod. What comes out is what they say: results differ though the inputs are the same."""

    name: str = ""
    says: str = "one"
    key: SigningKey | None = None
    folder: Path = Path()
    keys: Keys = field(default_factory=Keys)
    notices: tuple[str, ...] = ()
    networks: Networks | None = None

    @classmethod
    def begin(cls, folder: Path, name: str, says: str | None = None) -> Person:
        """Somebody new."""
        pod = Pod.create(folder / name)
        made = cls(pod, name=name, folder=folder)
        made.says = says or "one"
        made.recipe()
        made.write("script/run.sh", 'printf "%s" "$SAYS" > output/out.txt\n')
        made.write("payload/in.txt", "one\n")
        made.commit("First version")
        return made

    def who(self) -> Stamp:
        return super().who()._replace(name=self.name)

    def request(self, **changes: Any) -> RunRequest:
        made = super().request(**changes)
        # The environment is no part of the run key.
        return replace(made, environment=({**made.environment[0], "SAYS": self.says}, made.environment[1]))

    def key_of(self, number: int) -> SigningKey:
        """Sign everything from now on."""
        self.key = key = SigningKey(bytes(31) + bytes([number]))
        self.pod.find_signer = lambda: signer_of(key)
        return key

    @property
    def address(self) -> str:
        assert self.key is not None
        return self.key.address

    def trusts(self, *others: Person) -> None:
        self.keys = replace(self.keys, names={**self.keys.names, **{other.address: other.name for other in others}})

    # --- remotes --------------------------------------------------------------------------------------------------

    def knows(self, name: str) -> None:
        add_remote(self.pod, name, str(self.folder / name), self.folder)

    def forgets(self, name: str) -> None:
        remove_remote(self.pod, name)

    def publish(self, name: str, *, runs: bool = True) -> None:
        if name not in self.pod.config.subsections("remote"):
            self.knows(name)
        push_pod(self.pod, name, time_ns=self.clock * 10**9, with_runs=runs)

    def fetch(self, name: str) -> None:
        fetch_pod(self.pod, name, time_ns=self.clock * 10**9)

    def remote(self, name: str) -> DirectoryRemote:
        return DirectoryRemote(self.folder / name)

    # --- results --------------------------------------------------------------------------------------------------

    def take(self, rule: str = "trusted", limits: Limits | None = None, **changes: Any) -> RunResult:
        """Run the pod, or take what somebody has."""
        find = finder(rule, self.keys, self.networks, limits=limits)
        result = self.run(find=find, **changes)
        (decision,) = self.decisions
        self.notices = decision.notices
        return result

    def latest(self) -> tuple[ObjectId, Run]:
        with LineageIndex(self.pod) as index:
            known = next(index.runs(1))
            return known.id, known.run

    def withdraw(self) -> Run:
        """Go back to the commit before the last run, so that no push brings it; its record."""
        run = self.latest()[1]
        head = self.pod.head()
        assert head is not None
        with self.pod.lock():
            move_to(self.pod, self.pod.store.commit(head).parents[0], command="test", time_ns=0)
        return run

    def record(self, run: Run, *, signed: bool = True) -> ObjectId:
        """Put a record under its ref, signed by this person if they sign and nothing else is said."""
        if signed:
            run = self.pod.sign(replace(run, signature=None))
        return self._put(Kind.RUN, RUNS, run.encode())

    def forge(self, change: Callable[[Run], Run], *, signed: bool = True) -> ObjectId:
        """A record like the latest one, with something else in it."""
        return self.record(change(self.latest()[1]), signed=signed)

    def output(self, files: dict[str, bytes]) -> ObjectId:
        """The tree of an output, given by its files, which lie in one folder each."""
        folders: dict[bytes, list[TreeEntry]] = {}
        with self.pod.store.session() as session:
            for path, data in files.items():
                folder, _, name = path.rpartition("/")
                entry = TreeEntry(name.encode(), EntryKind.FILE, session.add(Kind.BLOB, data), len(data))
                folders.setdefault(folder.encode(), []).append(entry)
            top = folders.pop(b"", [])
            for name, entries in folders.items():
                tree = Tree.of(entries)
                identity = session.add(Kind.TREE, tree.encode())
                top.append(TreeEntry(name, EntryKind.DIRECTORY, identity, tree.size))
            made = session.add(Kind.TREE, Tree.of(top).encode())
            session.commit()
        return made

    def say(self, finding: Finding, run: ObjectId, *, change: Callable[[Verdict], Verdict] = lambda v: v) -> ObjectId:
        """A verdict on a run, which rests on this person's own latest run."""
        made = Verdict(finding, run, self.latest()[0], self.clock * 10**9, 1, by=self.name)
        return self._put(Kind.VERDICT, VERDICTS, change(self.pod.sign(made)).encode())

    def _put(self, kind: Kind, prefix: str, data: bytes) -> ObjectId:
        with self.pod.store.session() as session:
            identity = session.add(kind, data)
            session.commit()
        with self.pod.lock():
            change = RefChange(f"{prefix}{identity}", None, identity)
            self.pod.refs.update([change], command="test", time_ns=0)
        return identity


def signed_by(key: SigningKey, run: Run) -> Run:
    """A record signed by another key than its author's."""
    return sign(replace(run, signature=None), signer_of(key))
