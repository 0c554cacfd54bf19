"""Ends processes that outlived the `sovr` that started them."""

from __future__ import annotations

import contextlib
import os
import signal
import time

from sovrgit.store.processes import birth_of

_PATIENCE = 10.0
"""Seconds to wait for a process to be gone after SIGKILL: it may be in the middle of a slow write."""

_PAUSE = 0.01


def end_group(pid: int, birth: str) -> bool:
    """Kill the process group that a process leads, if it is still the one with this birth; whether it was."""
    if not birth or birth_of(pid) != birth:
        return False
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    deadline = time.monotonic() + _PATIENCE
    while birth_of(pid) == birth and time.monotonic() < deadline:
        time.sleep(_PAUSE)
    return True
