"""The answer to a question of lineage: what a result, a file or a commit hangs together with."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from sovrgit.lineage.pods.other import OtherPod
from sovrgit.objects.commit import Commit, Fork
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.run import External, Run
from sovrgit.objects.verdict import Verdict

MAX_NODES = 10_000
"""Nodes in one answer: more than anyone reads, and few enough for Graphviz."""


class NodeKind(enum.StrEnum):
    """What a node stands for."""

    FILE = "file"
    FOLDER = "folder"
    COMMIT = "commit"
    RUN = "run"
    RECIPE = "recipe"
    VERDICT = "verdict"
    ORIGIN = "origin"
    EXTERNAL = "external"
    POD = "pod"


class Relation(enum.StrEnum):
    """How a source hangs together with a target. It reads in this order: source, relation, target.

    What it points at was there before, but for `checked-by` and `committed-in`.
    """

    MADE_BY = "made-by"
    TAKEN_FROM = "taken-from"
    RECIPE = "recipe"
    USED = "used"
    SAME_CONTENT = "same-content"
    ADDED_IN = "added-in"
    CHANGED_IN = "changed-in"
    CONTAINS = "contains"
    CHANGES = "changes"
    CHECKED_BY = "checked-by"
    REPEATS = "repeats"
    RAN = "ran"
    COMMITTED_IN = "committed-in"
    FORKED_FROM = "forked-from"
    CLONED_FROM = "cloned-from"
    COMES_FROM = "comes-from"
    IN_POD = "in-pod"


class Direction(enum.StrEnum):
    """What was asked: where something comes from (up), or what became of it (down)."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class FileDetails:
    """A file, link or recipe: its path in the pod, content, size in bytes, and whether the content is here."""

    path: bytes
    content: ObjectId
    size: int
    here: bool


@dataclass(frozen=True, slots=True)
class FolderDetails:
    """A folder: its path in the pod, tree, number of files (None if they are not all known here) and size in bytes."""

    path: bytes
    tree: ObjectId
    files: int | None
    size: int


@dataclass(frozen=True, slots=True)
class CommitDetails:
    """A commit; `commit` is None if it is not here. `more` counts changed paths that are not shown."""

    id: ObjectId
    commit: Commit | None
    more: int = 0


@dataclass(frozen=True, slots=True)
class RunDetails:
    """A run; `run` is None if its record is not here. `made` is the commit that it made."""

    id: ObjectId
    run: Run | None
    made: ObjectId | None


@dataclass(frozen=True, slots=True)
class VerdictDetails:
    """A verdict on a run; `verdict` is None if it is not here."""

    id: ObjectId
    verdict: Verdict | None


@dataclass(frozen=True, slots=True)
class OriginDetails:
    """Where the pod comes from: what it was cloned by, or the `fork` that stands in `commit`."""

    reference: str
    fork: Fork | None = None
    commit: ObjectId | None = None


@dataclass(frozen=True, slots=True)
class ExternalDetails:
    """A payload from another pod. `reference` is the one that may be shown."""

    external: External
    reference: str


@dataclass(frozen=True, slots=True)
class PodDetails:
    """Another pod that cannot be looked into, or not as it was expected."""

    pod: OtherPod


Details: TypeAlias = (
    FileDetails
    | FolderDetails
    | CommitDetails
    | RunDetails
    | VerdictDetails
    | OriginDetails
    | ExternalDetails
    | PodDetails
)


@dataclass(frozen=True, slots=True)
class Node:
    """One thing. `label` is a short name; bytes of a path that are not UTF-8 stand in it as surrogates.

    `pod` is the key of the pod that it belongs to; nothing for the pod that was asked about.
    """

    id: str
    kind: NodeKind
    label: str
    details: Details
    pod: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """How two things hang together; `note` adds in words what is special about it."""

    source: str
    target: str
    relation: Relation
    note: str = ""


_FORWARD_WHEN_DOWN = {Relation.CHECKED_BY, Relation.COMMITTED_IN, Relation.ADDED_IN, Relation.CHANGED_IN}


@dataclass(frozen=True, slots=True)
class Lineage:
    """An answer. Edges stand in the order in which they should be read.

    `missing` counts objects that are not here and would have been asked; `truncated` says that there was more than
    an answer may hold, and what is farthest away was left out. `pods` are the other pods in it, by key.
    """

    root: str
    direction: Direction
    nodes: Mapping[str, Node]
    edges: tuple[Edge, ...]
    missing: int = 0
    truncated: bool = False
    pods: Mapping[str, OtherPod] = field(default_factory=dict)

    def below(self) -> dict[str, list[tuple[Edge, str]]]:
        """For each node the edges that lead away from the question, with the node at the other end."""
        found: dict[str, list[tuple[Edge, str]]] = {}
        for edge in self.edges:
            forward = self.direction is Direction.UP or edge.relation in _FORWARD_WHEN_DOWN
            start, end = (edge.source, edge.target) if forward else (edge.target, edge.source)
            found.setdefault(start, []).append((edge, end))
        return found

    def of_kind(self, kind: NodeKind) -> Iterator[Node]:
        """The nodes of one kind, the nearest first."""
        return (node for node in self.nodes.values() if node.kind is kind)
