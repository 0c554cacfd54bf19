"""One batch of writes: objects go in, and all of them become visible at once, durable, or none do."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import BoundedSemaphore

from blake3 import blake3

from sovrgit.objects.ids import Kind, ObjectId, blob_id, hash_object, hasher
from sovrgit.store.compress import compress, compress_batch
from sovrgit.store.files import reporting, sync_folder
from sovrgit.store.format import (
    CHUNK_FROM,
    CHUNK_RECORD_SIZE,
    MAX_ENTRIES,
    PACK_TARGET,
    ChunkRecord,
    Codec,
    PackClass,
    chunk_list,
    class_of,
)
from sovrgit.store.packwriter import FinishedPack, NewEntry, PackWriter, toc_entry

MAX_LIST = 4 << 20
"""Bytes of a chunk list in one entry: a file of about 37 GB. A longer list is chunked itself."""

_BATCH_BYTES = 1 << 20
_BATCH_ITEMS = 1000
_BATCHES_IN_FLIGHT = 6
"""Batches that wait for the writing thread. With eight MiB blocks this bounds memory at about 60 MiB."""


class WriteSession:
    """Collects objects into packs with the help of one writing thread and one that waits for the disk.

    Use as a context manager; leaving it without `commit` removes everything that was written. Methods are called
    from one thread only.
    """

    def __init__(
        self, folder: Path, temporary: Path, has: Callable[[bytes], bool], publish: Callable[[list[FinishedPack]], None]
    ) -> None:
        self._folder = folder
        self._temporary = temporary
        self._has = has
        self._publish = publish
        self._seen: set[bytes] = set()
        self._pending: list[tuple[Kind, ObjectId, bytes]] = []
        self._pending_bytes = 0
        self._writers: dict[PackClass, PackWriter] = {}
        self._finishing: list[Future[FinishedPack]] = []
        self._jobs: list[Future[None]] = []
        self._slots = BoundedSemaphore(_BATCHES_IN_FLIGHT)
        self._writing = ThreadPoolExecutor(1, "sovr-write")
        self._syncing = ThreadPoolExecutor(1, "sovr-sync")
        self.new_objects = 0
        self.new_bytes = 0

    def __enter__(self) -> WriteSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.abandon()

    def add(self, kind: Kind, data: bytes) -> ObjectId:
        """Store an object that is in memory, unless it is known; its id."""
        if len(data) >= CHUNK_FROM:
            position = 0

            def readinto(view: memoryview) -> int:
                nonlocal position
                piece = data[position : position + len(view)]
                view[: len(piece)] = piece
                position += len(piece)
                return len(piece)

            return self.add_stream(readinto, kind)[0]
        digest = hash_object(kind, data)
        self.add_hashed(kind, digest, data)
        return digest

    def add_hashed(self, kind: Kind, digest: ObjectId, data: bytes) -> None:
        """Store an object whose id was just computed from `data`."""
        if self.has(digest):
            return
        self._seen.add(digest)
        self.new_objects += 1
        self.new_bytes += len(data)
        self._pending.append((kind, digest, data))
        self._pending_bytes += len(data)
        if self._pending_bytes >= _BATCH_BYTES or len(self._pending) >= _BATCH_ITEMS:
            self._hand_over()

    def add_stream(self, readinto: Callable[[memoryview], int], kind: Kind = Kind.BLOB) -> tuple[ObjectId, int]:
        """Store an object of any size from a stream; its id and size in bytes."""
        from sovrgit.store.chunking import cut

        whole = hasher(kind)
        size = 0
        records: list[ChunkRecord] = []
        for chunks in cut(readinto):
            block = sum(map(len, chunks))
            self._submit(partial(_update, whole, chunks))
            new: list[tuple[ObjectId, memoryview]] = []
            for chunk in chunks:
                digest = blob_id(chunk)
                records.append(ChunkRecord(digest, len(chunk)))
                if not self.has(digest):
                    self._seen.add(digest)
                    new.append((digest, chunk))
                    self.new_bytes += len(chunk)
            self.new_objects += len(new)
            self._submit(partial(self._write_chunks, new))
            size += block
        self._drain()
        identity = ObjectId(whole.digest())
        if not self.has(identity):
            self._add_list(kind, identity, size, records)
        return identity, size

    def has(self, digest: bytes) -> bool:
        """Whether an object is stored, or about to be."""
        return digest in self._seen or self._has(digest)

    def commit(self) -> list[FinishedPack]:
        """Make everything durable and visible; the packs that were made.

        Raises:
            StorageFull, ReadOnly, StorageFailure: nothing has become visible.
        """
        try:
            with reporting(self._folder):
                self._hand_over()
                self._drain()
                content = self._close_writer(PackClass.CONTENT)
                self._wait_for_packs()
                for pack in self._finished:
                    if pack.kind is PackClass.CONTENT:
                        self._write(toc_entry(pack))
                metadata = self._close_writer(PackClass.METADATA)
                if content or metadata:
                    self._wait_for_packs()
                finished = self._finished
                for pack in finished:
                    os.rename(pack.path, self._folder / f"{pack.id}.pack")
                if finished:
                    sync_folder(self._folder)
                    self._publish(finished)
                self._finishing.clear()
                return finished
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Remove what was written and not committed."""
        self._writing.shutdown(wait=True, cancel_futures=True)
        self._syncing.shutdown(wait=True, cancel_futures=True)
        for writer in self._writers.values():
            writer.abandon()
        self._writers.clear()
        for future in self._finishing:
            if not future.cancelled() and future.exception() is None:
                future.result().path.unlink(missing_ok=True)
        self._finishing.clear()

    @property
    def _finished(self) -> list[FinishedPack]:
        return [future.result() for future in self._finishing]

    def _hand_over(self) -> None:
        if self._pending:
            batch, self._pending, self._pending_bytes = self._pending, [], 0
            self._submit(partial(self._write_batch, batch))

    def _submit(self, job: Callable[[], object]) -> None:
        # A failed job is noticed here or in _drain; either way before anything becomes visible.
        self._slots.acquire()
        still_running = []
        for future in self._jobs:
            if future.done():
                future.result()
            else:
                still_running.append(future)
        self._jobs = still_running

        def run() -> None:
            try:
                job()
            finally:
                self._slots.release()

        self._jobs.append(self._writing.submit(run))

    def _drain(self) -> None:
        jobs, self._jobs = self._jobs, []
        for future in jobs:
            future.result()

    def _write_batch(self, batch: list[tuple[Kind, ObjectId, bytes]]) -> None:
        packed = compress_batch([data for _, _, data in batch])
        for (kind, digest, data), (codec, payload) in zip(batch, packed, strict=True):
            self._write(NewEntry(kind, codec, 0, len(data), digest, payload))

    def _write_chunks(self, chunks: list[tuple[ObjectId, memoryview]]) -> None:
        for digest, data in chunks:
            codec, payload = compress(data)
            self._write(NewEntry(Kind.BLOB, codec, 0, len(data), digest, payload))

    def _write(self, entry: NewEntry) -> None:
        target = class_of(entry.kind, entry.codec, entry.size)
        writer = self._writers.get(target)
        if writer is None:
            writer = self._writers[target] = PackWriter(self._temporary, target)
        writer.add(entry)
        if writer.size >= PACK_TARGET or writer.entries >= MAX_ENTRIES:
            self._close_writer(target)

    def _close_writer(self, target: PackClass) -> bool:
        writer = self._writers.pop(target, None)
        if writer is None:
            return False

        def finish(writer: PackWriter = writer) -> FinishedPack:
            try:
                return writer.finish()
            except BaseException:
                writer.abandon()
                raise

        self._finishing.append(self._syncing.submit(finish))
        return True

    def _wait_for_packs(self) -> None:
        for future in self._finishing:
            future.result()

    def _add_list(self, kind: Kind, identity: ObjectId, size: int, records: list[ChunkRecord]) -> None:
        depth = 1
        # A list that is itself too long is cut into blobs, and a list of these takes its place.
        while len(records) * CHUNK_RECORD_SIZE > MAX_LIST:
            encoded = chunk_list(records)
            records = []
            for start in range(0, len(encoded), MAX_LIST):
                piece = encoded[start : start + MAX_LIST]
                records.append(ChunkRecord(self.add(Kind.BLOB, piece), len(piece)))
            depth += 1
        payload = chunk_list(records)
        self._seen.add(identity)
        self.new_objects += 1
        entry = NewEntry(kind, Codec.CHUNKS, depth, size, identity, payload)
        self._submit(partial(self._write, entry))


def _update(whole: blake3, chunks: list[memoryview]) -> None:
    for chunk in chunks:
        whole.update(chunk)
