"""Bringing objects here that were left at remotes: exactly what is asked for, each verified before it counts."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from sovrgit.errors import IntegrityFailure, NotFetched, RemoteDamaged
from sovrgit.objects.ids import Kind, ObjectId, hasher
from sovrgit.pod.pod import Pod
from sovrgit.progress import SILENT, Progress
from sovrgit.remotes.base import Remote
from sovrgit.remotes.manifest import PackEntry
from sovrgit.remotes.promises import Promise, Promises
from sovrgit.remotes.ranges import Wanted, read_entries
from sovrgit.remotes.reading import blaming
from sovrgit.remotes.receive import Receiver
from sovrgit.remotes.splitting import put_aside
from sovrgit.store.files import reporting, sync_folder
from sovrgit.store.format import ENTRY_HEADER_SIZE, Codec, PackClass, class_of, read_chunk_list
from sovrgit.store.packwriter import FinishedPack, NewEntry, toc_entry
from sovrgit.store.repack import PackSeries
from sovrgit.store.store import ObjectStore

Opener = Callable[[str], Remote]
"""Opens a remote by its name here."""

_WORTH_WHOLE = 2
"""A pack of which one part in so many is wanted is fetched whole: that can be resumed, and costs no copying."""


@dataclass(frozen=True, slots=True)
class Obtained:
    """What was brought here: objects, the bytes that they have in packs, and packs that came whole."""

    objects: int = 0
    bytes: int = 0
    packs: int = 0


def obtain(
    pod: Pod, wanted: Iterable[ObjectId], promises: Promises, opened: Opener, progress: Progress = SILENT
) -> Obtained:
    """Bring objects here, with the pieces of those that are chunked.

    What was verified stays if the rest fails, so that the next attempt goes on from there.

    Args:
        opened: gives the remotes, which stay open.

    Raises:
        NotFetched: if something is neither here nor promised.
        RemoteUnavailable, RemoteDamaged: as the remotes give cause.
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    pod.store.hold()
    absent = pod.store.absent(list(dict.fromkeys(wanted)))
    if not absent:
        return Obtained()
    return _Obtaining(pod, promises, opened, progress).run(absent)


