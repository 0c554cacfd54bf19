"""Writing a large object out to a file: as fast as the disk, and complete only if its hash is right."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from queue import SimpleQueue

from sovrgit.errors import IntegrityFailure, StorageFailure
from sovrgit.objects.ids import Data, Kind, ObjectId, blob_id, hasher
from sovrgit.store.catalogue import Location
from sovrgit.store.files import write_all
from sovrgit.store.format import ENTRY_HEADER_SIZE, MAX_PAYLOAD, ChunkRecord, Codec
from sovrgit.store.store import ObjectStore

_BUFFERS = 8
"""Pieces that are read ahead of the writing thread: with chunks of at most a MiB, eight MiB."""

_LOOKED_UP = 2_000
"""Pieces that are looked up at once. Not all: the list of a file has no bound."""


def extract(store: ObjectStore, wanted: ObjectId, descriptor: int) -> None:
    """Write the bytes of a blob into an open, empty file.

    The hashes of the pieces and of the whole are checked while another thread writes. If one is wrong, the pieces are
    read again one by one, so that undamaged copies in other packs are found, or the damage is named.

    Raises:
        ObjectMissing: if it, or a piece of it, is not here.
        IntegrityFailure: if it is damaged; the file then holds rubbish.
        StorageFailure: if the operating system cannot read any copy.
        OSError: as the operating system reports of the file.
    """
    try:
        _extract(store, wanted, lambda data: write_all(descriptor, data))
    except (IntegrityFailure, StorageFailure):
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.ftruncate(descriptor, 0)
        for piece in store.stream(wanted):
            write_all(descriptor, piece)


def check_whole(store: ObjectStore, wanted: ObjectId) -> None:
    """Read a blob once and check the hash of the whole, as `extract` does.

    Raises:
        ObjectMissing, IntegrityFailure, StorageFailure: if no good copy of it is here.
    """
    try:
        _extract(store, wanted, lambda _: None)
    except (IntegrityFailure, StorageFailure):
        for _ in store.stream(wanted):
            pass


def _extract(store: ObjectStore, wanted: ObjectId, write: Callable[[Data], None]) -> None:
    whole = hasher(Kind.BLOB)
    free: SimpleQueue[bytearray] = SimpleQueue()
    for _ in range(_BUFFERS):
        free.put(bytearray())
    failed: list[BaseException] = []

    with ThreadPoolExecutor(1, "sovr-extract") as writer:
        for record, place in _places(store, wanted):
            buffer = free.get()
            if failed:
                break
            if place.codec is Codec.RAW and place.stored == record.length <= MAX_PAYLOAD:
                if len(buffer) < ENTRY_HEADER_SIZE + place.stored:
                    buffer = bytearray(ENTRY_HEADER_SIZE + place.stored)
                view = memoryview(buffer)[: ENTRY_HEADER_SIZE + place.stored]
                store.read_raw(place, view)
                piece: Data = view[ENTRY_HEADER_SIZE:]
                # Not only the whole: a chunk under another one's id could stand in for a file that is added later.
                if blob_id(piece) != record.id:
                    raise IntegrityFailure(what=f"object {record.id.short}", reason="its hash is another")
            else:
                piece = store.read(record.id, Kind.BLOB)
            whole.update(piece)

            def done(future: Future[None], buffer: bytearray = buffer) -> None:
                if (error := future.exception()) is not None:
                    failed.append(error)
                free.put(buffer)

            writer.submit(write, piece).add_done_callback(done)
    if failed:
        raise failed[0]
    if whole.digest() != wanted:
        raise IntegrityFailure(what=f"object {wanted.short}", reason="its pieces do not make the whole")


def _places(store: ObjectStore, wanted: ObjectId) -> Iterator[tuple[ChunkRecord, Location]]:
    pieces = store.pieces(wanted)
    while batch := list(islice(pieces, _LOOKED_UP)):
        places = store.locations({record.id for record in batch})
        for record in batch:
            yield record, places[record.id]
