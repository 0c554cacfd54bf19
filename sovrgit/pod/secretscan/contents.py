"""The content of a blob, for a look."""

from __future__ import annotations

from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.pod.secretscan.looking import HEAD, WHOLE
from sovrgit.store.catalogue import Location
from sovrgit.store.format import Codec, read_chunk_list
from sovrgit.store.store import ObjectStore


def read_blob(store: ObjectStore, item: ObjectId, place: Location) -> bytes:
    """The content of a blob, verified and from wherever it can be had. Of a large one the first bytes, for which only
    the chunks that hold them are read.

    Raises:
        ObjectMissing, IntegrityFailure, StorageFailure: if it cannot be read.
    """
    wanted = place.size if place.size <= WHOLE else HEAD
    if place.codec is not Codec.CHUNKS:
        return bytes(store.read(item, Kind.BLOB)[:wanted])
    what = f"object {item.short}"
    records = read_chunk_list(bytes(store.raw_entry(place, item)), what)
    for _ in range(place.depth - 1):
        # A list of lists: the first one leads to the first bytes, and to more of them than are wanted.
        records = read_chunk_list(bytes(store.read(records[0].id, Kind.BLOB)), what)
    found = bytearray()
    for record in records:
        found += store.read(record.id, Kind.BLOB)
        if len(found) >= wanted:
            break
    return bytes(found[:wanted])
