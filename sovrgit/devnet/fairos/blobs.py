"""Blobs: the bytes of files, each under a reference that is used once and never changes its meaning."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sovrgit.devnet.fairos.causes import NO_SUCH_BLOB, Cause, damaged
from sovrgit.devnet.fairos.faults import Kind, now
from sovrgit.devnet.fairos.metadata import compact
from sovrgit.store.files import write_atomic


class Blob(NamedTuple):
    """The bytes of a file. `lost` is the number of the first block that is not there.

    `quiet` says that the list of blocks ends before it, so that reading comes to an end instead of failing.
    """

    path: Path
    size: int
    lost: int | None = None
    quiet: bool = False


class Blobs:
    """A folder of blobs: XX/REFERENCE, and one of those that are being received."""

    def __init__(self, folder: Path, incoming: Path) -> None:
        self._folder = folder
        self._incoming = incoming

    @contextlib.contextmanager
    def incoming(self) -> Iterator[Path]:
        """A name for a file that is being received; whatever is not stored is removed at the end."""
        path = self._incoming / os.urandom(8).hex()
        try:
            yield path
        finally:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()

    def store(self, received: Path, block_size: int) -> str:
        """Keep a file that was received; its reference, 128 hexadecimal digits that were never used before."""
        reference, path = self._new_blob()
        blocks = -(-received.stat().st_size // block_size)
        hole, short = now(Kind.HOLE), now(Kind.SHORT_UPLOAD)
        if blocks and (hole or short):
            lost = min(hole.much(0), blocks - 1) if hole else blocks - 1
            mark = compact({"lost": lost, "quiet": not hole})
            write_atomic(path.with_suffix(".lost"), mark, mode=0o600, sync=False)
        os.rename(received, path)
        return reference

    def store_bytes(self, data: bytes) -> str:
        """Keep some bytes; their reference."""
        reference, path = self._new_blob()
        write_atomic(path, data, mode=0o600, sync=False)
        return reference

    def copy(self, reference: str) -> str:
        """Keep the same bytes once more, under a reference of their own."""
        blob = self.get(reference)
        copied, path = self._new_blob()
        os.link(blob.path, path)
        return copied

    def get(self, reference: str) -> Blob:
        """Where the bytes of a file are.

        Raises:
            Cause: if there are none.
        """
        path = self._blob(reference)
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            raise Cause(NO_SUCH_BLOB) from None
        lost = path.with_suffix(".lost")
        try:
            mark = json.loads(lost.read_bytes())
            return Blob(path, size, int(mark["lost"]), bool(mark["quiet"]))
        except FileNotFoundError:
            return Blob(path, size)
        except (ValueError, TypeError, KeyError) as error:
            raise damaged("blobs") from error

    def _new_blob(self) -> tuple[str, Path]:
        reference = os.urandom(64).hex()
        path = self._blob(reference)
        path.parent.mkdir(exist_ok=True, mode=0o700)
        return reference, path

    def _blob(self, reference: str) -> Path:
        return self._folder / reference[:2] / reference
