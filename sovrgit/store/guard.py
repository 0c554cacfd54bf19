"""Keeping the collection of garbage away from processes that write.

A process that writes objects shares a lock from its first write until it ends: what it has stored, or has found to be
stored, is not referred to yet. Whoever removes packs has the lock alone. The operating system lets go of it when a
process ends in whatever way.
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
from sovrgit.store.files import storage_error

PATIENCE = 30.0
"""Seconds to wait for a collection of garbage to end. The part of it that is alone takes less than one."""

ALONE_PATIENCE = 2.0
"""Seconds to wait until no other process writes."""

_PAUSE = 0.005
_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EOPNOTSUPP}
"""What file systems without locks answer. There garbage is collected only by those who know that nobody else works."""


class Guard:
    """The lock of one process, in one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def share(self) -> None:
        """Be one of those who write, until `release`. A pod that cannot be written to needs no lock.

        Raises:
            Locked: if another process is alone and stays so.
        """
        if self._descriptor is None:
            self._descriptor = self._take(fcntl.LOCK_SH, PATIENCE)

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Be the only one for the length of a block; afterwards as before.

        Raises:
            Locked: if others write and do not finish.
        """
        before, self._descriptor = self._descriptor, None
        if before is not None:
            os.close(before)
        try:
            self._descriptor = self._take(fcntl.LOCK_EX, ALONE_PATIENCE)
            yield
        finally:
            self.release()
            if before is not None:
                self.share()

    def release(self) -> None:
        """Be no longer one of those who write."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _take(self, how: int, patience: float) -> int | None:
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            if error.errno in (errno.EROFS, errno.EACCES, errno.ENOENT) and how == fcntl.LOCK_SH:
                return None
            raise storage_error(error, self._path) from error
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(descriptor, how | fcntl.LOCK_NB)
                return descriptor
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    os.close(descriptor)
                    what = "one that writes to it" if how == fcntl.LOCK_EX else "one that collects garbage"
                    raise Locked(
                        path=self._path.parent.parent,
                        holder=what,
                        hint="try again when no other command is at work on it",
                    ) from None
                time.sleep(_PAUSE)
            except OSError as error:
                if error.errno in _NO_LOCKS:
                    return descriptor
                os.close(descriptor)
                raise storage_error(error, self._path) from error
