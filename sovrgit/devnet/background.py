"""A stand-in in a process of its own: starting it, finding it again, ending it.

A small file says which process it is. It is believed only as long as that process lives: a process is told from a later
one with the same number by its time of birth.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sovrgit.errors import DevnetFailed
from sovrgit.store.files import reporting, write_atomic

PATIENCE = 30.0
"""Seconds to wait for a process to begin serving, or to end."""

_PAUSE = 0.02
_TAIL = 16 << 10
"""Bytes of the end of a log in which the reason of a failure is looked for."""


@dataclass(frozen=True, slots=True)
class Running:
    """A stand-in that serves.

    Attributes:
        birth: what tells its process from every other that has had, or will have, its number.
        started: when, in seconds since 1970.
        folder: where its data is kept.
    """

    pid: int
    birth: str
    started: int
    port: int
    url: str
    folder: str


class Background:
    """One kind of stand-in, of which one at a time runs for a user.

    Args:
        state: the file that says which process it is.
        birth_of: what tells a process from others with its number, by its number; empty if it does not live.
    """

    def __init__(self, state: Path, birth_of: Callable[[int], str]) -> None:
        self._state = state
        self._birth_of = birth_of

    @property
    def log(self) -> Path:
        """The file that a process started here writes to."""
        return self._state.with_suffix(".log")

    def find(self) -> Running | None:
        """The stand-in that runs, if one does. What a dead process left behind, or is damaged, says nothing."""
        try:
            given = json.loads(self._state.read_bytes())
            running = Running(**given)
            # Numbers below 2 stand for groups of processes, or for the first of all.
            known = isinstance(running.pid, int) and running.pid > 1 and bool(running.birth)
            alive = known and self._birth_of(running.pid) == running.birth
        except (FileNotFoundError, ValueError, TypeError):
            return None
        return running if alive else None

    def refuse_another(self) -> None:
        """Go on only if none runs.

        Raises:
            DevnetFailed: if one does.
        """
        found = self.find()
        if found is not None:
            raise DevnetFailed(
                reason=f"a stand-in runs already, at {found.url}", hint="`sovr devnet stop` ends it", url=found.url
            )

    def record(self, port: int, url: str, folder: Path, started: int) -> Running:
        """Say that this process is the stand-in now.

        Raises:
            DevnetFailed: if another one is.
            ReadOnly, StorageFull, StorageFailure: if the file cannot be written.
        """
        self.refuse_another()
        pid = os.getpid()
        running = Running(pid, self._birth_of(pid), started, port, url, str(folder))
        self._make_folder()
        write_atomic(self._state, json.dumps(asdict(running)).encode(), mode=0o600, sync=False)
        return running

    def forget(self) -> None:
        """Say that this process is the stand-in no longer."""
        running = self.find()
        if running is not None and running.pid == os.getpid():
            self._state.unlink(missing_ok=True)

    def start(self, command: Sequence[str], *, patience: float = PATIENCE) -> Running:
        """Start a process that records itself once it serves, and wait until it has.

        Args:
            command: what to run. If it fails, the last line of what it prints is `sovr`'s JSON document about that.

        Raises:
            DevnetFailed: if one runs already, or it does not begin to serve.
            ReadOnly, StorageFull, StorageFailure: if its log cannot be written.
        """
        self.refuse_another()
        self._make_folder()
        with reporting(self.log):
            descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=descriptor, stderr=descriptor, start_new_session=True
            )
        finally:
            os.close(descriptor)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            running = self.find()
            if running is not None and running.pid == process.pid:
                # It is to outlive this process, which must not complain about that when it ends.
                process.returncode = 0
                return running
            if process.poll() is not None:
                raise self._failure()
            time.sleep(_PAUSE)
        process.kill()
        process.wait()
        raise DevnetFailed(reason=f"the stand-in does not begin to serve within {patience:.0f} s", hint=self._see_log())

    def stop(self, *, patience: float = PATIENCE) -> Running | None:
        """End the stand-in that runs, and wait until it has ended; None if none runs.

        Raises:
            DevnetFailed: if it does not end.
        """
        running = self.find()
        if running is None:
            self._state.unlink(missing_ok=True)
            return None
        for number in (signal.SIGTERM, signal.SIGKILL):
            # Between the question and the signal it may have ended by itself.
            with contextlib.suppress(ProcessLookupError):
                os.kill(running.pid, number)
            deadline = time.monotonic() + patience
            while self._birth_of(running.pid) == running.birth:
                if time.monotonic() >= deadline:
                    break
                time.sleep(_PAUSE)
            else:
                self._state.unlink(missing_ok=True)
                return running
        raise DevnetFailed(reason=f"process {running.pid} does not end", hint=f"`kill -9 {running.pid}` may help")

    def _failure(self) -> DevnetFailed:
        """Why a process that was started has ended."""
        with self.log.open("rb") as file:
            file.seek(max(os.fstat(file.fileno()).st_size - _TAIL, 0))
            lines = file.read().decode("utf-8", "replace").splitlines()
        try:
            error = json.loads(lines[-1])["error"]
            return DevnetFailed(reason=str(error["message"]), hint=str(error["hint"]))
        except (IndexError, ValueError, KeyError, TypeError):
            return DevnetFailed(reason="the stand-in ended before it began to serve", hint=self._see_log())

    def _see_log(self) -> str:
        return f"see what it wrote to `{self.log}`"

    def _make_folder(self) -> None:
        with reporting(self._state.parent):
            self._state.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
