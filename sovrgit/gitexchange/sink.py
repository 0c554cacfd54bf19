"""Writing objects into a Git repository: one pack and its index, which become visible together or not at all.

Objects are stored whole. `git repack -a -d -f` there makes differences of them; without `-f`, Git takes it that this
was tried.
"""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Iterable
from hashlib import sha1
from pathlib import Path
from typing import BinaryIO

from dulwich.object_format import SHA1
from dulwich.pack import pack_object_header, write_pack_index_v2

from sovrgit.gitexchange.ids import GitId, GitKind
from sovrgit.gitexchange.objects import GitObjects
from sovrgit.objects.ids import Data
from sovrgit.store.files import reporting, sync_folder, temporary_name

_LEVEL = 1
"""Of zlib. What Git keeps in the end it compresses itself."""

_READ = 1 << 20


class PackSink:
    """Takes objects that are not there yet. Without `finish` nothing of it stays.

    Raises:
        StorageFull, ReadOnly, StorageFailure: from every method, as the operating system reports.
    """

    def __init__(self, objects: GitObjects, folder: Path) -> None:
        self._objects = objects
        self._folder = folder / "objects" / "pack"
        self._entries: dict[GitId, tuple[int, int]] = {}
        self._file: BinaryIO | None = None
        self._path = temporary_name(self._folder, "tmp_pack")
        self._at = 12
        self._there: set[GitId] = set()

    def __enter__(self) -> PackSink:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, identity: GitId) -> bool:
        if identity in self._entries or identity in self._there:
            return True
        if identity in self._objects:
            self._there.add(identity)
            return True
        return False

    def add(self, kind: GitKind, identity: GitId, size: int, pieces: Iterable[Data]) -> None:
        """Store an object, unless it is there."""
        if identity in self:
            return
        with reporting(self._folder):
            file = self._open()
            header = bytes(pack_object_header(kind.value, None, size, SHA1))
            crc = zlib.crc32(header)
            length = file.write(header)
            deflater = zlib.compressobj(_LEVEL)
            for piece in (*map(deflater.compress, pieces), deflater.flush()):
                crc = zlib.crc32(piece, crc)
                length += file.write(piece)
            self._entries[identity] = self._at, crc
            self._at += length

    def finish(self) -> int:
        """Let everything become visible; the number of objects."""
        file = self._file
        if file is None:
            return 0
        with reporting(self._folder):
            file.seek(0)
            file.write(b"PACK\0\0\0\2" + len(self._entries).to_bytes(4, "big"))
            file.seek(0)
            digest = sha1(usedforsecurity=False)
            while piece := file.read(_READ):
                digest.update(piece)
            file.write(digest.digest())
            file.flush()
            os.fsync(file.fileno())
            file.close()
            self._file = None
            name = f"pack-{digest.hexdigest()}"
            try:
                os.chmod(self._path, 0o444)
                os.rename(self._path, self._folder / f"{name}.pack")
                # Last, as Git does it: nobody looks for a pack that has none.
                self._write_index(self._folder / f"{name}.idx", digest.digest())
            except BaseException:
                self._path.unlink(missing_ok=True)
                raise
            sync_folder(self._folder)
        self._objects.reopen()
        return len(self._entries)

    def _open(self) -> BinaryIO:
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("x+b")
            self._file.write(bytes(self._at))
        return self._file

    def _write_index(self, path: Path, checksum: bytes) -> None:
        temporary = temporary_name(self._folder, "tmp_idx")
        try:
            with temporary.open("xb") as file:
                write_pack_index_v2(
                    file, [(name, at, crc) for name, (at, crc) in sorted(self._entries.items())], checksum
                )
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o444)
            os.rename(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
