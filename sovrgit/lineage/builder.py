"""Gathers the nodes and edges of an answer. An object that is not here gives a node that says so."""

from __future__ import annotations

from bisect import bisect_left

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
    Relation,
    RunDetails,
    VerdictDetails,
)
from sovrgit.lineage.index import LineageIndex
from sovrgit.objects.commit import Commit
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.run import External
from sovrgit.objects.tree import TreeEntry
from sovrgit.pod.pod import Pod

RECIPE_PATH = b"recipe.json"


class Builder:
    """An answer in the making."""

    def __init__(self, pod: Pod, index: LineageIndex, direction: Direction, limit: int = MAX_NODES) -> None:
        self.pod = pod
        self.index = index
        self.counter = FileCounter(pod.store)
        self._direction = direction
        self._limit = limit
        self._nodes: dict[str, Node] = {}
        self._edges: dict[Edge, None] = {}
        self._commits: dict[ObjectId, Commit | None] = {}
        self._runs: dict[ObjectId, RunDetails] = {}
        self._missing: set[ObjectId] = set()

    @property
    def is_full(self) -> bool:
        """Whether the answer holds as much as it may."""
        return len(self._nodes) >= self._limit

    def answer(self, root: str, *, truncated: bool) -> Lineage:
        """The answer as it is now."""
        missing = len(self._missing | self.counter.missing)
        return Lineage(root, self._direction, self._nodes, tuple(self._edges), missing, truncated)

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
                self._commits[identity] = self.pod.store.commit(identity)
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

    def read_run(self, identity: ObjectId) -> RunDetails:
        """What is known of a run."""
        if identity not in self._runs:
            try:
                self._runs[identity] = RunDetails(*self.index.run(identity))
            except ObjectMissing:
                self.miss(identity)
                self._runs[identity] = RunDetails(identity, None, None)
        return self._runs[identity]

    def entries(self, tree: ObjectId) -> tuple[TreeEntry, ...]:
        """What a folder holds; nothing if it is not here."""
        try:
            return self.pod.store.tree(tree).entries
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

    # --- nodes ----------------------------------------------------------------------------------------------------

    def item(self, path: bytes, entry: TreeEntry) -> str:
        """The node of a file, link or folder, or of the recipe."""
        label = path.decode("utf-8", "surrogateescape")
        if entry.is_directory:
            files = self.counter.count(entry.id)
            details = FolderDetails(path, entry.id, files, entry.size)
            return self._add(f"folder:{entry.id}:{_quoted(path)}", NodeKind.FOLDER, label + "/", details)
        kind = NodeKind.RECIPE if path == RECIPE_PATH else NodeKind.FILE
        here = self.pod.store.has(entry.id)
        return self._add(f"file:{entry.id}:{_quoted(path)}", kind, label, FileDetails(path, entry.id, entry.size, here))

    def commit(self, identity: ObjectId, more: int = 0) -> str:
        """The node of a commit."""
        details = CommitDetails(identity, self.read_commit(identity), more)
        return self._add(f"commit:{identity}", NodeKind.COMMIT, identity.short, details)

    def run(self, identity: ObjectId) -> str:
        """The node of a run."""
        return self._add(f"run:{identity}", NodeKind.RUN, identity.short, self.read_run(identity))

    def verdict(self, identity: ObjectId) -> str:
        """The node of a verdict."""
        try:
            details = VerdictDetails(identity, self.pod.store.verdict(identity))
        except ObjectMissing:
            self.miss(identity)
            details = VerdictDetails(identity, None)
        return self._add(f"verdict:{identity}", NodeKind.VERDICT, identity.short, details)

    def external(self, external: External) -> str:
        """The node of a payload from another pod."""
        node = f"external:{external.commit}:{external.id}:{_quoted(external.path.encode())}"
        return self._add(node, NodeKind.EXTERNAL, external.path, ExternalDetails(external))

    def origin(self, details: OriginDetails) -> str:
        """The node of the place that the pod comes from."""
        node = f"origin:{details.commit}" if details.commit is not None else "origin:clone"
        return self._add(node, NodeKind.ORIGIN, details.reference, details)

    def _add(self, node: str, kind: NodeKind, label: str, details: Details) -> str:
        if node not in self._nodes:
            self._nodes[node] = Node(node, kind, label, details)
        return node


def _named(entries: tuple[TreeEntry, ...], name: bytes) -> TreeEntry | None:
    # Sorted by name, and a folder may hold very many.
    at = bisect_left(entries, name, key=lambda entry: entry.name)
    return entries[at] if at < len(entries) and entries[at].name == name else None


_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/")


def _quoted(path: bytes) -> str:
    """The path with everything but letters, digits and `._-/` written as in a URL: any bytes give one plain name."""
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in path)
