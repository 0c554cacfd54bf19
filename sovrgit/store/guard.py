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
from collections.abc import Callable, Iterator
from pathlib import Path

from sovrgit.errors import Locked
from sovrgit.store.claims import Claim
from sovrgit.store.files import storage_error
from sovrgit.store.flock import clear_holder, flock, read_holder, write_holder
from sovrgit.store.presence import Presence
from sovrgit.store.processes import Holder

PATIENCE = 30.0
"""Seconds to wait for a collection of garbage to end. The part of it that is alone takes less than one."""

ALONE_PATIENCE = 2.0
"""Seconds to wait until no other process writes."""

_PAUSE = 0.005


class Guard:
    """The lock of one process, in one file; in several where the file system has no locks."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._claim = Claim(path)
        self._presence = Presence(path)

    def share(self) -> None:
        """Be one of those who write, until `release`. A pod that cannot be written to needs no lock.

        Raises:
            Locked: if another process is alone and stays so.
        """
        if self._descriptor is None:
            self._descriptor = self._take(fcntl.LOCK_SH, PATIENCE, self._share_without_locks)

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Be the only one for the length of a block; afterwards as before.

        Raises:
            Locked: if others write and do not finish.
        """
        before = self._descriptor is not None
        self.release()
        try:
            self._descriptor = self._take(fcntl.LOCK_EX, ALONE_PATIENCE, self._be_alone_without_locks)
            yield
        finally:
            self.release()
            if before:
                self.share()

    def release(self) -> None:
        """Be no longer one of those who write."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            self._claim.release()
            self._presence.leave()
            clear_holder(descriptor)
            os.close(descriptor)

    def _take(self, how: int, patience: float, without_locks: Callable[[], bool]) -> int | None:
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            if error.errno in (errno.EROFS, errno.EACCES, errno.ENOENT) and how == fcntl.LOCK_SH:
                return None
            raise storage_error(error, self._path) from error
        deadline = time.monotonic() + patience
        try:
            while True:
                taken = flock(descriptor, how, self._path)
                if taken:
                    write_holder(descriptor)
                    return descriptor
                if taken is None and without_locks():
                    return descriptor
                if time.monotonic() >= deadline:
                    raise self._refusal(how, read_holder(descriptor) if taken is False else None)
                time.sleep(_PAUSE)
        except BaseException:
            self._claim.release()
            os.close(descriptor)
            raise

    def _share_without_locks(self) -> bool:
        """Be seen first, and look then: who is alone has done so in the same order, so that one of the two sees it."""
        self._presence.enter()
        if self._claim.is_free():
            return True
        self._presence.leave()
        return False

    def _be_alone_without_locks(self) -> bool:
        return (self._claim.is_mine or self._claim.take()) and not self._presence.others()

    def _refusal(self, how: int, holder: Holder | None) -> Locked:
        what = "one that writes to it" if how == fcntl.LOCK_EX else "one that collects garbage"
        if holder is None:
            there = self._presence.others() if how == fcntl.LOCK_EX else []
            holder = there[0] if there else self._claim.holder()
        return Locked(
            path=self._path.parent.parent,
            holder=what if holder is None else f"{what}: {holder}",
            hint="try again when no other command is at work on it",
        )
