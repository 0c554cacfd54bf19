"""Choosing the packs of a push: those that hold nothing else go as they are, the rest is written anew."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.remotes.manifest import PackEntry
from sovrgit.store.catalogue import Location
from sovrgit.store.files import reporting, temporary_name
from sovrgit.store.format import PackClass
from sovrgit.store.repack import repack
from sovrgit.store.store import ObjectStore

FOLD_BELOW = 4 << 20
"""Bytes below which several content packs are sent as one: requests cost more than copying."""


@dataclass(frozen=True, slots=True)
class PackToSend:
    """A pack and the file it is read from."""

    entry: PackEntry
    path: Path


class Packing:
    """The packs of one push. Use as a context manager: packs written anew live as long as the block."""

    def __init__(self, store: ObjectStore, wanted: Collection[ObjectId]) -> None:
        self._store = store
        self._folder = temporary_name(store.temporary, "push")
        self.packs: list[PackToSend] = []
        self._plan(wanted)

    def __enter__(self) -> Packing:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def _plan(self, wanted: Collection[ObjectId]) -> None:
        by_pack: dict[ObjectId, list[tuple[Location, ObjectId]]] = {}
        for item in wanted:
            location = self._store.location(item)
            by_pack.setdefault(location.pack, []).append((location, item))
        whole: dict[PackClass, list[PackEntry]] = {PackClass.METADATA: [], PackClass.CONTENT: []}
        infos = {info.id: info for info in self._store.packs()}
        for pack, found in by_pack.items():
            info = infos[pack]
            held = sum(1 for _, location in self._store.contents(pack) if location.kind is not Kind.TOC)
            if len(found) == held:
                whole[info.kind].append(PackEntry(info.id, info.size, info.kind, info.objects))
        as_they_are = self._without_small(whole)
        kept = {entry.id for entry in as_they_are}
        self.packs = [PackToSend(entry, self._store.pack_path(entry.id)) for entry in as_they_are]
        anew = [pair for pack, found in by_pack.items() if pack not in kept for pair in found]
        if anew:
            self._write(anew)

    def _without_small(self, whole: dict[PackClass, list[PackEntry]]) -> list[PackEntry]:
        """The whole packs that are worth sending as they are."""
        content = whole[PackClass.CONTENT]
        small = [entry for entry in content if entry.size < FOLD_BELOW]
        chosen = [entry for entry in content if entry.size >= FOLD_BELOW or len(small) == 1]
        metadata = whole[PackClass.METADATA]
        small = [entry for entry in metadata if entry.size < FOLD_BELOW]
        return chosen + [entry for entry in metadata if entry.size >= FOLD_BELOW or len(small) == 1]

    def _write(self, anew: list[tuple[Location, ObjectId]]) -> None:
        # In the order of ids: an interrupted push then makes the same packs again and finds them sent.
        with reporting(self._folder):
            self._folder.mkdir()
            for pack in repack(self._store, self._folder, sorted(anew, key=lambda pair: pair[1])):
                entry = PackEntry(pack.id, pack.size, pack.kind, len(pack.toc))
                self.packs.append(PackToSend(entry, pack.path))
