"""A folder as a remote: on this disk, another one, or a network share."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator
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
    answers_vary: ClassVar[bool] = False
    is_far: ClassVar[bool] = False
    downloads_at_once: ClassVar[int] = 2
    has_ranges: ClassVar[bool] = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._packs = folder / PACKS
        self.location = os.path.abspath(folder)

    def describe(self) -> str:
        return self.location

    def close(self) -> None:
        """There is nothing to let go of."""

    def at(self, origin: str) -> DirectoryRemote:
        raise RemoteDamaged(remote=self.location, reason="its manifest names packs in another place")

    def writing(self) -> contextlib.AbstractContextManager[None]:
        # Publishing takes a lock in the folder, which also those see who write from other machines.
        return contextlib.nullcontext()

    def read_manifest(self) -> bytes | None:
        try:
            with _opened(self._folder / MANIFEST) as descriptor, open(descriptor, "rb", closefd=False) as file:
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
            with _opened(source) as inside:
                _copy(inside, temporary, os.fstat(inside).st_size, advance, sync=True)
            # Before it takes its name: there may be a good copy under it.
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
            if _link(source, target, size):
                advance(size)
                return
            with _opened(source) as inside:
                try:
                    _copy(inside, target, size, advance, sync=True)
                except OSError as error:
                    if error.errno in _PASSING:
                        raise
                    # Whatever else goes wrong while a file is copied is the matter of the place it is copied to.
                    raise storage_error(error, target.parent) from error
        except FileNotFoundError as error:
            raise RemoteDamaged(remote=self.location, reason=f"pack {pack.short} is not there") from error
        except OSError as error:
            raise self._unavailable(error) from error

    def get_range(self, pack: ObjectId, size: int, offset: int, length: int) -> bytes:
        try:
            with _opened(self._pack(pack)) as descriptor:
                return os.pread(descriptor, length, offset)
        except FileNotFoundError as error:
            raise RemoteDamaged(remote=self.location, reason=f"pack {pack.short} is not there") from error
        except OSError as error:
            raise self._unavailable(error) from error

    def _pack(self, pack: ObjectId) -> Path:
        return self._packs / f"{pack}.pack"

    def _make(self) -> None:
        if self._packs.is_dir():
            return
        try:
            self._packs.mkdir(parents=True, exist_ok=True)
            sync_folder(self._folder.parent)
        except OSError as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: OSError) -> SovrError:
        if error.errno in _PASSING:
            return Transient(location=self.location, reason=(error.strerror or str(error)).lower())
        if isinstance(error, NotADirectoryError | FileNotFoundError):
            return RemoteUnavailable(location=self.location, reason=(error.strerror or str(error)).lower())
        return storage_error(error, self._folder)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    """A regular file's descriptor for reading. Nothing else is opened: a pipe would wait for ever."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        yield descriptor
    finally:
        os.close(descriptor)


def _link(source: Path, target: Path, size: int) -> bool:
    """Share the file instead of copying it, where it is certain that nobody else may write to it.

    Packs are never changed, and every object is verified when it is read, so sharing costs no safety that a copy
    would give against the owner of the remote, who is the same person.
    """
    # Of the name itself: a link to a symbolic link would be one, and lead to wherever that is made to point later.
    found = os.lstat(source)
    if not stat.S_ISREG(found.st_mode) or found.st_size != size:
        return False
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        return False
    try:
        os.link(source, target)
    except OSError:
        return False
    return True


def _copy(inside: int, target: Path, size: int, advance: Callable[[int], None], *, sync: bool) -> None:
    """Copy at most `size` bytes into a new file, in the kernel where it can."""
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
    with _opened(path) as descriptor:
        while data := os.read(descriptor, _COPY_SIZE):
            hasher.update(data)
    return ObjectId(hasher.digest())
