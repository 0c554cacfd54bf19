"""What the SDK of a requestor script tells of its tasks, read from the events that the start-up shim writes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sovrgit.objects.codec import Value

_LONGEST_LINE = 1 << 20
_LONGEST_TEXT = 1 << 10
MOST_TASKS = 2000
"""Tasks that a record lists; further ones are counted."""


@dataclass(slots=True)
class Task:
    """A task of a script."""

    id: str
    data: str = ""
    accepted: bool = False
    attempts: list[dict[str, Value]] = field(default_factory=list)


@dataclass(slots=True)
class Tasks:
    """The tasks that were told of, by job and id.

    `reason` is the last failure that was told, in words.
    """

    tasks: dict[tuple[str, str], Task] = field(default_factory=dict)
    failed_jobs: int = 0
    reason: str = ""

    @property
    def count(self) -> int:
        """How many tasks were told of."""
        return len(self.tasks)

    @property
    def accepted(self) -> int:
        """How many of them were accepted."""
        return sum(task.accepted for task in self.tasks.values())

    @property
    def left(self) -> int:
        """How many were not."""
        return self.count - self.accepted

    def document(self) -> tuple[list[Value], int]:
        """The tasks as a record lists them, and how many it does not."""
        rows: list[Value] = [
            {"id": task.id, "data": task.data, "attempts": list(task.attempts)}
            for task in list(self.tasks.values())[:MOST_TASKS]
        ]
        return rows, max(self.count - MOST_TASKS, 0)


def read_tasks(events: Path) -> Tasks:
    """The tasks that a file of events tells of; none if there is no such file."""
    found = Tasks()
    for event in _events(events):
        _take(found, event)
    return found


def _take(found: Tasks, event: Mapping[str, Any]) -> None:
    kind = str(event.get("event", ""))
    if kind == "JobFinished" and event.get("error"):
        found.failed_jobs += 1
        found.reason = _text(event["error"])
    if not kind.startswith("Task") or "task" not in event:
        return
    key = (str(event.get("job", "")), str(event["task"]))
    task = found.tasks.setdefault(key, Task(key[1]))
    if event.get("data") is not None:
        task.data = _text(event["data"])
    if kind == "TaskStarted":
        made: dict[str, Value] = {"result": "failed", "reason": ""}
        for name in ("activity", "provider"):
            if event.get(name):
                made[name] = _text(event[name])
        task.attempts.append(made)
    elif kind in ("TaskAccepted", "TaskRejected"):
        task.accepted = kind == "TaskAccepted"
        reason = _text(event.get("reason") or "")
        if task.attempts:
            task.attempts[-1].update(result="accepted" if task.accepted else "rejected", reason=reason)
        if reason and not task.accepted:
            found.reason = reason


def _events(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        for line in iter(lambda: file.readline(_LONGEST_LINE), b""):
            try:
                event = json.loads(line)
            except ValueError:  # too long, or torn when the script was killed
                continue
            if isinstance(event, dict):
                yield event


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text[:_LONGEST_TEXT]
