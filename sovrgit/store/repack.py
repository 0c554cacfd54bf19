"""Copying entries from packs into new ones, without decompressing them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sovrgit.errors import IntegrityFailure, StorageFailure
from sovrgit.objects.ids import ObjectId
from sovrgit.store.catalogue import Location
from sovrgit.store.compress import compress
from sovrgit.store.format import MAX_ENTRIES, PACK_TARGET, Codec, PackClass, class_of
from sovrgit.store.packwriter import FinishedPack, NewEntry, PackWriter, toc_entry
from sovrgit.store.store import ObjectStore


def repack(
    store: ObjectStore,
    folder: Path,
    entries: Iterable[tuple[Location, ObjectId]],
    companions: Iterable[FinishedPack] = (),
) -> list[FinishedPack]:
    """New packs in `folder` with these entries, content packs first, as a write session would have made them.

    Args:
        companions: content packs that exist already, whose tables of contents shall be in the metadata pack too.

    Raises:
        IntegrityFailure: if no undamaged copy of an entry is here; no pack is left behind.
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    finished: list[FinishedPack] = []
    later: list[tuple[Location, ObjectId]] = []
    content = PackSeries(folder, PackClass.CONTENT, finished)
    metadata = PackSeries(folder, PackClass.METADATA, finished)
    try:
        for location, item in entries:
            if class_of(location.kind, location.codec, location.size) is PackClass.CONTENT:
                content.add(_copy(store, location, item))
            else:
                later.append((location, item))
        content.close()
        tables = [toc_entry(pack) for pack in (*companions, *finished)]
        for location, item in later:
            metadata.add(_copy(store, location, item))
        for table in tables:
            metadata.add(table)
        metadata.close()
    except BaseException:
        content.abandon()
        metadata.abandon()
        for pack in finished:
            pack.path.unlink(missing_ok=True)
        raise
    return finished


def _copy(store: ObjectStore, location: Location, item: ObjectId) -> NewEntry:
    codec = location.codec
    try:
        payload = store.raw_entry(location, item)
    except (IntegrityFailure, StorageFailure):
        if codec is Codec.CHUNKS:
            raise
        # Another pack may have a copy that is whole.
        codec, payload = compress(store.read(item, location.kind))
    return NewEntry(location.kind, codec, location.depth, location.size, item, payload)


class PackSeries:
    """Packs of one class in the making, each begun when the one before is full; `finished` takes them."""

    def __init__(self, folder: Path, kind: PackClass, finished: list[FinishedPack]) -> None:
        self._folder = folder
        self._kind = kind
        self._finished = finished
        self._writer: PackWriter | None = None

    def add(self, entry: NewEntry) -> None:
        """Append an entry."""
        if self._writer is None:
            self._writer = PackWriter(self._folder, self._kind)
        self._writer.add(entry)
        if self._writer.size >= PACK_TARGET or self._writer.entries >= MAX_ENTRIES:
            self.close()

    def close(self) -> None:
        """Complete the pack that was begun."""
        if self._writer is not None:
            self._finished.append(self._writer.finish())
            self._writer = None

    def abandon(self) -> None:
        """Remove the pack that was begun."""
        if self._writer is not None:
            self._writer.abandon()
