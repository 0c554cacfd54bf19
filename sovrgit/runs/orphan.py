"""Processes that outlived the `sovr` that started them: told from later ones with the same number, and ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

_PATIENCE = 10.0
"""Seconds to wait for a process to be gone after SIGKILL: it may be in the middle of a slow write."""

_PAUSE = 0.01

_START_FIELD = 19
"""Position of the start time behind the name in /proc/PID/stat, whose first field there is the state (proc(5))."""


def birth_of(pid: int) -> str:
    """What tells a process from every other that has had, or will have, its number; empty if it does not run."""
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except ProcessLookupError:
        return ""
    except OSError:
        return "" if os.path.exists("/proc/self/stat") else _birth_by_ps(pid)
    return "" if state[0] in (b"Z", b"X") else f"{boot} {state[_START_FIELD].decode('ascii')}"


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


def _birth_by_ps(pid: int) -> str:
    """The same where there is no /proc, to the second."""
    found = subprocess.run(
        ["ps", "-o", "stat=", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, started = found.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else started.strip()
