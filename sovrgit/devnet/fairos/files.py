"""The files of a pod, as one session knows them: what it has looked up once it does not look up again.

What matters here is which reads are fresh, which are cached, and in what order things are written.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sovrgit.devnet.fairos.causes import (
    BAD_BLOCK_SIZE,
    DELETED_FEED,
    FILE_NOT_FOUND,
    NO_STATUS,
    READ_ONLY_FEED,
    Cause,
)
from sovrgit.devnet.fairos.gotext import SNIFFED, content_type
from sovrgit.devnet.fairos.metadata import FileMeta
from sovrgit.devnet.fairos.network import Network
from sovrgit.devnet.fairos.paths import base, joined, parent

SMALLEST_BLOCK = 1_000_000
LARGEST_BLOCK = 8_000_000


class Files:
    """The files of one pod in one session."""

    def __init__(
        self, network: Network, address: str, password: str, clock: Callable[[], float], *, writable: bool
    ) -> None:
        self.network = network
        self.address = address
        self.password = password
        self.writable = writable
        self._clock = clock
        self._known: dict[str, FileMeta] = {}
        self._uploaded: set[str] = set()

    def now(self) -> int:
        """Seconds since 1970."""
        return int(self._clock())

    # --- looking up ---------------------------------------------------------------------------------------------

    def meta(self, path: str) -> FileMeta | None:
        """A file, from the cache if it was seen before; None if there is none, or it cannot be found just now."""
        known = self._known.get(path)
        if known is not None:
            return known
        try:
            found = self.fresh(path)
        except Cause:
            return None
        self._known[path] = found
        return found

    def fresh(self, path: str) -> FileMeta:
        """A file as it is now.

        Raises:
            Cause: if it cannot be found.
        """
        return self.network.feeds.read(self.address, path, self.password)

    def download(self, path: str) -> FileMeta:
        """The file to be read.

        Raises:
            Cause: `FILE_NOT_FOUND`.
        """
        meta = self.meta(joined(path, ""))
        if meta is None:
            raise Cause(FILE_NOT_FOUND)
        return meta

    def read(self, path: str) -> bytes:
        """The bytes of a small file.

        Raises:
            Cause: if it cannot be found.
        """
        return self.network.blobs.get(self.download(path).blob).path.read_bytes()

    def listed(self, paths: list[str]) -> list[FileMeta]:
        """The files of a listing, looked up afresh. Those that cannot be found are left out."""
        found = []
        for path in paths:
            try:
                meta = self.fresh(joined(path, ""))
            except Cause:
                continue
            self._known[joined(meta.path, meta.name)] = meta
            found.append(meta)
        return found

    def refresh(self, path: str) -> None:
        """Look up a file of a listing again."""
        try:
            self._known[path] = self.fresh(path)
        except Cause:
            # What cannot be found is passed over, and the cache stays as it was.
            return

    def status(self, path: str) -> None:
        """Whether the progress of an upload is known.

        Raises:
            Cause: if the file is not there, or was not uploaded in this session.
        """
        if self.meta(joined(path, "")) is None:
            raise Cause(FILE_NOT_FOUND)
        if joined(path, "") not in self._uploaded:
            raise Cause(NO_STATUS)

    def forget(self) -> None:
        """Empty the cache."""
        self._known = {}

    # --- writing ------------------------------------------------------------------------------------------------

    def upload(self, received: Path | bytes, folder: str, name: str, block_size: int, compression: str = "") -> None:
        """Store a file. It is found by its path from then on; listing it is another matter.

        Raises:
            Cause: if the block size is out of bounds, or the pod is another's.
        """
        if not SMALLEST_BLOCK <= block_size <= LARGEST_BLOCK:
            raise Cause(BAD_BLOCK_SIZE)
        if isinstance(received, bytes):
            size, start = len(received), received[:SNIFFED]
            blob = self.network.blobs.store_bytes(received)
        else:
            with received.open("rb") as file:
                start = file.read(SNIFFED)
            size = received.stat().st_size
            blob = self.network.blobs.store(received, block_size)
        self._record(folder, name, size, start, block_size, compression, blob)

    def copy_from(self, source: Files, meta: FileMeta) -> None:
        """Store a file of another pod under the same path."""
        found = source.network.blobs.get(meta.blob)
        with found.path.open("rb") as file:
            start = file.read(SNIFFED)
        blob = self.network.blobs.copy(meta.blob)
        self._record(meta.path, meta.name, meta.size, start, meta.block_size, meta.compression, blob)

    def _record(
        self, folder: str, name: str, size: int, start: bytes, block_size: int, compression: str, blob: str
    ) -> None:
        now = self.now()
        # The type is told from the first 512 bytes, and only if there are as many.
        kind = content_type(start) if len(start) >= SNIFFED else ""
        meta = FileMeta(folder, name, size, block_size, kind, compression, now, now, now, blob)
        self._write(meta)
        path = joined(folder, name)
        self._known[path] = meta
        self._uploaded.add(path)

    def remove(self, path: str) -> None:
        """Delete a file.

        Raises:
            Cause: `FILE_NOT_FOUND`, or if the pod is another's.
        """
        path = joined(path, "")
        meta = self.meta(path)
        if meta is None:
            raise Cause(FILE_NOT_FOUND)
        self.network.blobs.get(meta.blob)
        self._update(path, None)
        self._known.pop(path, None)

    def rename(self, old: str, new: str) -> str:
        """Move a file; its new name.

        Raises:
            Cause: if it cannot be found.
        """
        meta = self.meta(old)
        if meta is None:
            raise Cause(FILE_NOT_FOUND)
        self._update(joined(meta.path, meta.name), None)
        self._known.pop(old, None)
        moved = meta.moved(parent(new), base(new), self.now())
        self._write(moved)
        self._known[new] = moved
        return moved.name

    def set_aside(self, path: str) -> str:
        """Keep what is to be overwritten under another name, which is returned.

        Raises:
            Cause: if it cannot be found.
        """
        meta = self.fresh(path)
        self._update(joined(meta.path, meta.name), None)
        now = self.now()
        aside = meta.moved(meta.path, f"{now}_{meta.name}", now)
        self._create(joined(aside.path, aside.name), aside)
        self._known[joined(aside.path, aside.name)] = aside
        return aside.name

    def adopt(self, path: str, meta: FileMeta) -> None:
        """Take a file that somebody shared: the same bytes, under this path."""
        self._known[path] = meta
        self._update(joined(meta.path, meta.name), meta)

    def _write(self, meta: FileMeta) -> None:
        path = joined(meta.path, meta.name)
        try:
            self.fresh(path)
        except Cause as cause:
            if cause.message != DELETED_FEED:
                self._create(path, meta)
                return
        self._update(path, meta)

    def _create(self, path: str, meta: FileMeta) -> None:
        self._check_writable()
        self.network.feeds.create(self.address, path, self.password, meta)

    def _update(self, path: str, meta: FileMeta | None) -> None:
        self._check_writable()
        self.network.feeds.update(self.address, path, self.password, meta)

    def _check_writable(self) -> None:
        if not self.writable:
            raise Cause(READ_ONLY_FEED)
