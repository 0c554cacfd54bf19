"""The executor of this machine: a command in a session of its own, watched until nothing of it is left."""

from __future__ import annotations

import contextlib
import math
import os
import resource
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sovrgit.errors import PathNotFound
from sovrgit.runs.executor import (
    NOT_EXECUTABLE,
    NOT_FOUND,
    Cancel,
    Finished,
    Outcome,
    Output,
    Plan,
    Resources,
    Sink,
    Started,
    Status,
    Stream,
)
from sovrgit.runs.log import MAX_SIZE, LogWriter
from sovrgit.store.files import reporting

DRAIN = 0.5
"""Seconds that leftover processes may keep the output open after the command's end. A shell does not wait for the
`tee` of `exec > >(tee log)`, which needs a moment for the last lines."""

_POLL = 0.02
"""Seconds between two looks at the process where the system has no descriptor for it (macOS, Linux before 5.3)."""

_READ_SIZE = 64 << 10
"""Bytes read at once: a pipe's capacity on Linux."""

_PIPE_LIMIT = 1 << 20
"""Bytes that a pipe can hold at most (/proc/sys/fs/pipe-max-size)."""

_BLOCK = 512
"""Bytes in the unit of Linux's `ru_inblock` and `ru_oublock`, whatever the file system's own block size."""


@dataclass(frozen=True, slots=True)
class LocalExecutor:
    """Runs the command on this machine, with no isolation.

    The log is kept up to `log_limit` bytes. `drain` is in seconds, see `DRAIN`.
    """

    log_limit: int = MAX_SIZE
    drain: float = DRAIN
    name: ClassVar[str] = "local"

    def versions(self) -> dict[str, str]:
        """The versions, by name, of what the result may depend on."""
        return {"python": ".".join(map(str, sys.version_info[:3]))}

    def prepare(self, plan: Plan) -> None:
        """Make the output folders and the log's folder.

        Raises:
            PathNotFound: if the pod's folder is not there.
            StorageFull, ReadOnly, StorageFailure: as the operating system reports.
        """
        if not plan.folder.is_dir():
            raise PathNotFound(path=plan.folder, where="the file system")
        for folder in (*(plan.folder / output for output in plan.outputs), plan.log_file.parent):
            with reporting(folder):
                folder.mkdir(parents=True, exist_ok=True)

    def run(self, plan: Plan, sink: Sink, cancel: Cancel) -> Outcome:
        """Run the plan to its end; see `Executor.run`. Works in any thread.

        Raises:
            StorageFull, ReadOnly, StorageFailure: if the log cannot be written.
        """
        with _Log(plan.log_file, self.log_limit) as log:
            outcome = _execute(plan, sink, cancel, log, self.drain)
        sink(Finished(outcome))
        return outcome


class _Log:
    """A log writer whose failures name the file."""

    __slots__ = ("_file", "_path", "_writer")

    def __init__(self, path: Path, limit: int) -> None:
        self._path = path
        with reporting(path):
            # The pod may be somebody else's: a link in the log's place must not lead the writer out of it.
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            self._file = os.fdopen(os.open(path, flags, 0o666), "wb")
            self._writer = LogWriter(self._file, limit=limit)

    def write(self, stream: Stream, data: bytes, at_ns: int) -> None:
        with reporting(self._path):
            self._writer.write(stream, data, at_ns)

    def note(self, text: str) -> None:
        with reporting(self._path):
            self._writer.note(text, time.time_ns())

    def __enter__(self) -> _Log:
        return self

    def __exit__(self, *exception: object) -> None:
        with reporting(self._path), self._file:
            self._writer.close()


def _execute(plan: Plan, sink: Sink, cancel: Cancel, log: _Log, drain: float) -> Outcome:
    started_ns = time.time_ns()
    if cancel.requested:
        reason = "cancelled before it was started"
        log.note(reason)
        return Outcome("cancelled", None, None, started_ns, started_ns, Resources(), reason)
    try:
        process = subprocess.Popen(
            plan.argv,
            bufsize=0,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=plan.folder,
            env=plan.environment,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        exit_code, reason = _why_not_started(plan, error)
        log.note(reason)
        return Outcome("failed", exit_code, None, started_ns, time.time_ns(), Resources(), reason)
    child = _Child(process, plan, sink, cancel, log, started_ns)
    try:
        child.watch()
        child.drain(drain)
        return child.outcome()
    finally:
        child.close()


class _Child:
    """A running command. Its process is reaped last, so that the id of its group can be no one else's until then."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        plan: Plan,
        sink: Sink,
        cancel: Cancel,
        log: _Log,
        started_ns: int,
    ) -> None:
        self._process = process
        self._pid = process.pid
        self._plan = plan
        self._sink = sink
        self._cancel = cancel
        self._log = log
        self._started_ns = self._finished_ns = started_ns
        self._begin = self._end = time.monotonic_ns()
        # A child begins with the memory that its parent had at the fork, and the system counts that as the child's.
        self._inherited_rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss if sys.platform == "linux" else 0
        self._stopped_as: Status | None = None
        self._ladder: list[signal.Signals] = []
        self._last_signal: signal.Signals | None = None
        self._deadline = math.inf if plan.timeout is None else time.monotonic() + plan.timeout
        self._usage: resource.struct_rusage | None = None
        self._reaped = False
        self._exit_fd = _exit_descriptor(self._pid)
        self._selector = selectors.DefaultSelector()
        self._pipes: dict[int, Stream] = {}

    def watch(self) -> None:
        """Pass output on, and signals, until the command's process ends."""
        self._sink(Started(self._pid, self._started_ns))
        for pipe, stream in self._named_pipes():
            self._pipes[pipe] = stream
            self._selector.register(pipe, selectors.EVENT_READ, self._read)
        for descriptor, call in ((self._cancel.polite_fd, self._on_polite), (self._cancel.force_fd, self._on_force)):
            self._selector.register(descriptor, selectors.EVENT_READ, call)
        if self._exit_fd is not None:
            self._selector.register(self._exit_fd, selectors.EVENT_READ, None)
        while True:
            ready = self._selector.select(self._patience())
            if self._has_ended(ready):
                break
            for key, _ in ready:
                key.data(key.fd)
            if time.monotonic() >= self._deadline:
                self._on_deadline()
        self._end, self._finished_ns = time.monotonic_ns(), time.time_ns()

    def drain(self, seconds: float) -> None:
        """Read what is left, then kill what is left; those who left the group cannot hold us up."""
        for descriptor in list(self._selector.get_map()):
            if descriptor not in self._pipes:
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
        exit_code, signal_number = (None, -code) if code < 0 else (code, None)
        status: Status = self._stopped_as or ("failed" if code else "succeeded")
        reason = self._reason(exit_code, signal_number)
        if self._stopped_as:
            self._log.note(reason)
        return Outcome(
            status, exit_code, signal_number, self._started_ns, self._finished_ns, self._resources(), reason
        )

    def close(self) -> None:
        """Leave no process and no descriptor behind, whatever has happened."""
        if not self._reaped:
            self._signal_group(signal.SIGKILL)
            self._reap()
        self._selector.close()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        if self._exit_fd is not None:
            os.close(self._exit_fd)
            self._exit_fd = None
