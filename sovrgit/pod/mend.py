"""Making anew what can be made from what is here: the catalogue, packs out of damaged ones, refs out of the journal."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection
from dataclasses import dataclass

from sovrgit.errors import IntegrityFailure, SovrError
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.pod.lock import GC_LOCK, locked
from sovrgit.pod.pod import Pod
from sovrgit.pod.reflog import moves
from sovrgit.pod.refs import DEFAULT_BRANCH, Refs
from sovrgit.store.catalogue import Location
from sovrgit.store.files import reporting, sync_folder, write_atomic
from sovrgit.store.repack import repack

DAMAGED = "damaged"
"""The folder in the repository where damaged packs are kept, for whoever wants to look at them."""

_DERIVED = ("index", "lineage.sqlite", "lineage.sqlite-wal", "lineage.sqlite-shm")


@dataclass(frozen=True, slots=True)
class Mended:
    """What was made anew: refs out of the journal, packs that were put aside, objects that were saved out of them."""

    refs: bool
    aside: tuple[ObjectId, ...]
    saved: int


def mend(pod: Pod, damaged: Collection[ObjectId]) -> Mended:
    """Make anew what is derived, and save what is whole out of damaged packs. Nothing is thrown away.

    Raises:
        Locked: if another command is at work.
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    with locked(pod.folder / GC_LOCK), pod.lock(), pod.store.alone():
        refs = _mend_refs(pod)
        pod.store.rebuild()
        for name in _DERIVED:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(pod.folder / name)
        saved = sum(_save(pod, pack) for pack in damaged)
    return Mended(refs, tuple(damaged), saved)


def _mend_refs(pod: Pod) -> bool:
    """Write the refs anew as the journal tells, if they cannot be read; whether that was so."""
    try:
        pod.refs.read()
        return False
    except IntegrityFailure:
        pass
    values: dict[str, ObjectId] = {}
    head = DEFAULT_BRANCH
    for move in reversed(moves(pod)):
        head = move.head
        for change in move.changes:
            if change.new is None:
                values.pop(change.name, None)
            else:
                values[change.name] = change.new
    write_atomic(pod.folder / "refs", Refs(head, values).encode())
    return True


def _save(pod: Pod, pack: ObjectId) -> int:
    """Copy what is whole out of a damaged pack into new ones, and put it aside; how many objects were saved."""
    store = pod.store
    whole: list[tuple[Location, ObjectId]] = []
    for item, place in store.contents(pack):
        if place.kind is Kind.TOC:
            continue
        with contextlib.suppress(SovrError):
            store.raw_entry(place, item)
            whole.append((place, item))
    made = repack(store, pod.temporary, whole)
    aside = pod.folder / DAMAGED
    with reporting(store.packs_folder):
        for new in sorted(made, key=lambda new: new.kind, reverse=True):
            os.rename(new.path, store.pack_path(new.id))
        aside.mkdir(exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.rename(store.pack_path(pack), aside / f"{pack}.pack")
        sync_folder(store.packs_folder)
    store.refresh()
    return len(whole)
