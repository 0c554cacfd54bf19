"""Writing files so that a crash, a full disk or a reader in the middle never sees half of one."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from sovrgit.errors import ReadOnly, SovrError, StorageFailure, StorageFull

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EROFS}
"""What file systems report that cannot sync a folder: `docs/internals/store.md` says what then holds."""


def storage_error(error: OSError, path: os.PathLike[str] | str | None = None) -> SovrError:
    """The error that tells a user what the operating system reported."""
    place = os.fspath(path) if path is not None else os.fsdecode(error.filename or "the pod")
    if error.errno in _FULL:
        return StorageFull(path=place)
    if error.errno in _DENIED:
        return ReadOnly(path=place, reason=os.strerror(error.errno or 0).lower())
    return StorageFailure(path=place, reason=(error.strerror or str(error)).lower())


@contextlib.contextmanager
def reporting(path: os.PathLike[str] | str) -> Iterator[None]:
    """Turn what the operating system reports inside the block into an error that users can act upon."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, path) from error


def temporary_name(folder: Path, label: str) -> Path:
    """A new name for a temporary file; the process id tells `gc` whose it is."""
    return folder / f"{label}-{os.getpid()}-{os.urandom(6).hex()}"


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes | bytearray | memoryview) -> None:
    """Write every byte, however many calls it takes."""
    written = os.write(descriptor, data)
    if written < len(data):
        view = memoryview(data)[written:]
        while view:
            view = view[os.write(descriptor, view) :]


def write_atomic(path: Path, data: bytes, *, mode: int = 0o666, sync: bool = True) -> None:
    """Put a whole file into place, or change nothing.

    Raises:
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    temporary = temporary_name(path.parent, ".new")
    with reporting(path):
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            try:
                write_all(descriptor, data)
                if sync:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            raise
        if sync:
            sync_folder(path.parent)
