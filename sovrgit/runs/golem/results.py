"""What comes of the tasks of a declared job: told to whoever looks on, kept in the logs, unpacked, and summed up."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from sovrgit.objects.codec import Value
from sovrgit.runs.executor import Output, Sink, Status, Stream
from sovrgit.runs.golem.jobs import MOST_TEXT, Job
from sovrgit.runs.golem.requestor.archives import BadArchive, unpack
from sovrgit.runs.local import LogFile
from sovrgit.store.files import reporting

ATTEMPTS = "attempts"
"""The folder, next to the log, of what attempts that failed have left."""

TaskState: TypeAlias = Literal["queued", "running", "attempt failed", "failed", "done"]


@dataclass(frozen=True, slots=True)
class TaskSeen:
    """A task has come to another state.

    `data` is the input that it is for, empty if there is only one task. `attempt` counts from 1, and is 0 for one that
    waits for its first. `provider` is a name. `exit_code` is the job's own, of one that is done. After `attempt failed`
    it waits again; `failed` is final.
    """

    id: str
    data: str
    state: TaskState
    attempt: int
    at_ns: int
    provider: str = ""
    exit_code: int | None = None
    reason: str = ""


@dataclass(slots=True)
class _Task:
    data: str
    attempts: list[dict[str, Value]] = field(default_factory=list)
    exit_code: int | None = None
    state: TaskState = "queued"
    reason: str = ""


class Results:
    """The tasks as they come out. Unpacked output is in `staging`, in the folder that the job names."""

    def __init__(
        self, job: Job, log_folder: Path, staging: Path, log: LogFile, sink: Sink, tell: Callable[[TaskSeen], None]
    ) -> None:
        self._job = job
        self._attempts = log_folder / ATTEMPTS
        self._staging = staging
        self._log = log
        self._sink = sink
        self._tell = tell
        self._tasks = {task.id: _Task(task.data) for task in job.tasks}
        self._wrong = ""
        self.stopped = ""
        self.set_aside: list[dict[str, Value]] = []

    def begin(self, at_ns: int) -> None:
        """All tasks wait."""
        for identity, task in self._tasks.items():
            self._tell(TaskSeen(identity, task.data, "queued", 0, at_ns))

    def take(self, event: Mapping[str, Any]) -> None:
        """Take an event of the requestor.

        Raises:
            StorageFull, ReadOnly, StorageFailure: if what it brings cannot be kept.
        """
        at_ns = int(event["at"])
        match event["event"]:
            case "task":
                self._task(event, at_ns)
            case "provider":
                said = f": {event['reason']}" if event["reason"] else ""
                self._log.note(f"{event['name'] or event['id']} is {event['state']}{said}")
                if event["state"] == "set aside":
                    self.set_aside.append({name: event[name] for name in ("id", "name", "reason")})
            case "overbilled":
                self._log.note(f"{event['provider']}: {event['reason']}")
            case "stopped":
                self.stopped = str(event["reason"])
                self._log.note(self.stopped)

    def move(self, folder: Path) -> None:
        """Put what was unpacked into the output folder of the pod, which is empty.

        Raises:
            StorageFull, ReadOnly, StorageFailure: as the operating system reports.
        """
        place, target = self._staging / self._job.output, folder / self._job.output
        with reporting(target):
            if not place.is_dir():
                return
            target.mkdir(parents=True, exist_ok=True)
            for entry in sorted(place.iterdir()):
                if os.path.lexists(target / entry.name):
                    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(target / entry.name))
                shutil.move(entry, target / entry.name)

    def verdict(self) -> tuple[Status, int, str]:
        """Whether the job succeeded, its exit code, and why it did not."""
        tasks = self._tasks.values()
        codes = [task.exit_code for task in tasks if task.exit_code]
        good = sum(task.exit_code == 0 for task in tasks)
        reason = self._wrong or self._unfinished() or self._exits()
        if not reason:
            return "succeeded", 0, ""
        return ("partial" if good and len(tasks) > 1 and not self._wrong else "failed"), (codes or [1])[0], reason

    def receipt(self) -> list[Value]:
        """The tasks and their attempts, as the record keeps them."""
        return [{"id": name, "data": task.data, "attempts": task.attempts} for name, task in self._tasks.items()]

    def _unfinished(self) -> str:
        failed = [task for task in self._tasks.values() if task.exit_code is None]
        if not failed:
            return ""
        why = next((task.reason for task in failed if task.state == "failed"), "") or self.stopped
        which = (
            f"{len(failed)} of {len(self._tasks)} tasks were not done" if len(self._tasks) > 1 else "it was not done"
        )
        return f"{which}: {why}" if why else which

    def _exits(self) -> str:
        failed = [task for task in self._tasks.values() if task.exit_code]
        if not failed:
            return ""
        first = failed[0]
        if len(self._tasks) == 1:
            return f"exit code {first.exit_code}"
        return f"{len(failed)} of {len(self._tasks)} tasks failed, the first one, {first.data}, with {first.exit_code}"

    def _task(self, event: Mapping[str, Any], at_ns: int) -> None:
        identity, attempt = str(event["id"]), int(event["attempt"])
        task = self._tasks[identity]
        provider = str(event["provider"]["name"] or event["provider"]["id"])
        label = f"task {identity} {task.data}".strip() if len(self._tasks) > 1 else "the job"
        match event["state"]:
            case "running":
                task.state = "running"
                task.attempts.append(
                    {"activity": event["activity"], "provider": event["provider"]["id"], "result": "", "reason": ""}
                )
            case "failed":
                task.state = "attempt failed" if event["again"] else "failed"
                task.reason = str(event["reason"])
                task.attempts[-1].update(result="failed", reason=task.reason)
                self._log.note(f"attempt {attempt} of {label} failed on {provider}: {task.reason}")
                self._keep(event, f"{identity}-{attempt}", provider)
            case "done":
                task.state, task.exit_code, task.reason = "done", int(event["exit"]), ""
                self._pass_on(event, at_ns)
                if len(self._tasks) > 1:
                    self._log.note(f"{label} ended on {provider} with {task.exit_code}")
                refused = self._unpack(Path(event["output"]), label)
                task.attempts[-1].update(result="rejected" if refused else "accepted", reason=refused)
                if task.exit_code:
                    self._keep(event, f"{identity}-{attempt}", provider)
        seen = TaskSeen(identity, task.data, task.state, attempt, at_ns, provider, task.exit_code, task.reason)
        self._tell(seen)

    def _unpack(self, archive: Path, label: str) -> str:
        with reporting(self._staging):
            try:
                unpack(archive, self._job.output, self._staging, self._job.most_output)
            except BadArchive as error:
                # The requestor has looked at it already, so what is left is that another task wrote the same file.
                self._wrong = self._wrong or f"the output of {label} cannot be taken: {error}"
                return str(error)
            archive.unlink()
        return ""

    def _pass_on(self, event: Mapping[str, Any], at_ns: int) -> None:
        streams: tuple[Stream, Stream] = ("stdout", "stderr")
        for stream in streams:
            data = _text(event, stream)
            if data:
                self._log.write(stream, data, at_ns)
                self._sink(Output(stream, data, at_ns))

    def _keep(self, event: Mapping[str, Any], name: str, provider: str) -> None:
        """Keep what an attempt has printed that did not come to a good end."""
        why = event.get("reason") or f"exit code {event.get('exit')}"
        parts = [f"provider: {provider} {event['provider']['id']}\nactivity: {event['activity']}\n{why}\n".encode()]
        for stream in ("stdout", "stderr"):
            if data := _text(event, stream):
                parts.append(f"\n--- {stream}\n".encode() + data)
        with reporting(self._attempts):
            self._attempts.mkdir(parents=True, exist_ok=True)
            (self._attempts / f"{name}.log").write_bytes(b"".join(parts))


def _text(event: Mapping[str, Any], stream: str) -> bytes:
    path = event.get(stream)
    if not path:
        return b""
    with reporting(Path(path)), open(path, "rb") as file:
        return file.read(MOST_TEXT + 1000)
