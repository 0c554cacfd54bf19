"""Receiving packs: each is verified before it counts, and everything in them before anything gets a name."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from sovrgit.errors import RemoteDamaged, RemoteUnavailable, SovrError
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.pod.pod import Pod
from sovrgit.progress import Progress, Repeatable
from sovrgit.remotes.base import Remote, Transient, doubt, with_retries
from sovrgit.remotes.manifest import PackEntry
from sovrgit.remotes.reading import BROKEN, blaming
from sovrgit.remotes.splitting import split, unproven
from sovrgit.remotes.workers import in_order, workers
from sovrgit.store.blobs import add_chunks, check_blobs
from sovrgit.store.files import reporting, sync_folder, temporary_name
from sovrgit.store.format import Codec, Toc
from sovrgit.store.verify import verify_pack

_AHEAD = 32
"""Packs that are fetched while an earlier one is still on its way, or is tried again."""


class _Table(NamedTuple):
    """What a pack holds, and whether its blobs were read when it arrived."""

    toc: Toc
    blobs_read: bool


class Receiver:
    """Brings packs from a remote into a pod's store.

    Args:
        leave_blobs: do not read blobs as they arrive: the caller is going to read most of them anyway, and says with
            `check_blobs` which.
        leave_pieces: the pieces of chunked objects are left at the remote, and with them the lists of files. Those of
            other objects are for the caller to get, before `check_large`.
    """

    def __init__(self, pod: Pod, remote: Remote, *, leave_blobs: bool, leave_pieces: bool = False) -> None:
        self._leave_pieces = leave_pieces
        self.large: list[tuple[ObjectId, Kind]] = []
        self._pod = pod
        self._remote = remote
        self._leave_blobs = leave_blobs
        self._unchecked: dict[ObjectId, _Table] = {}
        self.received: list[PackEntry] = []

    def receive(self, wanted: Sequence[PackEntry], progress: Progress) -> None:
        """Download and verify packs, side by side. Each counts once it is verified, so that this can be resumed.

        Raises:
            RemoteUnavailable, RemoteDamaged: as the remote gives cause.
            StorageFull, ReadOnly, StorageFailure: as the operating system reports.
        """
        if not wanted:
            return
        tables: list[tuple[ObjectId, Toc]] = []
        progress.begin("receiving", sum(pack.size for pack in wanted), "bytes")
        try:
            # Threads, because verifying one pack and receiving the next use different resources.
            with workers(self._remote.downloads_at_once, "sovr-fetch") as pool:
                tocs = in_order(pool, lambda entry: self._receive_pack(entry, progress), wanted, _AHEAD)
                tables += tocs
            self._pod.store.adopt(tables)
            with reporting(self._pod.store.packs_folder):
                sync_folder(self._pod.store.packs_folder)
        finally:
            progress.end()
        self.received += wanted
        for pack, toc in tables:
            self._remember(pack, toc, blobs_read=not self._leave_blobs)

    def check_again(self, packs: Sequence[PackEntry]) -> None:
        """Verify packs that an earlier attempt has brought, and did not come to check."""
        for entry in packs:
            with self._blaming(entry.id):
                toc = verify_pack(self._pod.store.pack_path(entry.id), entry.id, entry.size, leave_blobs=True)
            self._remember(entry.id, toc, blobs_read=False)

    def check_blobs(self, verified: Collection[bytes] = ()) -> None:
        """Read every blob that was not read yet, and check its hash.

        A blob or a list of chunks that lies would otherwise stand in for a file that the user adds later.

        Args:
            verified: blobs that were read and found to be good since they arrived.

        Raises:
            RemoteDamaged: if one is not what it is said to be; its pack is removed again.
        """
        good = set(verified)
        for pack, table in self._unchecked.items():
            with self._blaming(pack):
                add_chunks(self._pod.store, table.toc, good)
        for pack, table in self._unchecked.items():
            with self._blaming(pack):
                check_blobs(self._pod.store, pack, table.toc, good, only_chunked=table.blobs_read)
        self._unchecked = {}

    def check_large(self) -> None:
        """Read every chunked object that is no file, whose pieces are here by now.

        Raises:
            RemoteDamaged: if one is not what it is said to be.
        """
        with blaming(self._remote):
            for item, kind in self.large:
                self._pod.store.read(item, kind)
        self.large = []

    def _remember(self, pack: ObjectId, toc: Toc, *, blobs_read: bool) -> None:
        """Keep what is still to be read of a pack. Objects that are no blobs and have chunks are read at once: they
        are needed in a moment, and there are few."""
        self._unchecked[pack] = _Table(toc, blobs_read)
        if self._leave_pieces:
            rows = toc.rows()
            self.large += [(ObjectId(row[0]), Kind(row[1])) for row in rows if row[2] == Codec.CHUNKS]
            return
        with self._blaming(pack):
            for digest, kind, codec, *_ in toc.rows():
                if codec == Codec.CHUNKS and kind != Kind.BLOB:
                    self._pod.store.read(ObjectId(digest), Kind(kind))

    def _receive_pack(self, entry: PackEntry, progress: Progress) -> tuple[ObjectId, Toc]:
        remote = self._remote.at(entry.origin) if entry.origin else self._remote
        temporary = temporary_name(self._pod.temporary, "fetch")
        told = Repeatable(progress.advance)

        def attempt() -> Toc:
            # A new attempt begins anew: what a broken one left cannot be trusted.
            with reporting(self._pod.temporary):
                temporary.unlink(missing_ok=True)
            told.begin()
            remote.get_pack(entry.id, entry.size, temporary, told.advance)
            try:
                return verify_pack(temporary, entry.id, entry.size, leave_blobs=self._leave_blobs)
            except BROKEN as error:
                damaged = RemoteDamaged(remote=remote.describe(), reason=error.message)
                raise doubt(remote, damaged) from error

        try:
            try:
                toc = with_retries(attempt)
            except (RemoteDamaged, RemoteUnavailable) as error:
                if entry.origin and not isinstance(error, Transient):
                    raise self._left_to(remote, entry, error) from error
                raise
            lists = unproven(toc) if self._leave_pieces else ()
            if lists:
                made = split(self._pod, temporary, entry.id, toc, lists)
                with reporting(self._pod.store.packs_folder):
                    os.rename(made.path, self._pod.store.pack_path(made.id))
                return made.id, made.toc
            with reporting(self._pod.store.packs_folder):
                _make_durable(temporary)
                os.rename(temporary, self._pod.store.pack_path(entry.id))
            return entry.id, toc
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()

    def _left_to(self, origin: Remote, entry: PackEntry, error: SovrError) -> RemoteDamaged:
        """What to raise if a pack cannot be had from the pod that a fork leaves it to."""
        reason = error.fields.get("reason", error.message)
        return RemoteDamaged(
            remote=self._remote.describe(),
            reason=f"it leaves pack {entry.id.short} to `{origin.describe()}`, its origin, and there {reason}",
            hint="ask the owner of the fork to run `sovr push --full`, or the owner of the origin to push again",
        )

    @contextlib.contextmanager
    def _blaming(self, pack: ObjectId) -> Iterator[None]:
        """Remove a pack in which something is found to be wrong, and say that it came from the remote."""
        try:
            with blaming(self._remote):
                yield
        except RemoteDamaged:
            with reporting(self._pod.store.packs_folder):
                self._pod.store.pack_path(pack).unlink(missing_ok=True)
            self._pod.store.refresh()
            raise


def _make_durable(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
