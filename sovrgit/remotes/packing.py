"""Choosing the packs of a push: those that hold nothing else go as they are, the rest is written anew."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.remotes.manifest import PackEntry
from sovrgit.store.catalogue import Location, PackInfo
from sovrgit.store.files import reporting, temporary_name
from sovrgit.store.format import PackClass
from sovrgit.store.packreader import PackReader
from sovrgit.store.packwriter import FinishedPack
from sovrgit.store.repack import repack
from sovrgit.store.store import ObjectStore

FOLD_BELOW = 4 << 20
"""Bytes below which several packs of a class are sent as one: requests cost more than copying."""


@dataclass(frozen=True, slots=True)
class PackToSend:
    """A pack and the file it is read from. `is_new` says that it was written for this push."""

    entry: PackEntry
    path: Path
    is_new: bool


class Packing:
    """The packs of one push. Use as a context manager: packs written anew live as long as the block.

    Raises:
        IntegrityFailure: on entering, if an object here is damaged.
        StorageFull, ReadOnly, StorageFailure: on entering, as the operating system reports.
    """

    def __init__(self, store: ObjectStore, wanted: Mapping[ObjectId, Location]) -> None:
        self._store = store
        self._wanted = wanted
        self._folder = temporary_name(store.temporary, "push")
        self.packs: list[PackToSend] = []

    def __enter__(self) -> Packing:
        try:
            self._plan()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def _plan(self) -> None:
        by_pack: dict[ObjectId, list[tuple[Location, ObjectId]]] = {}
        for item, location in self._wanted.items():
            by_pack.setdefault(location.pack, []).append((location, item))
        infos = self._store.packs()
        tables = sum(info.kind is PackClass.CONTENT for info in infos)
        whole = [info for info in infos if self._is_whole(info, len(by_pack.get(info.id, ())), tables)]
        as_they_are = _worth_sending(whole, PackClass.CONTENT) + _worth_sending(whole, PackClass.METADATA)
        self.packs = [
            PackToSend(PackEntry(info.id, info.size, info.kind, info.objects), self._store.pack_path(info.id), False)
            for info in as_they_are
        ]
        kept = {info.id for info in as_they_are}
        # Oldest pack first, in the order of each: an interrupted push, repeated, makes the same packs and finds them
        # sent, and so does one with a few commits more, but for the last.
        anew = [
            pair for info in infos if info.id not in kept for pair in sorted(by_pack.get(info.id, ()), key=_by_offset)
        ]
        if anew:
            self._write(anew, as_they_are)

    def _is_whole(self, info: PackInfo, wanted: int, tables: int) -> bool:
        """Whether everything in a pack is wanted, but for other packs' tables of contents."""
        if not wanted or wanted + tables < info.objects:
            return False
        if wanted == info.objects:
            return True
        held = sum(1 for _, location in self._store.contents(info.id) if location.kind is not Kind.TOC)
        return wanted == held

    def _write(self, anew: list[tuple[Location, ObjectId]], as_they_are: list[PackInfo]) -> None:
        tables = [self._table(info) for info in as_they_are if info.kind is PackClass.CONTENT]
        with reporting(self._folder):
            self._folder.mkdir()
            for pack in repack(self._store, self._folder, anew, tables):
                entry = PackEntry(pack.id, pack.size, pack.kind, len(pack.toc))
                self.packs.append(PackToSend(entry, pack.path, True))

    def _table(self, info: PackInfo) -> FinishedPack:
        path = self._store.pack_path(info.id)
        with PackReader(path, info.id) as reader:
            return FinishedPack(info.id, path, info.size, info.kind, reader.toc())


def _worth_sending(whole: list[PackInfo], kind: PackClass) -> list[PackInfo]:
    """The whole packs of a class that are large enough to be sent as they are, or the only small one."""
    found = [info for info in whole if info.kind is kind]
    small = sum(info.size < FOLD_BELOW for info in found)
    return [info for info in found if info.size >= FOLD_BELOW or small == 1]


def _by_offset(pair: tuple[Location, ObjectId]) -> int:
    return pair[0].offset
