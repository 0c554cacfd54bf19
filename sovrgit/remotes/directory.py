"""A folder as a remote: on this disk, another one, or a network share."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from blake3 import blake3

from sovrgit.errors import RemoteDamaged, RemoteStale, RemoteUnavailable, SovrError
from sovrgit.objects.codec import MAX_METADATA_SIZE
from sovrgit.objects.ids import ObjectId
from sovrgit.pod.lock import locked
from sovrgit.remotes.base import Transient
from sovrgit.store.files import storage_error, sync_folder, temporary_name, write_all, write_atomic

MANIFEST = "manifest"
PACKS = "packs"

_COPY_SIZE = 4 << 20
_PASSING = {errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EINTR}
"""What network file systems report when they lose touch for a moment."""


class DirectoryRemote:
    """A folder that holds `manifest` and `packs/`. It is made by the first push."""

    kind: ClassVar[str] = "directory"
    keeps_chain: ClassVar[bool] = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._packs = folder / PACKS
        self.location = str(folder)

    def describe(self) -> str:
        return self.location

    def read_manifest(self) -> bytes | None:
        path = self._folder / MANIFEST
        try:
            with open(path, "rb") as file:
                data = file.read(MAX_METADATA_SIZE + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unavailable(error) from error
        if len(data) > MAX_METADATA_SIZE:
            raise RemoteDamaged(remote=self.location, reason="its manifest is too large")
        return data

    def publish(self, manifest: bytes, expected: bytes | None) -> None:
        self._make()
        with locked(self._folder / "lock"):
            if self.read_manifest() != expected:
                raise RemoteStale(remote=self.location)
            write_atomic(self._folder / MANIFEST, manifest)

    def has_pack(self, pack: ObjectId, size: int) -> bool:
        path = self._pack(pack)
        try:
            return os.stat(path).st_size == size and _digest(path) == pack
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._unavailable(error) from error

    def put_pack(self, pack: ObjectId, source: Path, advance: Callable[[int], None]) -> None:
        self._make()
        temporary = temporary_name(self._packs, ".upload")
        try:
            _copy(source, temporary, os.stat(source).st_size, advance, sync=True)
            if _digest(temporary) != pack:
                raise RemoteDamaged(
                    remote=self.location,
                    reason=f"pack {pack.short} was not stored as it was sent",
                    hint="check the disk; nothing was changed in the remote",
                )
            os.replace(temporary, self._pack(pack))
            sync_folder(self._packs)
        except OSError as error:
            raise self._unavailable(error) from error
        finally:
            with contextlib.suppress(OSError):
                os.unlink(temporary)

    def get_pack(self, pack: ObjectId, size: int, target: Path, advance: Callable[[int], None]) -> None:
        source = self._pack(pack)
        try:
            if not _link(source, target, size):
                _copy(source, target, size, lambda _: None, sync=False)
            advance(size)
        except FileNotFoundError as error:
            raise RemoteDamaged(remote=self.location, reason=f"pack {pack.short} is not there") from error
        except OSError as error:
            raise self._unavailable(error) from error

    def _pack(self, pack: ObjectId) -> Path:
        return self._packs / f"{pack}.pack"

    def _make(self) -> None:
        try:
            self._packs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: OSError) -> SovrError:
        if error.errno in _PASSING:
            return Transient(location=self.location, reason=(error.strerror or str(error)).lower())
        if isinstance(error, NotADirectoryError | FileNotFoundError):
            return RemoteUnavailable(location=self.location, reason=(error.strerror or str(error)).lower())
        return storage_error(error, self._folder)


def _link(source: Path, target: Path, size: int) -> bool:
    """Share the file instead of copying it, where it is certain that nobody else may write to it.

    Packs are never changed, and every object is verified when it is read, so sharing costs no safety that a copy
    would give against the owner of the remote, who is the same person.
    """
    found = os.stat(source)
    if found.st_uid != os.geteuid() or found.st_mode & 0o022 or found.st_size != size:
        return False
    try:
        os.link(source, target)
    except OSError:
        return False
    return True


def _copy(source: Path, target: Path, size: int, advance: Callable[[int], None], *, sync: bool) -> None:
    """Copy at most `size` bytes into a new file, in the kernel where it can."""
    inside = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        outside = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
        try:
            left = size
            while left:
                count = _copy_some(inside, outside, min(left, _COPY_SIZE))
                if not count:
                    break
                left -= count
                advance(count)
            if sync:
                os.fsync(outside)
        finally:
            os.close(outside)
    finally:
        os.close(inside)


def _copy_some(inside: int, outside: int, count: int) -> int:
    if hasattr(os, "copy_file_range"):
        try:
            return os.copy_file_range(inside, outside, count)
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
                raise
    data = os.read(inside, count)
    write_all(outside, data)
    return len(data)


def _digest(path: Path) -> ObjectId:
    hasher = blake3()
    with open(path, "rb", buffering=0) as file:
        while data := file.read(_COPY_SIZE):
            hasher.update(data)
    return ObjectId(hasher.digest())
