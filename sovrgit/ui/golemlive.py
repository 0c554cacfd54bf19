"""The screen while a run on Golem goes on: what the script prints, and below it how far everything is.

On a terminal the lower part is drawn anew with rich; elsewhere it is a line for everything that is worth one.
"""

from __future__ import annotations

import codecs
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from sovrgit.ui.board import Board
from sovrgit.ui.console import Console
from sovrgit.ui.format import human_duration
from sovrgit.ui.golemstate import GolemState, Seen
from sovrgit.ui.liveview import LiveOutput

_MOST_ROWS = 12
_STYLES = {"running": "cyan", "done": "green", "failed": "red", "attempt failed": "yellow", "queued": "dim"}
_ORDER = ("running", "attempt failed", "failed", "queued", "done")
"""What is shown first where there is no room for all tasks."""


class GolemLive(Protocol):
    """What a run on Golem is told to. May be used by several threads at once."""

    @property
    def state(self) -> GolemState:
        """How far the run is."""

    def saw(self, seen: Seen) -> None:
        """Something was observed, or a task has come to another state."""

    def write(self, stream: str, data: bytes) -> None:
        """The script has printed something."""

    def note(self, text: str) -> None:
        """A remark of `sovr` itself."""


@contextlib.contextmanager
def golem_live(
    console: Console,
    *,
    network: str = "",
    token: str = "",
    emulated: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[GolemLive]:
    """The view for the length of a run. When it ends, one line says what came of it.

    Args:
        network: where the run happens, and
        token: what it is paid in.
        emulated: whether that is the devnet, where nothing is paid.
        clock: seconds.
    """
    title = f"{network}, emulated" if emulated else network
    live = _Drawn(console, title, token, clock) if console.lively else _Lines(console)
    try:
        yield live
    finally:
        live.end()
    if live.state.deals or live.state.tasks:
        worthless = " (emulated: nothing was paid)" if emulated else ""
        console.note(", ".join(live.state.parts(token)) + worthless)


class _Lines:
    """Without a terminal: a line for everything that is worth one."""

    def __init__(self, console: Console) -> None:
        self.state = GolemState()
        self._console = console
        self._output = LiveOutput(console)
        self._lock = threading.RLock()  # a signal handler may come in between

    def saw(self, seen: Seen) -> None:
        with self._lock:
            line = self.state.saw(seen)
            if line:
                self.note(line)

    def write(self, stream: str, data: bytes) -> None:
        with self._lock:
            self._output.write(stream, data)

    def note(self, text: str) -> None:
        with self._lock:
            self._output.end()
            self._console.note(text)

    def end(self) -> None:
        with self._lock:
            self._output.end()


class _Drawn:
    """On a terminal: the lower part is drawn anew, and what the script prints scrolls above it, line by line."""

    def __init__(self, console: Console, title: str, token: str, clock: Callable[[], float]) -> None:
        self.state = GolemState()
        self._title, self._token, self._clock = title, token, clock
        self._console = console
        self._began = clock()
        self._lock = threading.RLock()
        self._decoders = {
            stream: codecs.getincrementaldecoder("utf-8")("surrogateescape") for stream in ("stdout", "stderr")
        }
        self._rest = {"stdout": "", "stderr": ""}
        self._plain = LiveOutput(console)
        self._board = Board(console, self._content, _MOST_ROWS)

    def saw(self, seen: Seen) -> None:
        with self._lock:
            before = self.state.stopped
            self.state.saw(seen)
            if self.state.stopped != before:
                self.note(f"ended by a limit: {self.state.stopped}")

    def write(self, stream: str, data: bytes) -> None:
        target = self._console.err if stream == "stderr" else self._console.out
        if not target.isatty():
            # It is on no terminal, so it cannot get between the lines that are drawn.
            self._plain.write(stream, data)
            return
        with self._lock:
            text = self._rest[stream] + self._decoders[stream].decode(data)
            whole, newline, self._rest[stream] = text.rpartition("\n")
            if newline:
                self._above(whole)

    def note(self, text: str) -> None:
        with self._lock:
            self._above(text)

    def end(self) -> None:
        with self._lock:
            for stream, rest in self._rest.items():
                rest += self._decoders[stream].decode(b"", final=True)
                if rest:
                    self._above(rest)
                self._rest[stream] = ""
        self._board.close()
        self._plain.end()

    def _above(self, text: str) -> None:
        # A carriage return would take the cursor into what is drawn: of a line drawn over itself its end counts.
        lines = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
        self._board.above("\n".join(lines))

    def _content(self) -> tuple[str, list[tuple[str, str]]]:
        with self._lock:
            seconds = int(self._clock() - self._began)
            elapsed = human_duration(seconds * 1_000_000_000) if seconds else ""
            head = " · ".join(part for part in (self._title, *self.state.parts(self._token), elapsed) if part)
            return head, self._tasks() if self.state.tasks else self._deals()

    def _tasks(self) -> list[tuple[str, str]]:
        """The style and the text of a row for each task."""
        tasks = sorted(self.state.tasks.values(), key=lambda task: _ORDER.index(task.state))
        rows = []
        for task in tasks:
            where = f" on {task.provider}" if task.provider and task.state != "queued" else ""
            again = f", attempt {task.attempt}" if task.attempt > 1 else ""
            why = f": {task.reason}" if task.reason else ""
            rows.append(
                (_STYLES[task.state], f"{task.state:<14} {f'{task.id} {task.data}'.strip()}{where}{again}{why}")
            )
        return rows

    def _deals(self) -> list[tuple[str, str]]:
        """The same for each agreement: a script's own tasks are not known here."""
        rows = []
        for deal in sorted(self.state.deals.values(), key=lambda deal: not deal.open):
            commands = f"  {deal.done} of {deal.total} commands" if deal.total else ""
            failed = f", {deal.failed} failed" if deal.failed else ""
            style = "red" if deal.failed else "cyan" if deal.open else "dim"
            rows.append((style, f"{deal.state.lower():<14} {deal.name or deal.provider}{commands}{failed}"))
        return rows
