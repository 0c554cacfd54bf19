"""Gathers the nodes and edges of an answer. An object that is not here gives a node that says so."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from sovrgit.errors import ObjectMissing
from sovrgit.lineage.contents import FileCounter
from sovrgit.lineage.graph import (
    MAX_NODES,
    CommitDetails,
    Details,
    Direction,
    Edge,
    ExternalDetails,
    FileDetails,
    FolderDetails,
    Lineage,
    Node,
    NodeKind,
    OriginDetails,
    PodDetails,
    Relation,
    RunDetails,
    VerdictDetails,
)
from sovrgit.lineage.index import LineageIndex
from sovrgit.lineage.pods.other import OtherPod
from sovrgit.lineage.pods.others import OtherPods
from sovrgit.lineage.pods.places import shown_reference
from sovrgit.lineage.pods.sources import Indexes, Objects
from sovrgit.objects.commit import Commit
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.run import External
from sovrgit.objects.tree import TreeEntry
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import REMOTES

RECIPE_PATH = b"recipe.json"

_Item = TypeVar("_Item")


class Builder:
    """An answer in the making."""

    def __init__(
        self,
        pod: Pod,
        index: LineageIndex,
        direction: Direction,
        limit: int = MAX_NODES,
        others: OtherPods | None = None,
    ) -> None:
        self.pod = pod
        self.others = others
        self.store = Objects(pod, others)
        self.index = Indexes(index, others)
        self.counter = FileCounter(self.store)
        self._direction = direction
        self._limit = limit
        self._nodes: dict[str, Node] = {}
        self._edges: dict[Edge, None] = {}
        self._commits: dict[ObjectId, Commit | None] = {}
        self._runs: dict[ObjectId, RunDetails] = {}
        self._missing: set[ObjectId] = set()
        self._cut = False

    @property
    def is_full(self) -> bool:
        """Whether the answer holds as much as it may."""
        return len(self._nodes) >= self._limit

    def answer(self, root: str, *, truncated: bool) -> Lineage:
        """The answer as it is now."""
        missing = len(self._missing | self.counter.missing)
        pods = {}
        if self.others is not None:
            for node in self._nodes.values():
                self.others.known(node.pod)
            pods = self.others.touched
        truncated = truncated or self._cut
        return Lineage(root, self._direction, self._nodes, tuple(self._edges), missing, truncated, pods)

    def while_room(self, items: Iterable[_Item]) -> Iterator[_Item]:
        """The items, as long as the answer has room: one record may name any number of others."""
        for item in items:
            if self.is_full:
                self._cut = True
                return
            yield item

    def link(self, source: str, target: str, relation: Relation, note: str = "") -> None:
        """Add an edge, unless it is there."""
        self._edges.setdefault(Edge(source, target, relation, note))

    def miss(self, identity: ObjectId) -> None:
        """Note that an object was needed and is not here."""
        self._missing.add(identity)

    # --- reading --------------------------------------------------------------------------------------------------

    def read_commit(self, identity: ObjectId) -> Commit | None:
        """A commit, None if it is not here."""
        if identity not in self._commits:
            try:
                self._commits[identity] = self.store.commit(identity)
            except ObjectMissing:
                self.miss(identity)
                self._commits[identity] = None
        return self._commits[identity]

    def how_taken(self, identity: ObjectId) -> str:
        """The note on a result that a commit took over: where from, and on whose word. Empty if it was known there."""
        read = self.read_commit(identity)
        if read is None or read.reuse is None or not read.reuse.reference:
            return ""
        word = f", on the word of {read.reuse.trusted}" if read.reuse.trusted else ""
        return f"found at {read.reuse.reference}{word}"

    def has_commit(self, identity: ObjectId) -> bool:
        """Whether a commit is here. That it is not is nothing to note: it was not needed."""
        if identity not in self._commits:
            try:
                self._commits[identity] = self.store.commit(identity)
            except ObjectMissing:
                return False
        return self._commits[identity] is not None

    def read_run(self, identity: ObjectId) -> RunDetails:
        """What is known of a run."""
        if identity not in self._runs:
            try:
                self._runs[identity] = RunDetails(
                    identity, self.store.run(identity), self.index.commit_made_by(identity)
                )
            except ObjectMissing:
                self.miss(identity)
                self._runs[identity] = RunDetails(identity, None, None)
        return self._runs[identity]

    def entries(self, tree: ObjectId) -> tuple[TreeEntry, ...]:
        """What a folder holds; nothing if it is not here."""
        try:
            return self.store.tree(tree).entries
        except ObjectMissing:
            self.miss(tree)
            return ()

    def find(self, tree: ObjectId, path: bytes) -> TreeEntry | None:
        """The entry at a path below a tree, None if there is none here."""
        *folders, name = path.split(b"/")
        for folder in folders:
            entry = _named(self.entries(tree), folder)
            if entry is None or not entry.is_directory:
                return None
            tree = entry.id
        return _named(self.entries(tree), name)

    def folders(self, tree: ObjectId, path: bytes) -> list[ObjectId]:
        """The folders below a tree that hold a path, the tree itself first."""
        found = [tree]
        for name in path.split(b"/")[:-1]:
            entry = _named(self.entries(found[-1]), name)
            if entry is None or not entry.is_directory:
                break
            found.append(entry.id)
        return found

    def pod_of_run(self, run: ObjectId) -> str:
        """The key of the pod that a run is from; nothing for the one that is asked about, or if it is not known."""
        return next((self.index.place_of(commit) for commit in self.index.commits_of(run)), "")

    def ancestors_at_remotes(self) -> Mapping[ObjectId, int]:
        """The commits of the pod itself that were fetched from its remotes."""
        values = self.pod.refs.read().values
        tips = {value for name, value in values.items() if name.startswith(REMOTES)}
        found: dict[ObjectId, int] = {}
        for tip in tips:
            if tip not in found:
                found |= self.index.of_commit(tip).ancestry(tip)
        return found

    # --- nodes ----------------------------------------------------------------------------------------------------

    def item(self, path: bytes, entry: TreeEntry, pod: str = "") -> str:
        """The node of a file, link or folder, or of the recipe; of another pod, if its key is given."""
        label = path.decode("utf-8", "surrogateescape")
        where = f"@{pod}" if pod else ""
        if entry.is_directory:
            files = self.counter.count(entry.id)
            folder = FolderDetails(path, entry.id, files, entry.size)
            return self._add(f"folder:{entry.id}:{_quoted(path)}{where}", NodeKind.FOLDER, label + "/", folder, pod)
        kind = NodeKind.RECIPE if path == RECIPE_PATH else NodeKind.FILE
        here = not pod and self.pod.store.has(entry.id)
        details = FileDetails(path, entry.id, entry.size, here)
        return self._add(f"file:{entry.id}:{_quoted(path)}{where}", kind, label, details, pod)

    def commit(self, identity: ObjectId, more: int = 0, pod: str = "") -> str:
        """The node of a commit."""
        details = CommitDetails(identity, self.read_commit(identity), more)
        return self._add(f"commit:{identity}", NodeKind.COMMIT, identity.short, details, pod)

    def run(self, identity: ObjectId, pod: str = "") -> str:
        """The node of a run."""
        return self._add(f"run:{identity}", NodeKind.RUN, identity.short, self.read_run(identity), pod)

    def verdict(self, identity: ObjectId, pod: str = "") -> str:
        """The node of a verdict."""
        try:
            details = VerdictDetails(identity, self.store.verdict(identity))
        except ObjectMissing:
            self.miss(identity)
            details = VerdictDetails(identity, None)
        return self._add(f"verdict:{identity}", NodeKind.VERDICT, identity.short, details, pod)

    def judgement(self, identity: ObjectId) -> str:
        """The node of a verdict, of the pod in which the run was repeated."""
        try:
            repeat = self.store.verdict(identity).repeat
        except ObjectMissing:
            return self.verdict(identity)
        return self.verdict(identity, self.pod_of_run(repeat))

    def external(self, external: External, pod: str = "") -> str:
        """The node of a payload from another pod, of which the key is given, if it is known."""
        node = f"external:{external.commit}:{external.id}:{_quoted(external.path.encode())}"
        details = ExternalDetails(external, shown_reference(external.reference))
        return self._add(node, NodeKind.EXTERNAL, external.path, details, pod)

    def origin(self, details: OriginDetails, pod: str = "") -> str:
        """The node of the place that a pod comes from."""
        node = f"origin:{details.commit}" if details.commit is not None else "origin:clone"
        return self._add(node, NodeKind.ORIGIN, details.reference, details, pod)

    def other(self, pod: OtherPod) -> str:
        """The node of another pod that cannot be looked into as was wanted."""
        return self._add(f"pod:{pod.key}", NodeKind.POD, pod.name or pod.reference, PodDetails(pod), pod.key)

    def _add(self, node: str, kind: NodeKind, label: str, details: Details, pod: str) -> str:
        if node not in self._nodes:
            self._nodes[node] = Node(node, kind, label, details, pod)
        return node


def _named(entries: tuple[TreeEntry, ...], name: bytes) -> TreeEntry | None:
    # Sorted by name, and a folder may hold very many.
    at = bisect_left(entries, name, key=lambda entry: entry.name)
    return entries[at] if at < len(entries) and entries[at].name == name else None


_PLAIN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/"


def _quoted(path: bytes) -> str:
    """The path with everything but letters, digits and `._-/` written as in a URL: any bytes give one plain name."""
    if not path.translate(None, _PLAIN):
        return path.decode("ascii")
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in path)
