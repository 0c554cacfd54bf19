"""Made-up answers, for what is done with them."""

from __future__ import annotations

from sovrgit.lineage.graph import (
    CommitDetails,
    Direction,
    Edge,
    FileDetails,
    FolderDetails,
    Lineage,
    Node,
    NodeKind,
    Relation,
    RunDetails,
)
from sovrgit.objects.commit import Commit, Stamp
from sovrgit.objects.ids import ObjectId, blob_id
from sovrgit.objects.run import Run, RunStatus

ID = ObjectId(b"\x4f" * 32)
SECOND = 10**9


def run_record(**fields: object) -> Run:
    values: dict[str, object] = {
        "status": RunStatus.SUCCEEDED,
        "pod": "lab",
        "recipe": ID,
        "input": ID,
        "key": ID,
        "command": ("python3", "script/train.py"),
        "executor": {"name": "local"},
        "platform": {"system": "Linux", "machine": "x86_64", "python": "3.11.7"},
        "started": 1_700_000_000 * SECOND,
        "finished": 1_700_000_001 * SECOND + 250_000_000,
        "by": "Ann",
        **fields,
    }
    return Run(**values)


def file_node(path: bytes, *, here: bool = True, kind: NodeKind = NodeKind.FILE) -> Node:
    return Node(
        f"file:{path.hex()}", kind, path.decode("utf-8", "surrogateescape"), FileDetails(path, blob_id(path), 312, here)
    )


def folder_node(path: bytes, files: int | None) -> Node:
    return Node(f"folder:{path.hex()}", NodeKind.FOLDER, f"{path.decode()}/", FolderDetails(path, ID, files, 2048))


def run_node(number: int = 0, run: Run | None = None) -> Node:
    identity = ObjectId(number.to_bytes(32, "big"))
    return Node(f"run:{number}", NodeKind.RUN, identity.short, RunDetails(identity, run, None))


def commit_node(message: str, name: str = "Ann") -> Node:
    commit = Commit(ID, (), Stamp(name, "ann@example.org", 1_700_000_000), message)
    return Node(f"commit:{message}", NodeKind.COMMIT, commit.id().short, CommitDetails(commit.id(), commit))


def answer(*edges: tuple[Node, Relation, Node], direction: Direction = Direction.UP, note: str = "") -> Lineage:
    """An answer whose root is the first source (up) or the first target (down)."""
    nodes: dict[str, Node] = {}
    for source, _, target in edges:
        ends = (source, target) if direction is Direction.UP else (target, source)
        nodes.update({node.id: node for node in ends if node.id not in nodes})
    found = tuple(Edge(source.id, target.id, relation, note) for source, relation, target in edges)
    return Lineage(next(iter(nodes)), direction, nodes, found)
