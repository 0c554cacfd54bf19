"""One running command: its output, its signals, and its end, until nothing of it is left.

What is started and where its output goes is the caller's business (`local.py`).
"""

from __future__ import annotations

import contextlib
import math
import os
import resource
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import IO, TypeAlias

from sovrgit.runs.executor import Cancel, Outcome, Resources, Status, Stream

_POLL = 0.02
"""Seconds between two looks at the process where the system has no descriptor for it (macOS, Linux before 5.3)."""

_READ_SIZE = 64 << 10
"""Bytes read at once: a pipe's capacity on Linux."""

_PIPE_LIMIT = 1 << 20
"""Bytes that a pipe can hold at most (/proc/sys/fs/pipe-max-size)."""

_BLOCK = 512
"""Bytes in the unit of Linux's `ru_inblock` and `ru_oublock`, whatever the file system's own block size."""

Receiver: TypeAlias = Callable[[Stream, bytes, int], None]
"""Takes the stream, the bytes, and the time of their arrival in nanoseconds since 1970."""

_Ready: TypeAlias = Sequence[tuple[selectors.SelectorKey, int]]


class Child:
    """A process that leads a group of its own, with pipes for its output.

    Where the system allows it, the process is reaped last: until then the id of its group can be no one else's.
    Call `watch`, `drain` and `outcome` in this order, and `close` in any case.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        receive: Receiver,
        cancel: Cancel,
        *,
        timeout: float | None,
        grace: float,
        patience: float | None = None,
        stop: Cancel | None = None,
    ) -> None:
        """Take over a process that was just started.

        Args:
            timeout: seconds until it is ended.
            grace: seconds between signals that end it.
            patience: if given, seconds after SIGINT until the next signal; a timeout then begins with SIGINT as well:
                for a command that has much to put in order before it ends.
            stop: another one that may end it.
        """
        self.started_ns = self._finished_ns = time.time_ns()
        self._begin = self._end = time.monotonic_ns()
        self._process = process
        self._pid = process.pid
        self._receive = receive
        self._timeout = timeout
        self._grace = grace
        self._patience_after_int = grace if patience is None else patience
        self._first: tuple[signal.Signals, ...] = () if patience is None else (signal.SIGINT,)
        self._cancels = (cancel,) if stop is None else (cancel, stop)
        self._deadline = math.inf if timeout is None else time.monotonic() + timeout
        self._stopped_as: Status | None = None
        self._ladder: list[signal.Signals] = []
        self._last_signal: signal.Signals | None = None
        self._exit_fd: int | None = None
        self._pipes: dict[int, Stream] = {}
        self._reaped = False
        self._usage: resource.struct_rusage | None = None
        self._inherited_rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self._opened = contextlib.ExitStack()
        outputs: dict[Stream, IO[bytes] | None] = {"stdout": process.stdout, "stderr": process.stderr}
        for stream, pipe in outputs.items():
            if pipe is not None:
                self._pipes[self._opened.enter_context(pipe).fileno()] = stream

    def watch(self) -> None:
        """Pass output on as it comes, and signals when they are due, until the process ends."""
        self._selector = self._opened.enter_context(selectors.DefaultSelector())
        self._exit_fd = self._open_exit_fd()
        if self._exit_fd is not None:
            self._selector.register(self._exit_fd, selectors.EVENT_READ)
        asked = [fd for cancel in self._cancels for fd in (cancel.polite_fd, cancel.force_fd)]
        for descriptor in (*self._pipes, *asked):
            self._selector.register(descriptor, selectors.EVENT_READ)
        while True:
            ready = self._selector.select(self._patience())
            if self._has_ended(ready):
                break
            for key, _ in ready:
                self._serve(key.fd)
            if time.monotonic() >= self._deadline:
                self._on_deadline()
        self._end = time.monotonic_ns()
        # A clock that was set back meanwhile does not make a run end before it began; one that goes on while the
        # machine sleeps is right.
        self._finished_ns = max(time.time_ns(), self.started_ns + self._end - self._begin)

    def drain(self, seconds: float) -> None:
        """Give leftover processes `seconds` to finish their output, then kill those that stayed in the group.

        What they wrote until then is read; a process that left the group keeps its end of the pipe, and no reader.
        """
        for descriptor in set(self._selector.get_map()) - self._pipes.keys():
            self._selector.unregister(descriptor)
        deadline = time.monotonic() + seconds
        while self._pipes and (left := deadline - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                self._read(key.fd)
        self._signal_group(signal.SIGKILL)
        for pipe in list(self._pipes):
            os.set_blocking(pipe, False)
            room = _PIPE_LIMIT
            with contextlib.suppress(BlockingIOError):
                while room > 0 and (count := self._read(pipe)):
                    room -= count

    def outcome(self) -> Outcome:
        """Reap the process and say how it ended."""
        self._reap()
        code = self._process.returncode
        failed: Status = "failed" if self._usage is None or code else "succeeded"
        return Outcome(
            status=self._stopped_as or failed,
            exit_code=code if self._usage is not None and code >= 0 else None,
            signal=-code if code < 0 else None,
            started_ns=self.started_ns,
            finished_ns=self._finished_ns,
            resources=self._resources(),
            reason=self._reason(code),
        )

    def close(self) -> None:
        """Leave no process and no descriptor behind, whatever has happened."""
        if not self._reaped:
            self._signal_group(signal.SIGKILL)
            self._reap()
        self._opened.close()

    def _open_exit_fd(self) -> int | None:
        """A descriptor that becomes readable when the process ends, or None where there is no such thing."""
        if sys.platform != "linux":
            return None
        try:
            descriptor = os.pidfd_open(self._pid)
        except (AttributeError, OSError):  # a Python built for older systems; an older kernel, or a sandbox's filter
            return None
        self._opened.callback(os.close, descriptor)
        return descriptor

    def _patience(self) -> float | None:
        """Seconds until something is due even if no descriptor becomes ready."""
        wait = max(self._deadline - time.monotonic(), 0.0)
        if self._exit_fd is None:
            wait = min(wait, _POLL)
        return None if wait == math.inf else wait

    def _has_ended(self, ready: _Ready) -> bool:
        if self._exit_fd is None:
            self._reap(os.WNOHANG)
            return self._reaped
        return any(key.fd == self._exit_fd for key, _ in ready)

    def _serve(self, descriptor: int) -> None:
        if descriptor in self._pipes:
            self._read(descriptor)
            return
        self._selector.unregister(descriptor)  # requests stay readable; each is served once
        if any(descriptor == cancel.force_fd for cancel in self._cancels):
            self._stop("cancelled", signal.SIGKILL)
        elif self._stopped_as is None:
            self._stop("cancelled", signal.SIGINT, signal.SIGTERM, signal.SIGKILL)

    def _read(self, pipe: int) -> int:
        """Pass on what there is; the number of bytes, 0 at the end of the stream."""
        data = os.read(pipe, _READ_SIZE)
        if data:
            self._receive(self._pipes[pipe], data, time.time_ns())
        else:
            self._selector.unregister(pipe)
            del self._pipes[pipe]
        return len(data)

    def _on_deadline(self) -> None:
        if self._stopped_as is None:
            self._stop("timed out", *self._first, signal.SIGTERM, signal.SIGKILL)
        else:
            self._next_signal()

    def _stop(self, status: Status, *ladder: signal.Signals) -> None:
        self._stopped_as = self._stopped_as or status
        self._ladder = list(ladder)
        self._next_signal()

    def _next_signal(self) -> None:
        self._last_signal = self._ladder.pop(0)
        self._signal_group(self._last_signal)
        grace = self._patience_after_int if self._last_signal is signal.SIGINT else self._grace
        self._deadline = time.monotonic() + grace if self._ladder else math.inf

    def _signal_group(self, number: signal.Signals) -> None:
        # No such process: all are gone. Not permitted: only zombies are left (macOS), or the command has become
        # another user, and then there is nothing that we can do but wait.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, number)

    def _reap(self, options: int = 0) -> None:
        if self._reaped:
            return
        try:
            pid, status, usage = os.wait4(self._pid, options)
        except ChildProcessError:
            # SIGCHLD is ignored in this process, or somebody else waits for all children: the status is lost.
            self._reaped, self._process.returncode = True, 0
            return
        if pid:
            self._reaped, self._process.returncode = True, os.waitstatus_to_exitcode(status)
            self._usage = usage

    def _reason(self, code: int) -> str:
        after = f"; ended after {self._last_signal.name}" if self._last_signal else ""
        if self._stopped_as == "timed out":
            return f"took longer than {self._timeout:g} s{after}"
        if self._stopped_as:
            return f"cancelled{after}"
        if self._usage is None:
            return "its exit status is lost: this process does not get to know how its children end"
        if code < 0:
            return f"killed by {signal_name(-code)}"
        return f"exit code {code}" if code else ""

    def _resources(self) -> Resources:
        wall = self._end - self._begin
        if self._usage is None:
            return Resources(wall_ns=wall)
        linux = sys.platform == "linux"
        # On Linux a process starts with its parent's peak as its own (exec_mmap in fs/exec.c), so a number that is
        # not above ours says nothing about the command.
        known = not linux or self._usage.ru_maxrss > self._inherited_rss
        unit = 1 << 10 if linux else 1  # getrusage(2): kilobytes on Linux, bytes on macOS
        return Resources(
            wall_ns=wall,
            user_ns=_nanoseconds(self._usage.ru_utime),
            system_ns=_nanoseconds(self._usage.ru_stime),
            max_rss_bytes=self._usage.ru_maxrss * unit if known else None,
            read_bytes=self._usage.ru_inblock * _BLOCK if linux else None,
            written_bytes=self._usage.ru_oublock * _BLOCK if linux else None,
        )


def signal_name(number: int) -> str:
    """The name of a signal, such as `SIGSEGV`."""
    try:
        return signal.Signals(number).name
    except ValueError:  # real-time signals have numbers only
        return f"signal {number}"


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1_000_000) * 1000  # the system counts microseconds
