"""Who is at work in a folder, where the file system has no locks to share: a file for each."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from sovrgit.store.files import reporting, write_atomic
from sovrgit.store.processes import Holder


class Presence:
    """The file of one process, `PATH.at-` and a random number."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mine: Path | None = None

    def enter(self) -> None:
        """Be seen.

        Raises:
            StorageFull, ReadOnly, StorageFailure: if the file cannot be made.
        """
        mine = self._path.with_name(f"{self._path.name}.at-{os.urandom(8).hex()}")
        write_atomic(mine, Holder.me().encode(), sync=False)
        self._mine = mine

    def leave(self) -> None:
        """Be no longer there. If that fails, others see that this process has ended, when it has."""
        mine, self._mine = self._mine, None
        if mine is not None:
            with contextlib.suppress(OSError):
                mine.unlink()

    def others(self) -> list[Holder]:
        """Those who are there besides. The files of those who have ended are removed."""
        found = []
        with reporting(self._path):
            for name in os.listdir(self._path.parent):
                path = self._path.with_name(name)
                if not name.startswith(f"{self._path.name}.at-") or path == self._mine:
                    continue
                with contextlib.suppress(FileNotFoundError):
                    # A file gets its name when all is in it: one that says nothing is what a power cut has left.
                    holder = Holder.read(path.read_bytes())
                    if holder is None or holder.is_gone:
                        path.unlink()
                    else:
                        found.append(holder)
        return found
