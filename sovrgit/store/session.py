"""One batch of writes: objects go in, and all of them become visible at once, durable, or none do."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore

from blake3 import blake3

from sovrgit.objects.ids import Kind, ObjectId, blob_id, hash_object, hasher
from sovrgit.store.chunklists import ChunkLists
from sovrgit.store.compress import compress, compress_batch
from sovrgit.store.files import reporting, sync_folder
from sovrgit.store.format import (
    CHUNK_FROM,
    MAX_ENTRIES,
    PACK_TARGET,
    ChunkRecord,
    Codec,
    PackClass,
    class_of,
)
from sovrgit.store.packwriter import FinishedPack, NewEntry, PackWriter, toc_entry

MAX_REMEMBERED = 300_000
"""Ids that are copied for a child: about 30 MiB."""

_BATCH_BYTES = 1 << 20
_BATCH_ITEMS = 1000
_BATCHES_IN_FLIGHT = 6
"""Batches that wait for the writing thread. With eight MiB blocks this bounds memory at about 60 MiB."""


class WriteSession:
    """Collects objects into packs with the help of one writing thread and one that waits for the disk.

    Use as a context manager; leaving it without `commit` removes everything that was written. Methods are called
    from one thread only.

    Raises:
        StorageFull, ReadOnly, StorageFailure: from every method that stores, once writing has failed; the session
            is then of no more use.
    """

    def __init__(
        self,
        folder: Path,
        temporary: Path,
        has: Callable[[bytes], bool],
        all_ids: Callable[[int], set[bytes] | None],
        publish: Callable[[list[FinishedPack]], None],
    ) -> None:
        self._folder = folder
        self._temporary = temporary
        self._has = has
        self._all_ids = all_ids
        self._publish = publish
        self._seen: set[bytes] = set()
        self._pending: list[tuple[Kind, ObjectId, bytes]] = []
        self._pending_bytes = 0
        self._writers: dict[PackClass, PackWriter] = {}
        self._finishing: list[tuple[PackWriter, Future[FinishedPack]]] = []
        self._included: list[FinishedPack] = []
        self._blocks: SimpleQueue[bytearray] = SimpleQueue()
        self._jobs: list[Future[None]] = []
        self._failure: BaseException | None = None
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
        lists = ChunkLists(self._add_blob)
        for block_buffer, chunks in cut(readinto, self._take_block):
            block = sum(map(len, chunks))
            self._submit(partial(_update, whole, chunks))
            new: list[tuple[ObjectId, memoryview]] = []
            for chunk in chunks:
                digest = blob_id(chunk)
                lists.append(ChunkRecord(digest, len(chunk)))
                if not self.has(digest):
                    self._seen.add(digest)
                    new.append((digest, chunk))
                    self.new_bytes += len(chunk)
            self.new_objects += len(new)
            self._submit(partial(self._write_chunks, new, block_buffer))
            size += block
        self._drain()
        identity = ObjectId(whole.digest())
        if not size:
            self.add_hashed(kind, identity, b"")
        elif not self.has(identity):
            depth, payload = lists.finish()
            self._seen.add(identity)
            self.new_objects += 1
            # Whatever it refers to is written before it: `commit` relies on that order.
            self._hand_over()
            self._submit(partial(self._write, NewEntry(kind, Codec.CHUNKS, depth, size, identity, payload)))
        return identity, size

    def has(self, digest: bytes) -> bool:
        """Whether an object is stored, or about to be."""
        return digest in self._seen or self._has(digest)

    def commit(self) -> list[FinishedPack]:
        """Make everything durable and visible; the packs that were made.

        Raises:
            StorageFull, ReadOnly, StorageFailure: nothing may refer to what was added. If the failure came after a
                pack got its name, the pack stays: it is complete, and the same one may belong to another process.
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
                # Content first, then metadata in the order written: what has become visible has all that it refers to.
                finished = sorted(self._finished, key=lambda pack: pack.kind, reverse=True)
                for pack in finished:
                    os.rename(pack.path, self._folder / f"{pack.id}.pack")
                if finished:
                    sync_folder(self._folder)
                    self._publish(finished)
                self._finishing.clear()
                self._included.clear()
                return finished
        finally:
            self.abandon()

    def separate(self) -> WriteSession | None:
        """A session for a child about to be forked: it writes packs of its own, which this one takes in.

        None if there are too many objects to remember them all; the catalogue cannot be asked, because SQLite's
        connections do not survive a fork. None, too, if something was added before: the child's packs become visible
        first, and must not need what is in later ones.
        """
        known = self._all_ids(MAX_REMEMBERED)
        if known is None or self._seen:
            return None
        child = WriteSession(self._folder, self._temporary, lambda _: False, self._all_ids, self._publish)
        child._seen = known
        return child

    def finish(self) -> list[FinishedPack]:
        """Complete and sync the packs without making them visible, for `include` in another process."""
        with reporting(self._folder):
            self._hand_over()
            self._drain()
            for target in list(self._writers):
                self._close_writer(target)
            self._wait_for_packs()
            return self._finished

    def include(self, packs: list[FinishedPack], objects: int, size: int) -> None:
        """Take in the packs that `finish` completed in another process, with the numbers of what is in them."""
        self._included += packs
        self.new_objects += objects
        self.new_bytes += size

    def remove_leftovers(self, process: int) -> None:
        """Remove what a child that died has left and `include` has not taken."""
        taken = {pack.path for pack in self._included}
        for path in self._temporary.glob(f"pack-{process}-*"):
            if path not in taken:
                path.unlink(missing_ok=True)

    def abandon(self) -> None:
        """Remove what was written and not committed."""
        self._writing.shutdown(wait=True, cancel_futures=True)
        self._syncing.shutdown(wait=True, cancel_futures=True)
        for writer in (*self._writers.values(), *(writer for writer, _ in self._finishing)):
            writer.abandon()
        for pack in self._included:
            pack.path.unlink(missing_ok=True)
        self._writers.clear()
        self._finishing.clear()
        self._included.clear()

    @property
    def _finished(self) -> list[FinishedPack]:
        return [*self._included, *(future.result() for _, future in self._finishing)]

    def _hand_over(self) -> None:
        if self._pending:
            batch, self._pending, self._pending_bytes = self._pending, [], 0
            self._submit(partial(self._write_batch, batch))

    def _submit(self, job: Callable[[], object]) -> None:
        self._slots.acquire()
        try:
            self._check()
            future = self._writing.submit(self._run, job)
        except BaseException:
            self._slots.release()
            raise
        # Here and not in the job itself, which never runs if it is cancelled.
        future.add_done_callback(lambda _: self._slots.release())
        self._jobs = [running for running in self._jobs if not running.done()]
        self._jobs.append(future)

    def _run(self, job: Callable[[], object]) -> None:
        # After a failure the pack in the making has a hole: nothing more is written, and nothing is committed.
        if self._failure is None:
            try:
                with reporting(self._folder):
                    job()
            except BaseException as error:
                self._failure = error
                raise

    def _drain(self) -> None:
        wait(self._jobs)
        self._jobs.clear()
        self._check()

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _write_batch(self, batch: list[tuple[Kind, ObjectId, bytes]]) -> None:
        packed = compress_batch([data for _, _, data in batch])
        for (kind, digest, data), (codec, payload) in zip(batch, packed, strict=True):
            self._write(NewEntry(kind, codec, 0, len(data), digest, payload))

    def _write_chunks(self, chunks: list[tuple[ObjectId, memoryview]], block: bytearray) -> None:
        for digest, data in chunks:
            codec, payload = compress(data)
            self._write(NewEntry(Kind.BLOB, codec, 0, len(data), digest, payload))
        # The last job that looks at the block, because there is only one writing thread.
        self._blocks.put(block)

    def _take_block(self) -> bytearray:
        from sovrgit.store.chunking import new_block

        try:
            return self._blocks.get_nowait()
        except Empty:
            return new_block()

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

        self._finishing.append((writer, self._syncing.submit(finish)))
        return True

    def _wait_for_packs(self) -> None:
        for _, future in self._finishing:
            future.result()

    def _add_blob(self, data: bytes) -> ObjectId:
        digest = blob_id(data)
        self.add_hashed(Kind.BLOB, digest, data)
        return digest


def _update(whole: blake3, chunks: list[memoryview]) -> None:
    for chunk in chunks:
        whole.update(chunk)
