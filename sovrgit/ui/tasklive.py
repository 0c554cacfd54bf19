"""The screen while a task runs: the state of each pod. On a terminal it is drawn anew, elsewhere a change is a line."""

from __future__ import annotations

import codecs
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sovrgit.runs.executor import Output
from sovrgit.tasks.events import State, StepChanged, StepEvent, TaskEvent
from sovrgit.ui.board import Board
from sovrgit.ui.console import Console
from sovrgit.ui.escape import visible
from sovrgit.ui.format import human_duration, plural

_MOST_ROWS = 24
_TAIL = 10
"""Lines of what a pod printed that are shown if it fails."""

_LONGEST_LINE = 1000

_STYLES: dict[State, str] = {
    "waiting": "dim",
    "known": "green",
    "running": "cyan",
    "succeeded": "green",
    "failed": "red",
    "cancelled": "yellow",
    "left out": "yellow",
}
_ORDER: tuple[State, ...] = ("running", "failed", "cancelled", "left out", "waiting", "succeeded", "known")
"""What is shown first where there is no room for all pods."""


class TaskLive(Protocol):
    """What a task that runs is told to, one event at a time."""

    def saw(self, event: TaskEvent) -> None:
        """Something has happened."""

    def note(self, text: str) -> None:
        """A remark of `sovr` itself."""


@contextlib.contextmanager
def task_live(
    console: Console, names: Sequence[str], clock: Callable[[], float] = time.monotonic
) -> Iterator[TaskLive]:
    """The view for the length of a task.

    Args:
        names: those of the steps, as they are to be shown.
        clock: seconds.
    """
    live = _Drawn(console, names, clock) if console.lively else _Lines(console, names, clock)
    try:
        yield live
    finally:
        live.end()


@dataclass(slots=True)
class _Row:
    state: State = "waiting"
    note: str = ""
    began: float = 0.0
    ended: float = 0.0
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=_TAIL))
    rest: str = ""
    decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("surrogateescape")
    )


class _Rows:
    """What is known of each step."""

    def __init__(self, names: Sequence[str], clock: Callable[[], float]) -> None:
        self._clock = clock
        self.rows = {name: _Row() for name in names}

    def change(self, event: StepChanged) -> _Row:
        row = self.rows[event.step.name]
        now = self._clock()
        if event.state == "running":
            row.began = now
        row.state, row.note, row.ended = event.state, event.note, now
        return row

    def printed(self, event: StepEvent) -> list[str]:
        """The whole lines that a step has printed by this."""
        if not isinstance(event.event, Output):
            return []
        row = self.rows[event.step.name]
        text = row.rest + row.decoder.decode(event.event.data)
        *lines, row.rest = text.split("\n")
        row.rest = row.rest[-_LONGEST_LINE:]
        # Of a line that was drawn over itself its end counts.
        whole = [visible(line.rstrip("\r").rpartition("\r")[2][:_LONGEST_LINE]) for line in lines]
        row.tail.extend(whole)
        return whole

    def seconds(self, row: _Row) -> float:
        return (self._clock() if row.state == "running" else row.ended) - row.began if row.began else 0.0


def change_line(event: StepChanged, seconds: float) -> str:
    """What has happened to a step, in a line."""
    name = event.step.name
    if event.state == "running":
        return f"{name}: running, because {event.note}"
    after = f" after {human_duration(int(seconds * 1e9))}" if seconds and event.state != "known" else ""
    joint = ": " if event.state == "failed" else ", "
    return f"{name}: {event.state}{after}{joint if event.note else ''}{event.note}"


class _Lines:
    """Without a terminal: a line for every change. What pods print is shown if asked for, or if they fail."""

    def __init__(self, console: Console, names: Sequence[str], clock: Callable[[], float]) -> None:
        self._console = console
        self._rows = _Rows(names, clock)
        self._lock = threading.RLock()

    def saw(self, event: TaskEvent) -> None:
        with self._lock:
            if isinstance(event, StepEvent):
                for line in self._rows.printed(event):
                    self._console.note(f"{event.step.name} | {line}", level=1)
                return
            row = self._rows.change(event)
            # A task has hundreds of pods of which nothing is new.
            level = 1 if event.state == "known" else 0
            self._console.note(change_line(event, self._rows.seconds(row)), level=level)
            if event.state == "failed" and self._console.verbosity < 1:
                for line in row.tail:
                    self._console.note(f"{event.step.name} | {line}")

    def note(self, text: str) -> None:
        with self._lock:
            self._console.note(text)

    def end(self) -> None:
        """Nothing is left open."""


class _Drawn:
    """On a terminal: a row for each step, drawn anew; what is worth keeping scrolls above."""

    def __init__(self, console: Console, names: Sequence[str], clock: Callable[[], float]) -> None:
        self._console = console
        self._rows = _Rows(names, clock)
        self._width = max(map(len, names), default=0)
        self._lock = threading.RLock()
        self._board = Board(console, self._content, _MOST_ROWS)

    def saw(self, event: TaskEvent) -> None:
        with self._lock:
            if isinstance(event, StepEvent):
                lines = self._rows.printed(event)
                if self._console.verbosity >= 1:
                    self._above([f"{event.step.name} | {line}" for line in lines])
                return
            row = self._rows.change(event)
            if event.state in ("succeeded", "failed", "cancelled"):
                self._above([change_line(event, self._rows.seconds(row))])
            if event.state == "failed" and self._console.verbosity < 1:
                self._above([f"{event.step.name} | {line}" for line in row.tail])

    def note(self, text: str) -> None:
        with self._lock:
            self._above([text])

    def end(self) -> None:
        self._board.close()

    def _above(self, lines: Sequence[str]) -> None:
        if lines:
            self._board.above("\n".join(lines))

    def _content(self) -> tuple[str, list[tuple[str, str]]]:
        with self._lock:
            rows = sorted(self._rows.rows.items(), key=lambda item: _ORDER.index(item[1].state))
            counts = {state: sum(row.state == state for _, row in rows) for state in _ORDER}
            shown = [(_STYLES[row.state], self._row(name, row)) for name, row in rows]
        found = (f"{count} {state}" for state, count in counts.items() if count)
        return " · ".join([plural(len(rows), "pod"), *found]), shown

    def _row(self, name: str, row: _Row) -> str:
        seconds = int(self._rows.seconds(row))
        took = human_duration(seconds * 1_000_000_000) if seconds and row.state != "known" else ""
        said = row.tail[-1] if row.state == "running" and row.tail else ""
        return f"{row.state:<10} {name:<{self._width}}  {took:>7}  {said}".rstrip()
