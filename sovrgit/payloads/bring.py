"""Copying files and folders from one pod's store to another's, as they are packed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sovrgit.errors import IntegrityFailure, ObjectMissing
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import EMPTY_TREE_ID, TreeEntry
from sovrgit.pod.pod import Pod
from sovrgit.remotes.obtain import give_names
from sovrgit.store.catalogue import Location
from sovrgit.store.format import Codec
from sovrgit.store.repack import repack
from sovrgit.store.store import ObjectStore


def bring(store: ObjectStore, pod: Pod, entry: TreeEntry) -> None:
    """Copy what a file, link or folder is made of into the store of a pod. What is there already is not copied.

    Nothing leads to it there: until the store of the pod is closed it is safe, and then `gc` may remove it.

    Args:
        store: where it is; what was left at a remote is got.

    Raises:
        ObjectMissing: if a part of it cannot be had.
        IntegrityFailure: if a part of it is damaged, or is something else.
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    pod.store.hold()
    copy_objects(store, pod, dict(_objects(store, entry)))


def copy_objects(store: ObjectStore, pod: Pod, wanted: Mapping[ObjectId, Kind]) -> None:
    """The same for some objects with their kinds. What they lead to must be there, or among them.

    Raises:
        ObjectMissing, IntegrityFailure, StorageFull, ReadOnly, StorageFailure: as for `bring`.
    """
    absent = pod.store.absent([item for item in wanted if item != EMPTY_TREE_ID])
    if not absent:
        return
    store.ensure(absent)
    places = store.locations(absent)
    for item, place in places.items():
        if place.kind is not wanted[item]:
            raise IntegrityFailure(what=f"object {item.short}", reason=f"it is a {place.kind.label}")
    pieces = {piece for item, place in places.items() if place.codec is Codec.CHUNKS for piece in store.chunks(item)}
    places |= store.locations(pod.store.absent([piece for piece in pieces if piece not in places]))
    ordered = sorted(places.items(), key=lambda item: (item[1].pack, item[1].offset))
    give_names(pod.store, repack(store, pod.temporary, _entries(ordered)))


def is_here(store: ObjectStore, entry: TreeEntry) -> bool:
    """Whether a store has all of a file, link or folder."""
    try:
        wanted = [item for item, _ in _objects(store, entry) if item != EMPTY_TREE_ID]
        if store.absent(wanted):
            return False
        places = store.locations(wanted)
        chunked = [item for item, place in places.items() if place.codec is Codec.CHUNKS]
        return not store.absent([piece for item in chunked for piece in store.chunks(item)])
    except ObjectMissing:
        return False


def _objects(store: ObjectStore, entry: TreeEntry) -> Iterator[tuple[ObjectId, Kind]]:
    """All objects of an entry with their kinds, each once: a few trees can be more files than any disk holds."""
    waiting, seen = [entry], {entry.id}
    while waiting:
        entry = waiting.pop()
        yield entry.id, Kind.TREE if entry.is_directory else Kind.BLOB
        for child in store.tree(entry.id).entries if entry.is_directory else ():
            if child.id not in seen:
                seen.add(child.id)
                waiting.append(child)


def _entries(places: list[tuple[ObjectId, Location]]) -> Iterator[tuple[Location, ObjectId]]:
    return ((place, item) for item, place in places)