class _Obtaining:
    def __init__(self, pod: Pod, promises: Promises, opened: Opener, progress: Progress) -> None:
        self._pod = pod
        self._store = pod.store
        self._promises = promises
        self._opened = opened
        self._progress = progress
        self._objects = self._bytes = self._packs = 0

    def run(self, absent: Collection[ObjectId]) -> Obtained:
        found = self._find(absent)
        lists = {item: promise for item, promise in found.items() if promise.place.codec is Codec.CHUNKS}
        self._blobs({item: promise for item, promise in found.items() if item not in lists})
        entries = self._read_lists(lists)
        records = {item: self._records(entry, lists[item]) for item, entry in entries.items()}
        self._blobs(self._find(self._store.absent(_distinct(records.values()))))
        proven = []
        for item, entry in entries.items():
            with blaming(self._opened(lists[item].remote)):
                self._prove(item, entry, records[item])
            proven.append(entry)
        with self._placing() as place:
            for entry in proven:
                place(entry)
        return Obtained(self._objects, self._bytes, self._packs)

    def _find(self, items: Collection[ObjectId]) -> dict[ObjectId, Promise]:
        found = self._promises.find(items)
        missing = [item for item in items if item not in found]
        if missing:
            raise NotFetched(id=missing[0].short, hint="`sovr fetch` looks whether a remote has it by now")
        return found

    # --- what is chunked ----------------------------------------------------------------------------------------

    def _read_lists(self, lists: dict[ObjectId, Promise]) -> dict[ObjectId, NewEntry]:
        entries: dict[ObjectId, NewEntry] = {}
        for entry, promises in _by_pack(lists):
            entries |= put_aside(self._pod, entry.id, promises)
            left = [Wanted(promise.place, item) for item, promise in promises.items() if item not in entries]
            if left:
                remote = self._opened(promises[left[0].id].remote)
                entries |= {made.id: made for made in read_entries(self._pod, remote, entry, left)}
        return entries

    def _records(self, entry: NewEntry, promise: Promise) -> list[ObjectId]:
        """The chunks of an object, in order. Lists of lists are brought here on the way."""
        with blaming(self._opened(promise.remote)):
            records = read_chunk_list(bytes(entry.payload), f"object {entry.id.short}")
            for _ in range(entry.depth - 1):
                self._blobs(self._find(self._store.absent([record.id for record in records])))
                below = (bytes(self._store.read(record.id, Kind.BLOB)) for record in records)
                records = [record for data in below for record in read_chunk_list(data, f"object {entry.id.short}")]
            if sum(record.length for record in records) != entry.size:
                raise IntegrityFailure(what=f"object {entry.id.short}", reason="its pieces have another length")
        return [record.id for record in records]

    def _prove(self, item: ObjectId, entry: NewEntry, records: list[ObjectId]) -> None:
        """Read what a list lists, all of it, before it stands for its file."""
        whole, size = hasher(entry.kind), 0
        for piece in records:
            data = self._store.read(piece, Kind.BLOB)
            size += len(data)
            whole.update(data)
        if size != entry.size or whole.digest() != item:
            raise IntegrityFailure(what=f"object {item.short}", reason="its pieces do not make the whole")

    # --- what is whole ------------------------------------------------------------------------------------------

    def _blobs(self, found: dict[ObjectId, Promise]) -> None:
        whole: dict[str, list[PackEntry]] = {}
        parts: list[tuple[PackEntry, dict[ObjectId, Promise]]] = []
        for entry, promises in _by_pack(found):
            name = next(iter(promises.values())).remote
            size = sum(promise.place.stored + ENTRY_HEADER_SIZE for promise in promises.values())
            remote = self._opened(name)
            has_ranges = (remote.at(entry.origin) if entry.origin else remote).has_ranges
            if entry.kind is PackClass.CONTENT and (not has_ranges or size * _WORTH_WHOLE >= entry.size):
                whole.setdefault(name, []).append(entry)
            else:
                parts.append((entry, promises))
            self._objects += len(promises)
            self._bytes += size
        for name, packs in whole.items():
            Receiver(self._pod, self._opened(name), leave_blobs=False).receive(packs, self._progress)
            self._packs += len(packs)
        if parts:
            self._read_parts(parts)
        self._expect(found)

    def _read_parts(self, parts: list[tuple[PackEntry, dict[ObjectId, Promise]]]) -> None:
        total = sum(promise.place.stored for _, promises in parts for promise in promises.values())
        self._progress.begin("receiving", total, "bytes")
        try:
            with self._placing() as place:
                for entry, promises in parts:
                    remote = self._opened(next(iter(promises.values())).remote)
                    wanted = [Wanted(promise.place, item) for item, promise in promises.items()]
                    for made in read_entries(self._pod, remote, entry, wanted):
                        place(made)
                        self._progress.advance(len(made.payload))
        finally:
            self._progress.end()

    def _expect(self, found: dict[ObjectId, Promise]) -> None:
        """See that a pack that came whole had what its table promised."""
        for item in self._store.absent(list(found)):
            where = self._opened(found[item].remote).describe()
            raise RemoteDamaged(remote=where, reason=f"object {item.short} is not where its table of contents says")

    @contextlib.contextmanager
    def _placing(self) -> Iterator[Callable[[NewEntry], None]]:
        """Take verified entries, and give their packs names at the end, however that comes."""
        finished: list[FinishedPack] = []
        content = PackSeries(self._pod.temporary, PackClass.CONTENT, finished)
        metadata = PackSeries(self._pod.temporary, PackClass.METADATA, finished)

        has_hole = False

        def place(entry: NewEntry) -> None:
            nonlocal has_hole
            is_content = class_of(entry.kind, entry.codec, entry.size) is PackClass.CONTENT
            try:
                with reporting(self._pod.temporary):
                    (content if is_content else metadata).add(entry)
            except BaseException:
                has_hole = True
                raise

        try:
            yield place
        finally:
            try:
                if not has_hole:
                    with reporting(self._store.packs_folder):
                        content.close()
                        for pack in [pack for pack in finished if pack.kind is PackClass.CONTENT]:
                            metadata.add(toc_entry(pack))
                        metadata.close()
                    give_names(self._store, finished)
            finally:
                content.abandon()
                metadata.abandon()
                for pack in finished:
                    pack.path.unlink(missing_ok=True)


def give_names(store: ObjectStore, packs: Collection[FinishedPack]) -> None:
    """Put complete packs into place, content first, and let the catalogue know them.

    Raises:
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    if not packs:
        return
    with reporting(store.packs_folder):
        for pack in sorted(packs, key=lambda pack: pack.kind, reverse=True):
            os.rename(pack.path, store.pack_path(pack.id))
        sync_folder(store.packs_folder)
    store.adopt((pack.id, pack.toc) for pack in packs)


def _by_pack(found: dict[ObjectId, Promise]) -> Iterator[tuple[PackEntry, dict[ObjectId, Promise]]]:
    groups: dict[ObjectId, dict[ObjectId, Promise]] = {}
    for item, promise in found.items():
        groups.setdefault(promise.entry.id, {})[item] = promise
    for promises in groups.values():
        yield next(iter(promises.values())).entry, promises


def _distinct(lists: Iterable[list[ObjectId]]) -> list[ObjectId]:
    return list(dict.fromkeys(item for records in lists for item in records))
