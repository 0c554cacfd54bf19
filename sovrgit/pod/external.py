"""What was placed in a pod's folder of external payload: it belongs to other pods, and no command takes it for ours.

`.sovr/external` says which folders those are, what was put into each, and the tree that it made.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from sovrgit.errors import IntegrityFailure
from sovrgit.objects.ids import ObjectId
from sovrgit.store.files import reporting, write_atomic

NOTE = "external"


class Placed(NamedTuple):
    """What is in one folder: the names that are not the pod's own, and the tree that they make, None while they are
    being put there."""

    names: frozenset[str]
    tree: ObjectId | None = None


NOTHING = Placed(frozenset())


def read_placed(repository: Path) -> dict[str, Placed]:
    """What was placed in each folder, by its path in the pod.

    Args:
        repository: the folder `.sovr`.

    Raises:
        IntegrityFailure: if the note is damaged.
        StorageFailure: if it cannot be read.
    """
    place = repository / NOTE
    with reporting(place):
        try:
            data = place.read_bytes()
        except FileNotFoundError:
            return {}
    # `status` comes here, and seldom gets so far.
    import json

    try:
        return {folder: _placed(value) for folder, value in json.loads(data).items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise IntegrityFailure(
            what="the file `.sovr/external`",
            reason="it is cut off or was edited",
            hint="remove it together with what `sovr run` has put into the folder of external payload",
        ) from None


def write_placed(repository: Path, placed: Mapping[str, Placed]) -> None:
    """Note what was placed.

    Raises:
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    import json

    content = {
        folder: {"names": sorted(item.names), "tree": item.tree and str(item.tree)} for folder, item in placed.items()
    }
    write_atomic(repository / NOTE, json.dumps(content).encode())


def hidden_folders(repository: Path) -> Collection[str]:
    """The folders in which everything that is not tracked belongs to other pods.

    Raises:
        IntegrityFailure, StorageFailure: as for `read_placed`.
    """
    return read_placed(repository).keys()


def _placed(value: Mapping[str, object]) -> Placed:
    names, tree = value["names"], value["tree"]
    if not isinstance(names, list) or not all(isinstance(name, str) and _is_name(name) for name in names):
        raise ValueError
    if tree is not None and not isinstance(tree, str):
        raise ValueError
    return Placed(frozenset(names), None if tree is None else ObjectId.parse(tree))


def _is_name(name: str) -> bool:
    return name not in ("", ".", "..") and "/" not in name and "\0" not in name
