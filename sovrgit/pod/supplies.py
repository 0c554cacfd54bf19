"""Which payload of other pods was got: what was found to be in which commit, and what of it is still needed.

A cache in the repository, `.sovr/supplies`. Without it everything is asked of the other pods again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.store.files import write_atomic

FILE = "supplies"


class Ready(NamedTuple):
    """What a path is in a commit of another pod, which was seen in that commit, and what is placed: the same, or what
    was in it if it is an archive."""

    found: TreeEntry
    placed: TreeEntry


@dataclass(frozen=True, slots=True)
class Supplies:
    """What was got, by commit and path; `needed` are objects that the current lock leads to, which `gc` keeps."""

    ready: Mapping[tuple[ObjectId, str], Ready] = field(default_factory=dict)
    needed: frozenset[ObjectId] = frozenset()


def read_supplies(repository: Path) -> Supplies:
    """What was got; nothing, if the cache cannot be read.

    Args:
        repository: the folder `.sovr`.
    """
    try:
        content = json.loads((repository / FILE).read_bytes())
        rows = [
            ((ObjectId.parse(row["commit"]), str(row["path"])), Ready(_entry(row["found"]), _entry(row["placed"])))
            for row in content["ready"]
        ]
        return Supplies(dict(rows), frozenset(map(ObjectId.parse, content["needed"])))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Supplies()


def write_supplies(repository: Path, supplies: Supplies) -> None:
    """Note what was got.

    Raises:
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    rows = [
        {"commit": str(commit), "path": path, "found": _row(item.found), "placed": _row(item.placed)}
        for (commit, path), item in supplies.ready.items()
    ]
    content = {"ready": rows, "needed": sorted(map(str, supplies.needed))}
    write_atomic(repository / FILE, json.dumps(content).encode())


def _row(entry: TreeEntry) -> list[Any]:
    return [int(entry.kind), str(entry.id), entry.size]


def _entry(row: list[Any]) -> TreeEntry:
    kind, identity, size = row
    return TreeEntry(b"", EntryKind(kind), ObjectId.parse(identity), int(size))
