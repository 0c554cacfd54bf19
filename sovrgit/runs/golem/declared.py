"""The executor of declared jobs: starts the requestor, listens to it, and takes what it brings."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sovrgit.errors import PathNotFound, Unsupported
from sovrgit.objects.codec import Value
from sovrgit.runs.executor import Cancel, Finished, Outcome, Plan, Resources, Sink, Started, Status, Stream
from sovrgit.runs.golem.jobs import Job, write_plan
from sovrgit.runs.golem.results import Results, TaskSeen
from sovrgit.runs.local import LogFile
from sovrgit.runs.log import MAX_SIZE
from sovrgit.runs.process import Child
from sovrgit.store.files import reporting

PATIENCE = 45.0
"""Seconds between one signal to the requestor and the next: it ends agreements, and waits for invoices."""

REQUESTOR_LOG = "golem-requestor.log"
"""The file, next to the log, of what the requestor and its libraries say; there only if they said something."""

_PROGRAM = Path(__file__).with_name("requestor") / "main.py"
_MOST_LINE = 1 << 20
_MOST_SAID = 4 << 20
_DRAIN = 0.5


def _nobody(_: TaskSeen) -> None:
    """Nobody looks on."""


@dataclass(slots=True)
class DeclaredExecutor:
    """Runs a declared job on yapapi, in the interpreter `python`, which is not ours.

    `environment` is all that the requestor finds: where the daemon is and its key, `PATH` with `gftp`, `PYTHONPATH`
    with the start-up shims. `scratch` is a folder on the file system of the pod in which a temporary one is made.
    `tell` hears of every task. `stop` ends the job as a request to cancel does.

    On a timeout the requestor gets SIGTERM, then SIGKILL; on a request to cancel SIGINT once, SIGTERM, SIGKILL, with
    `patience` in between; a second request is SIGKILL at once. Agreements that a killed one leaves are the gateway's.
    """

    job: Job
    python: str
    environment: Mapping[str, str]
    scratch: Path
    name: str = "devnet"
    tell: Callable[[TaskSeen], None] = _nobody
    patience: float = PATIENCE
    log_limit: int = MAX_SIZE
    stop: Cancel | None = None
    _versions: dict[str, str] = field(default_factory=dict)

    def versions(self) -> dict[str, str]:
        """The versions of the requestor's Python and of yapapi, once it was started."""
        return dict(self._versions)

    def prepare(self, plan: Plan) -> None:
        """Check that the budget is enough in any case, and make the folders that are needed.

        Raises:
            Unsupported: if the job could cost more than its budget.
            PathNotFound: if the pod's folder is not there.
            StorageFull, ReadOnly, StorageFailure: as the operating system reports.
        """
        if reason := self.job.affordable():
            raise Unsupported(
                what="running this job",
                reason=reason,
                hint="allow less time (`--timeout`) or fewer workers, lower the price caps, or raise the budget",
            )
        if not plan.folder.is_dir():
            raise PathNotFound(path=plan.folder, where="the file system")
        for folder in (*(plan.folder / output for output in plan.outputs), plan.log_file.parent, self.scratch):
            with reporting(folder):
                folder.mkdir(parents=True, exist_ok=True)

    def run(self, plan: Plan, sink: Sink, cancel: Cancel) -> Outcome:
        """Run the job to its end, as `Executor.run` says.

        Raises:
            PathNotFound: if an input is gone.
            StorageFull, ReadOnly, StorageFailure: if the log or the output cannot be written.
        """
        with reporting(self.scratch):
            work = Path(tempfile.mkdtemp(prefix="golem-", dir=self.scratch))
        try:
            with LogFile(plan.log_file, self.log_limit) as log:
                outcome = self._run(plan, sink, cancel, log, work)
                if outcome.reason:
                    log.note(outcome.reason)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        sink(Finished(outcome))
        return outcome

    def _run(self, plan: Plan, sink: Sink, cancel: Cancel, log: LogFile, work: Path) -> Outcome:
        now = time.time_ns()
        if cancel.requested:
            return Outcome("cancelled", None, None, now, now, Resources(), "cancelled before it was started")
        log_folder = plan.log_file.parent
        results = Results(self.job, log_folder, work / "unpacked", log, sink, self.tell)
        said = _Said(self.environment.get("YAGNA_APPKEY", ""))
        with reporting(work):
            (work / "plan.json").write_bytes(write_plan(self.job, plan.folder, work))
            (work / "unpacked").mkdir()
            document = (work / "plan.json").open("rb")
        with document:
            try:
                process = subprocess.Popen(
                    [self.python, "-W", "ignore", str(_PROGRAM)],
                    bufsize=0,
                    stdin=document,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    cwd=work,
                    env=dict(self.environment),
                    start_new_session=True,
                )
            except OSError as error:
                reason = f"the interpreter `{self.python}` cannot be started: {(error.strerror or str(error)).lower()}"
                return Outcome("failed", 127, None, now, now, Resources(), reason)
        lines = _Lines(lambda event: self._take(event, results))

        def receive(stream: Stream, data: bytes, at_ns: int) -> None:
            lines.feed(data) if stream == "stdout" else said.feed(data)

        timeout = plan.timeout if plan.timeout is not None else self.job.seconds
        child = Child(process, receive, cancel, timeout=timeout, grace=self.patience, stop=self.stop)
        try:
            sink(Started(process.pid, child.started_ns))
            results.begin(child.started_ns)
            child.watch()
            child.drain(_DRAIN)
            ended = child.outcome()
        finally:
            child.close()
            said.keep(log_folder / REQUESTOR_LOG)
        results.move(plan.folder)
        return self._judge(ended, results, said)

    def _take(self, event: Mapping[str, Any], results: Results) -> None:
        if event["event"] == "started":
            self._versions = {"yapapi": str(event["yapapi"]), "python": str(event["python"])}
        results.take(event)

    def _judge(self, ended: Outcome, results: Results, said: _Said) -> Outcome:
        status, code, reason = results.verdict()
        golem: dict[str, Value] = {"mode": "declared", "tasks": results.receipt()}
        if self._versions:
            golem["sdk"] = {"yapapi": self._versions["yapapi"]}
        if results.set_aside:
            golem["set_aside"] = results.set_aside
        if ended.status in ("cancelled", "timed out"):
            return replace(ended, golem=golem)
        if (
            status != "succeeded"
            and not results.stopped
            and (ended.signal is not None or ended.exit_code not in (0, 1))
        ):
            # It died without a word.
            last = said.last()
            reason = f"the requestor ended by itself: {ended.reason}" + (f" ({last})" if last else "")
        outcome: Status = status
        return replace(ended, status=outcome, exit_code=code, signal=None, reason=reason, golem=golem)


class _Lines:
    """Takes bytes in pieces of any size, and hands out the events in them."""

    def __init__(self, take: Callable[[Mapping[str, Any]], None]) -> None:
        self._take = take
        self._rest = b""

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-_MOST_LINE:]
        for line in lines:
            # A program of ours writes them; a line that is none was torn apart when it was killed.
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict) and "event" in event and "at" in event:
                self._take(event)


class _Said:
    """What the requestor writes to its standard error, without the key of the daemon."""

    def __init__(self, key: str) -> None:
        self._key = key.encode()
        self._data = bytearray()

    def feed(self, data: bytes) -> None:
        self._data += data[: max(_MOST_SAID - len(self._data), 0)]

    def keep(self, path: Path) -> None:
        """Write it to a file, if there is anything."""
        if self._data:
            with reporting(path):
                path.write_bytes(self._clean())

    def last(self) -> str:
        """The last line."""
        lines = self._clean().decode("utf-8", "replace").strip().splitlines()
        return lines[-1].strip()[:300] if lines else ""

    def _clean(self) -> bytes:
        return bytes(self._data).replace(self._key, b"***") if self._key else bytes(self._data)
