"""A merge that waits for its conflicts to be resolved: one file in the repository."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from sovrgit.errors import IntegrityFailure, MergeUnfinished
from sovrgit.objects.commit import Stamp
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.pod.mergetrees import Conflict
from sovrgit.pod.paths import MERGE_FILE
from sovrgit.pod.pod import Pod
from sovrgit.store.files import reporting, write_atomic

Operation: TypeAlias = Literal["merge", "cherry-pick", "revert"]


@dataclass(frozen=True, slots=True)
class MergeState:
    """What was begun.

    `other` is the commit that is brought in, `label` what the user called it, `tree` what was written into the working
    tree. A cherry-pick keeps its `author`.
    """

    operation: Operation
    head: ObjectId
    other: ObjectId
    label: str
    message: str
    tree: ObjectId
    conflicts: tuple[Conflict, ...]
    resolved: frozenset[bytes] = frozenset()
    author: Stamp | None = None

    @property
    def open(self) -> tuple[Conflict, ...]:
        """The conflicts that are not resolved."""
        return tuple(conflict for conflict in self.conflicts if conflict.path not in self.resolved)

    def with_resolved(self, paths: frozenset[bytes]) -> MergeState:
        """The same with more of it resolved."""
        return replace(self, resolved=self.resolved | paths)


def waits(pod: Pod) -> bool:
    """Whether there may be a merge that waits; cheap, and never wrong when it says no."""
    return (pod.folder / MERGE_FILE).exists()


def read_state(pod: Pod) -> MergeState | None:
    """The merge that waits, None if none does. One whose branch has moved on was finished.

    Raises:
        IntegrityFailure: if the file is damaged.
    """
    path = pod.folder / MERGE_FILE
    with reporting(path):
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
    try:
        state = _decode(json.loads(data))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise IntegrityFailure(
            what="the file `.sovr/merge`",
            reason="it is cut off or was edited",
            hint="remove it to give the merge up; the branch is as it was before",
        ) from None
    return state if pod.head() == state.head else None


def write_state(pod: Pod, state: MergeState) -> None:
    """Remember a merge. The caller holds the pod's lock.

    Raises:
        StorageFull, ReadOnly, StorageFailure: if it cannot be written.
    """
    write_atomic(pod.folder / MERGE_FILE, json.dumps(_encode(state), indent=1).encode())


def forget_state(pod: Pod) -> None:
    """Remember none any more."""
    path = pod.folder / MERGE_FILE
    with reporting(path):
        path.unlink(missing_ok=True)


def refuse_unfinished(pod: Pod) -> None:
    """Go on only if no merge waits.

    Raises:
        MergeUnfinished: if one does.
    """
    state = read_state(pod)
    if state is not None:
        raise MergeUnfinished(operation=state.operation)


def _encode(state: MergeState) -> dict[str, Any]:
    return {
        "version": 1,
        "operation": state.operation,
        "head": str(state.head),
        "other": str(state.other),
        "label": state.label,
        "message": state.message,
        "tree": str(state.tree),
        "conflicts": [
            {
                "path": conflict.path.hex(),
                "name": os.fsdecode(conflict.path).encode("utf-8", "replace").decode(),
                "reason": conflict.reason,
                "sides": [_entry(side) for side in conflict[2:]],
            }
            for conflict in state.conflicts
        ],
        "resolved": sorted(path.hex() for path in state.resolved),
        "author": list(state.author) if state.author else None,
    }


def _decode(value: dict[str, Any]) -> MergeState:
    if value["version"] != 1 or value["operation"] not in ("merge", "cherry-pick", "revert"):
        raise ValueError
    return MergeState(
        operation=value["operation"],
        head=ObjectId.parse(value["head"]),
        other=ObjectId.parse(value["other"]),
        label=str(value["label"]),
        message=str(value["message"]),
        tree=ObjectId.parse(value["tree"]),
        conflicts=tuple(
            Conflict(bytes.fromhex(item["path"]), item["reason"], *map(_side, item["sides"]))
            for item in value["conflicts"]
        ),
        resolved=frozenset(bytes.fromhex(path) for path in value["resolved"]),
        author=Stamp(*value["author"]) if value["author"] else None,
    )


def _entry(entry: TreeEntry | None) -> list[Any] | None:
    return None if entry is None else [entry.name.hex(), int(entry.kind), str(entry.id), entry.size]


def _side(value: list[Any] | None) -> TreeEntry | None:
    if value is None:
        return None
    name, kind, identity, size = value
    return TreeEntry(bytes.fromhex(name), EntryKind(kind), ObjectId.parse(identity), int(size))
