"""Which process is which: told from earlier and later ones with the same number, on this machine and on others."""

from __future__ import annotations

import functools
import os
import time
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

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


def machine() -> str:
    """What tells this machine from others that see the same files: a hash, for names of hosts are nobody's business.

    A container with process numbers of its own counts as a machine.
    """
    try:
        numbers = os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        numbers = 0
    return blake3(f"{os.uname().nodename} {numbers}".encode("utf-8", "surrogateescape")).hexdigest()[:16]


class Holder(NamedTuple):
    """Who holds a lock. `since` is the time when it was taken, in seconds since 1970 by that machine's clock."""

    pid: int
    birth: str
    machine: str
    since: int

    @classmethod
    def me(cls) -> Holder:
        """This process, from now on."""
        pid = os.getpid()
        return cls(pid, _own_birth(pid), machine(), int(time.time()))

    @classmethod
    def read(cls, data: bytes) -> Holder | None:
        """The holder that `encode` has written; None for anything else, such as a half of it."""
        lines = data.decode("utf-8", "replace").split("\n")
        if len(lines) != 5 or lines[4] or not (lines[0].isdecimal() and lines[3].isdecimal()):
            return None
        try:
            return cls(int(lines[0]), lines[1], lines[2], int(lines[3]))
        except ValueError:  # more digits than a number may have
            return None

    def encode(self) -> bytes:
        """Its bytes: four lines."""
        return f"{self.pid}\n{self.birth}\n{self.machine}\n{self.since}\n".encode()

    @property
    def is_elsewhere(self) -> bool:
        """Whether it belongs to another machine, whose processes cannot be seen from here."""
        return self.machine != machine()

    @property
    def is_gone(self) -> bool:
        """Whether it is known that this process has ended, whoever has its number now."""
        if self.is_elsewhere:
            return False
        return birth_of(self.pid) != self.birth if self.birth else not _exists(self.pid)

    def __str__(self) -> str:
        """For messages: `process 12, since 2026-01-31 12:00:00Z`."""
        place = " on another machine" if self.is_elsewhere else ""
        try:
            since = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(self.since))
        except (OverflowError, OSError, ValueError):
            return f"process {self.pid}{place}"
        return f"process {self.pid}{place}, since {since}"


def _exists(pid: int) -> bool:
    """Whether any process has this number: all that is known where the system does not tell when it began."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


@functools.lru_cache(maxsize=1)
def _own_birth(pid: int) -> str:
    """The birth of this process; the number is given because a fork has another."""
    return birth_of(pid)


def _birth_by_ps(pid: int) -> str:
    """The same where there is no /proc, to the second."""
    import subprocess  # costs more than all that is needed where there is a /proc

    found = subprocess.run(
        ["ps", "-o", "stat=", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, started = found.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else started.strip()
