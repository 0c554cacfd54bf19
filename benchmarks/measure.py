"""One whole process, timed, with the peak memory of all that it starts. Linux only: memory is read in `/proc`."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

INTERVAL = 0.020
"""Seconds between two looks at the memory of the processes."""

FIRST_LOOKS = (0.002, 0.003, 0.005, 0.010)
"""Seconds between the first looks, closer together so that short commands are seen at all."""

SHARE = 0.02
"""Share of one core that looking may cost: after a costly look (gigabytes of mapped pages) the next one waits."""

STRAGGLER_TIME = 10.0
"""Seconds that processes left in the background by a command get to end before they are killed."""


class Measurement(NamedTuple):
    """What one run of a command took.

    `peak` is the largest sum of the proportional set sizes of all processes at one moment, or the resident size of
    the largest single process where that is more; `anonymous` the part of the sum at its own peak that belongs to no
    file and can therefore not be dropped by the kernel. Bytes; 0 where memory was not looked at. `processor` are the
    seconds of a processor that the process, and those that it waited for, have used.
    """

    seconds: float
    exit_code: int
    peak: int
    anonymous: int
    timed_out: bool
    stderr: str
    processor: float = 0.0

    @property
    def failure(self) -> str:
        """Why the command failed in a few words; empty if it did not."""
        if self.timed_out:
            return f"stopped after {self.seconds:.0f} s"
        if self.exit_code == 0:
            return ""
        lines = self.stderr.strip().splitlines()
        telling = [line for line in lines if "error" in line.lower() or "fatal" in line.lower()] or lines[-1:]
        return f"exit code {self.exit_code}" + (f": {telling[0].strip()[:160]}" if telling else "")


def run(
    argv: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    timeout: float | None = None,
    memory: bool = True,
) -> Measurement:
    """Run a command in a session of its own, with no input and its output thrown away.

    The clock runs from before the process is made until it has been waited for. After `timeout` seconds it and what
    it started are killed.

    Raises:
        OSError: if the program cannot be started.
    """
    floor = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            argv,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
        sampler = _Sampler(process.pid) if memory else None
        timer = threading.Timer(timeout, _kill, (process.pid,)) if timeout else None
        if timer:
            timer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - start
        except BaseException:
            _kill(process.pid)
            raise
        finally:
            if timer:
                timer.cancel()
            if sampler:
                sampler.stop()
        process.returncode = os.waitstatus_to_exitcode(status)
        _end_stragglers(process.pid)
        errors.seek(0)
        text = errors.read().decode("utf-8", "replace")
    peak = sampler.peak if sampler else 0
    # The kernel counts what the parent had at the moment of exec as the child's: at or below our own size the
    # figure says nothing about the command.
    if memory and usage.ru_maxrss > floor:
        peak = max(peak, usage.ru_maxrss * 1024)
    return Measurement(
        seconds=seconds,
        exit_code=process.returncode,
        peak=peak,
        anonymous=sampler.anonymous if sampler else 0,
        timed_out=timeout is not None and seconds >= timeout and process.returncode == -signal.SIGKILL,
        stderr=text,
        processor=usage.ru_utime + usage.ru_stime,
    )


class _Sampler:
    """A thread that looks at the memory of a process and its descendants until it is told to stop."""

    def __init__(self, pid: int) -> None:
        self.peak = 0
        self.anonymous = 0
        self._pid = pid
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _look_on(self) -> None:
        waits = iter(FIRST_LOOKS)
        cost = 0.0
        while not self._stopped.wait(max(next(waits, INTERVAL), cost / SHARE)):
            start = time.thread_time()
            self._look()
            cost = time.thread_time() - start

    def _look(self) -> None:
        total = anonymous = 0
        for pid in descendants(self._pid):
            pss, part = _proportional_size(pid)
            total += pss
            anonymous += part
        self.peak = max(self.peak, total)
        self.anonymous = max(self.anonymous, anonymous)


def descendants(pid: int) -> list[int]:
    """The process and all that it started, as far as they are still its children's children."""
    found = [pid]
    for parent in found:
        # A process or thread may end between any two of these lines; then it has no children to count.
        with contextlib.suppress(OSError):
            for thread in Path(f"/proc/{parent}/task").iterdir():
                with contextlib.suppress(OSError):
                    found += [int(child) for child in (thread / "children").read_text().split()]
    return found


def _proportional_size(pid: int) -> tuple[int, int]:
    """Proportional set size of a process in bytes, and the part of it that is anonymous; zeros if it has ended."""
    total = anonymous = 0
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0, 0
    for line in lines:
        if line.startswith("Pss:"):
            total = int(line.split()[1]) * 1024
        elif line.startswith("Pss_Anon:"):
            anonymous = int(line.split()[1]) * 1024
    return total, anonymous


def _session_members(session: int) -> list[int]:
    members = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            # After the name in brackets: state, parent, group, session (proc(5)).
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            members.append(int(entry.name))
    return members


def _end_stragglers(session: int) -> None:
    """Wait for what a command left in the background, so that it does not disturb the next one."""
    deadline = time.monotonic() + STRAGGLER_TIME
    while members := _session_members(session):
        if time.monotonic() > deadline:
            for pid in members:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return
        time.sleep(0.01)


def _kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
