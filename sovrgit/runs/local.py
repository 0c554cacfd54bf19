"""The executor of this machine: the command as it is, in a session of its own, with no isolation."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

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
    Stream,
)
from sovrgit.runs.log import MAX_SIZE, LogWriter
from sovrgit.runs.process import Child
from sovrgit.store.files import reporting

DRAIN = 0.5
"""Seconds that leftover processes may keep the output open after the command's end. A shell does not wait for the
`tee` of `exec > >(tee log)`, which needs a moment for the last lines."""


@dataclass(frozen=True, slots=True)
class LocalExecutor:
    """Runs the command on this machine, in any thread.

    The log is kept up to `log_limit` bytes; `drain` is in seconds, see `DRAIN`. On a timeout the command's process
    group gets SIGTERM, then SIGKILL; on a request to cancel SIGINT, SIGTERM, SIGKILL, with the plan's grace in
    between; a second request is SIGKILL at once. Processes that are left in the group after the command's end are
    killed; one that has made a session of its own is a daemon by its own will and is left alone.
    """

    log_limit: int = MAX_SIZE
    drain: float = DRAIN
    name: ClassVar[str] = "local"
    mode: ClassVar[str] = ""
    digest: ClassVar[str] = ""

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
        """Run the plan to its end, as `Executor.run` says.

        Raises:
            StorageFull, ReadOnly, StorageFailure: if the log cannot be written.
        """
        with LogFile(plan.log_file, self.log_limit) as log:
            outcome = run_command(plan, sink, cancel, log, drain=self.drain)
            if outcome.reason:
                log.note(outcome.reason)
        sink(Finished(outcome))
        return outcome


class LogFile:
    """A log writer with its file, whose failures name the file."""

    def __init__(self, path: Path, limit: int, *, append: bool = False) -> None:
        """Begin a log, or add to one that has ended.

        Raises:
            StorageFull, ReadOnly, StorageFailure: if it cannot be written.
        """
        self._path = path
        with reporting(path):
            # The pod may be somebody else's: a link in the log's place must not lead out of it.
            flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_APPEND if append else os.O_TRUNC)
            self._file = os.fdopen(os.open(path, flags, 0o666), "wb")
            self._writer = LogWriter(self._file, limit=limit, header=os.fstat(self._file.fileno()).st_size == 0)

    def write(self, stream: Stream, data: bytes, at_ns: int) -> None:
        with reporting(self._path):
            self._writer.write(stream, data, at_ns)

    def note(self, text: str) -> None:
        with reporting(self._path):
            self._writer.note(text, time.time_ns())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        with reporting(self._path), self._file:
            self._writer.close()


def run_command(
    plan: Plan,
    sink: Sink,
    cancel: Cancel,
    log: LogFile,
    *,
    drain: float = DRAIN,
    patience: float | None = None,
    stop: Cancel | None = None,
    clean: Callable[[Stream, bytes], bytes] = lambda _, data: data,
) -> Outcome:
    """Run the command of a plan to its end, and write what it prints into a log.

    Args:
        drain, patience, stop: as for `LocalExecutor` and `Child`.
        clean: takes bytes of a stream and returns those that may be shown and kept now.

    Raises:
        StorageFull, ReadOnly, StorageFailure: if the log cannot be written.
    """
    now = time.time_ns()
    if cancel.requested:
        return Outcome("cancelled", None, None, now, now, Resources(), "cancelled before it was started")
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
        return Outcome("failed", exit_code, None, now, now, Resources(), reason)

    def receive(stream: Stream, data: bytes, at_ns: int) -> None:
        data = clean(stream, data)
        if data:
            log.write(stream, data, at_ns)
            sink(Output(stream, data, at_ns))

    child = Child(process, receive, cancel, timeout=plan.timeout, grace=plan.grace, patience=patience, stop=stop)
    try:
        sink(Started(process.pid, child.started_ns))
        child.watch()
        child.drain(drain)
        return child.outcome()
    finally:
        child.close()


def _why_not_started(plan: Plan, error: OSError | ValueError) -> tuple[int, str]:
    """The exit code that a shell would give, and the reason in words."""
    command = plan.argv[0]
    if isinstance(error, OSError) and error.filename == plan.folder:
        return NOT_EXECUTABLE, f"cannot work in `{plan.folder}`: {(error.strerror or '').lower()}"
    if isinstance(error, FileNotFoundError | PermissionError | NotADirectoryError):
        found = _find(plan)
        if found is None:
            where = "in the pod" if "/" in command else "on PATH"
            return NOT_FOUND, f"there is no `{command}` {where}"
        if found.is_dir():
            return NOT_EXECUTABLE, f"`{command}` is a folder"
        if isinstance(error, PermissionError):
            return NOT_EXECUTABLE, f"`{command}` is not executable"
        return NOT_FOUND, f"the interpreter that the first line of `{command}` names does not exist"
    if isinstance(error, OSError):
        return NOT_EXECUTABLE, f"`{command}` cannot be started: {(error.strerror or str(error)).lower()}"
    return NOT_EXECUTABLE, f"`{command}` cannot be started: {error}"


def _find(plan: Plan) -> Path | None:
    """The file that the command's name stands for, executable or not."""
    import shutil  # rarely needed, and slow to load

    command = plan.argv[0]
    if "/" in command:
        path = plan.folder / command
        return path if path.exists() else None
    found = shutil.which(command, mode=os.F_OK, path=plan.environment.get("PATH", os.defpath))
    return Path(found) if found else None
