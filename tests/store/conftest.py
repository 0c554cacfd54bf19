"""A store in a temporary folder, and constants small enough that a few kilobytes show what gigabytes would."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.store import chunking, compress, format, packwriter, repack, session
from sovrgit.store import store as store_module
from sovrgit.store.store import ObjectStore


class Bench:
    """An object store and short ways to fill, break and reopen it."""

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

    def copy(self, to: Path) -> Bench:
        """Another store with the same packs."""
        other = Bench(to)
        for pack in self.packs():
            shutil.copy(pack, other.store.packs_folder)
        other.store.refresh()
        return other

    def rewrite(self, pack: Path, data: bytes) -> None:
        """Put other bytes into a pack, under its name."""
        pack.unlink()
        pack.write_bytes(data)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "store")
    yield made
    made.store.close()


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of about 256 bytes, lists of seven records, packs of a few kilobytes."""
    monkeypatch.setattr(chunking, "AVERAGE", 256)
    monkeypatch.setattr(chunking, "MINIMUM", 64)
    monkeypatch.setattr(chunking, "MAXIMUM", 1024)
    monkeypatch.setattr(chunking, "BLOCK", 4096)
    monkeypatch.setattr(compress, "SAMPLE_FROM", 512)
    monkeypatch.setattr(compress, "SAMPLE_SIZE", 64)
    monkeypatch.setattr(format, "SMALL", 128)
    monkeypatch.setattr(packwriter, "_FLUSH_AT", 1024)
    monkeypatch.setattr(packwriter, "_DIRECT_FROM", 512)
    monkeypatch.setattr(session, "CHUNK_FROM", 1024)
    monkeypatch.setattr(session, "MAX_LIST", 7 * format.CHUNK_RECORD_SIZE + 5)
    monkeypatch.setattr(session, "_BATCH_BYTES", 1024)
    monkeypatch.setattr(session, "_BATCH_ITEMS", 5)
    monkeypatch.setattr(store_module, "_SPAN", 2048)
    for module in (session, repack):
        monkeypatch.setattr(module, "PACK_TARGET", 8192)
        monkeypatch.setattr(module, "MAX_ENTRIES", 20)


@pytest.fixture
def noise() -> random.Random:
    """Bytes that do not compress, the same in every run."""
    return random.Random(20)
