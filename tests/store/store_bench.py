"""An object store and short ways to fill, break and reopen it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.store.store import ObjectStore


class Bench:
    """A store in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ObjectStore.create(folder)
        self.store = ObjectStore(folder)

    def add(self, *blobs: bytes) -> list[ObjectId]:
        """Store blobs in one session."""
        with self.store.session() as batch:
            found = [batch.add(Kind.BLOB, blob) for blob in blobs]
            batch.commit()
        return found

    def read(self, item: ObjectId) -> bytes:
        return bytes(self.store.read(item, Kind.BLOB))

    def packs(self) -> list[Path]:
        """The packs, the largest last."""
        return sorted(self.store.packs_folder.iterdir(), key=lambda path: path.stat().st_size)

    def stray(self) -> list[Path]:
        """Temporary files that were left behind."""
        return list(self.store.temporary.iterdir())

    def reopen(self, *, fresh: bool = False) -> ObjectStore:
        """Open the store anew, with a catalogue made from the packs alone if `fresh`."""
        self.store.close()
        if fresh:
            for path in self.folder.glob("catalogue.sqlite*"):
                path.unlink()
        self.store = ObjectStore(self.folder)
        return self.store

    def stores(self) -> Iterator[ObjectStore]:
        """The store as it is, opened anew, and opened anew without its catalogue."""
        yield self.store
        yield self.reopen()
        yield self.reopen(fresh=True)

    def rewrite(self, pack: Path, data: bytes) -> None:
        """Put other bytes into a pack, under its name."""
        pack.unlink()
        pack.write_bytes(data)
