"""The operating system's lock on a file, and in the file who has it: for messages, the lock itself is the system's."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os

from sovrgit.store.files import storage_error
from sovrgit.store.processes import Holder

NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EOPNOTSUPP})
"""What file systems without locks answer."""

_MOST = 1024
"""Bytes of the file that are read."""


def flock(descriptor: int, how: int, path: os.PathLike[str]) -> bool | None:
    """Take a lock (`fcntl.LOCK_EX` or `LOCK_SH`) if it is free; whether it was. None where files cannot be locked.

    Raises:
        StorageFailure: for all else that the system reports.
    """
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in NO_LOCKS:
            return None
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise storage_error(error, path) from error
    return True


def write_holder(descriptor: int) -> None:
    """Write down that this process has the lock. A disk that is full does not matter here."""
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, Holder.me().encode(), 0)


def read_holder(descriptor: int) -> Holder | None:
    """Who has written that it has the lock, unless that process has ended."""
    with contextlib.suppress(OSError):
        holder = Holder.read(os.pread(descriptor, _MOST, 0))
        return None if holder is None or holder.is_gone else holder
    return None


def clear_holder(descriptor: int) -> None:
    """Take back what this process has written, before others are sought who share the lock."""
    with contextlib.suppress(OSError):
        holder = Holder.read(os.pread(descriptor, _MOST, 0))
        if holder is not None and holder.pid == os.getpid():
            os.ftruncate(descriptor, 0)
