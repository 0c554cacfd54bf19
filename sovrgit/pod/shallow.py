"""Where history was cut: commits whose parents were left at a remote, and count as having none.

They stand in `.sovr/shallow`, one id a line. Without the file the whole history is here.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from sovrgit.errors import IntegrityFailure
from sovrgit.objects.ids import ObjectId
from sovrgit.store.files import reporting, write_atomic

_SHALLOW_FILE = "shallow"


def read_shallow(folder: Path) -> frozenset[ObjectId]:
    """The commits at which history ends in the repository in a folder.

    Raises:
        IntegrityFailure: if the file is damaged.
        StorageFailure, ReadOnly: if it cannot be read.
    """
    path = folder / _SHALLOW_FILE
    with reporting(path):
        try:
            lines = path.read_text("ascii", "replace").split()
        except FileNotFoundError:
            return frozenset()
    try:
        return frozenset(map(ObjectId.parse, lines))
    except ValueError:
        raise IntegrityFailure(
            what="the file `.sovr/shallow`",
            reason="it does not say where history was cut",
            hint="remove it, then run `sovr fetch --unshallow`",
        ) from None


def write_shallow(folder: Path, commits: Collection[ObjectId]) -> None:
    """Keep in mind where history was cut; nowhere, if there are none.

    Raises:
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    path = folder / _SHALLOW_FILE
    if commits:
        write_atomic(path, "".join(f"{item}\n" for item in sorted(commits)).encode())
        return
    with reporting(path):
        path.unlink(missing_ok=True)
