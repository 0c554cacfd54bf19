"""How the files of a pod are kept on a server: as they are, under the names of the packs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sovrgit.objects.ids import ObjectId

Write = Callable[[bytes], object]


class Contents:
    """Packs and manifest as they are: a public pod."""

    sealed = False

    def open_manifest(self, data: bytes, location: str) -> bytes:
        """The manifest out of the file that was read."""
        return data

    def close_manifest(self, manifest: bytes) -> bytes:
        """The file to be written for a manifest."""
        return manifest

    def pack_name(self, pack: ObjectId) -> str:
        """The name of a pack's file."""
        return f"p-{pack}"

    @contextmanager
    def receiving(self, pack: ObjectId, size: int, write: Write) -> Iterator[tuple[str, int, Write]]:
        """Receive a pack inside the block: its file's name, the bytes that may be read of it, and what takes them."""
        yield self.pack_name(pack), size, write

    @contextmanager
    def sending(self, pack: ObjectId, source: Path, temporary: Path) -> Iterator[tuple[str, Path]]:
        """Send a pack inside the block: its file's name, and the file to send. Others may be made in `temporary`."""
        yield self.pack_name(pack), source
