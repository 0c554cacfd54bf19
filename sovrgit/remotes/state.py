"""What this pod remembers of a remote: the last manifest it saw, and which packs it need not fetch or send again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgpack

from sovrgit.errors import ObjectInvalid
from sovrgit.objects.ids import ObjectId
from sovrgit.remotes.manifest import Manifest
from sovrgit.store.files import reporting, write_atomic


@dataclass(frozen=True, slots=True)
class RemoteState:
    """`known` are packs of the manifest whose content is here, verified; `uploaded` packs that were verified there and
    are in no manifest yet."""

    manifest: Manifest | None = None
    known: frozenset[ObjectId] = frozenset()
    uploaded: frozenset[ObjectId] = frozenset()

    @classmethod
    def load(cls, folder: Path, name: str) -> RemoteState:
        """The state kept for a remote; an empty one if there is none or it is damaged.

        Without it transfers take longer, and a remote that went back to an older state is not noticed.

        Raises:
            StorageFailure, ReadOnly: if it cannot be read.
        """
        path = _path(folder, name)
        try:
            with reporting(path):
                try:
                    data = path.read_bytes()
                except FileNotFoundError:
                    return cls()
            manifest, known, uploaded = msgpack.unpackb(data)
            return cls(
                Manifest.decode(manifest) if manifest else None,
                frozenset(map(ObjectId, known)),
                frozenset(map(ObjectId, uploaded)),
            )
        except (ValueError, TypeError, ObjectInvalid):
            return cls()

    def save(self, folder: Path, name: str) -> None:
        """Keep the state.

        Raises:
            StorageFull, ReadOnly, StorageFailure: as the operating system reports.
        """
        manifest = self.manifest.encode() if self.manifest else b""
        data = msgpack.packb((manifest, sorted(self.known), sorted(self.uploaded)))
        # A fork's manifest has the sharing reference of its origin in it.
        write_atomic(_path(folder, name), data, mode=0o600)

    @staticmethod
    def known_of_all(folder: Path) -> frozenset[ObjectId]:
        """Packs of any remote whose content is here: a pack may be in several, and what was sent has other packs there.

        Raises:
            StorageFailure, ReadOnly: if it cannot be read.
        """
        with reporting(folder / "remotes"):
            names = [path.name for path in (folder / "remotes").iterdir() if path.suffix != ".lock"]
        return frozenset().union(*(RemoteState.load(folder, name).known for name in names))

    @staticmethod
    def forget(folder: Path, name: str) -> None:
        """Remove what is kept for a remote."""
        _path(folder, name).unlink(missing_ok=True)


def _path(folder: Path, name: str) -> Path:
    return folder / "remotes" / name
