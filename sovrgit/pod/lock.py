"""The lock of a pod: one process at a time changes refs and the index.

An advisory lock of the operating system, which a process that dies lets go of by dying.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from sovrgit.errors import Locked
from sovrgit.store.files import reporting, storage_error

PATIENCE = 30.0
"""Seconds to wait for another process."""

RUN_LOCK = "run.lock"
"""The file in the repository that is locked for the length of a run."""

_PAUSE = 0.02


@contextlib.contextmanager
def locked(path: Path, *, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock file at `path` for the length of a block.

    Args:
        patience: seconds to wait while another process holds it.

    Raises:
        Locked: if it is still held after that.
        ReadOnly, StorageFailure: if the file cannot be made.
    """
    with reporting(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        deadline = time.monotonic() + patience
        while not _try(descriptor, path):
            if time.monotonic() >= deadline:
                holder = os.pread(descriptor, 64, 0).decode("ascii", "replace").strip()
                raise Locked(path=path.parent, holder=f"process {holder}" if holder else "its id is not known")
            time.sleep(_PAUSE)
        # For the message above only; the lock itself is the operating system's. A full disk does not matter here.
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def refuse_running(folder: Path, root: Path) -> None:
    """Go on only if the pod is not being run: what a run reads and writes must not be changed under it.

    Args:
        folder: the pod's repository.
        root: the pod, for the message.

    Raises:
        Locked: if it is being run.
    """
    try:
        descriptor = os.open(folder / RUN_LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:  # nothing was ever run here, or nothing can be
        return
    try:
        if not _try(descriptor, folder / RUN_LOCK):
            raise Locked(path=root, holder="a run", hint="wait until the run has ended, or work in a clone of the pod")
    finally:
        os.close(descriptor)


def _try(descriptor: int, path: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
            # A file system without locks: `docs/internals/store.md` says what then holds.
            return True
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise storage_error(error, path) from error
    return True
