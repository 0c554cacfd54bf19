"""The lock of a pod: one process at a time changes refs and the index.

An advisory lock of the operating system, which a process that dies lets go of by dying. Where the file system has none
(`store/claims.py`), whoever comes next sees that it has died.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from sovrgit.errors import Locked
from sovrgit.store.claims import Claim
from sovrgit.store.files import reporting
from sovrgit.store.flock import flock, read_holder, write_holder

PATIENCE = 30.0
"""Seconds to wait for another process."""

RUN_LOCK = "run.lock"
"""The file in the repository that is locked for the length of a run."""

GC_LOCK = "gc.lock"
"""The file in the repository that is locked by whoever is to remove packs, from before it looks what is needed.

It is taken before the pod's lock. Two at once would take packs away from each other, and files in the making.
"""

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
    claim = Claim(path)
    try:
        deadline = time.monotonic() + patience
        while not (taken := flock(descriptor, fcntl.LOCK_EX, path)):
            if taken is None and claim.take():
                break
            if time.monotonic() >= deadline:
                holder = claim.holder() if taken is None else read_holder(descriptor)
                raise Locked(path=path.parent, holder=str(holder or "its id is not known"), hint=claim.remedy())
            time.sleep(_PAUSE)
        if taken:
            write_holder(descriptor)
        yield
    finally:
        claim.release()
        os.close(descriptor)


def refuse_running(folder: Path, root: Path) -> None:
    """Go on only if the pod is not being run: what a run reads and writes must not be changed under it.

    Args:
        folder: the pod's repository.
        root: the pod, for the message.

    Raises:
        Locked: if it is being run.
    """
    path = folder / RUN_LOCK
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:  # nothing was ever run here, or nothing can be
        return
    claim = Claim(path)
    try:
        free = flock(descriptor, fcntl.LOCK_EX, path)
        if free is False or (free is None and not claim.is_free()):
            holder = claim.holder() if free is None else read_holder(descriptor)
            raise Locked(
                path=root,
                holder=f"a run: {holder}" if holder else "a run",
                hint="wait until the run has ended, or work in a clone of the pod",
            )
    finally:
        os.close(descriptor)
