"""How the log of a run is shown."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sovrgit.objects.ids import Data, ObjectId
from sovrgit.runs.log import LogLine, read_log
from sovrgit.ui.console import Console, path_fields

if TYPE_CHECKING:
    from typing_extensions import Buffer


@dataclass(frozen=True, slots=True)
class LogFileView:
    """Shows a log. `captured` says that it has our own format, with times; `only` chooses one stream."""

    run: ObjectId
    path: bytes
    pieces: Iterator[Data]
    captured: bool
    times: bool
    only: str | None

    def text(self, console: Console) -> None:
        """Print it for people."""
        if not self.captured:
            console.content(self.pieces)
            return
        for line in self._lines():
            if line.stream == "note":
                console.note(f"# {line.text.decode('utf-8', 'replace')}")
                continue
            end = "\n" if line.complete or self.times else ""
            console.out.write(self._prefix(console, line) + self._shown(console, line) + end)

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        document: dict[str, Any] = {"run": str(self.run), **path_fields(self.path)}
        if not self.captured:
            text = b"".join(bytes(piece) for piece in self.pieces)
            return {**document, "text": text.decode("utf-8", "replace")}
        lines = [
            {"time_ns": line.at_ns, "stream": line.stream, "text": line.text.decode("utf-8", "replace")}
            for line in self._lines()
        ]
        return {**document, "lines": lines}

    def _lines(self) -> Iterator[LogLine]:
        content = io.BufferedReader(_Pieces(self.pieces))
        return (line for line in read_log(content) if self.only in (None, line.stream))

    def _prefix(self, console: Console, line: LogLine) -> str:
        if not self.times:
            return ""
        moment = datetime.fromtimestamp(line.at_ns / 1_000_000_000, UTC).strftime("%H:%M:%S.%f")[:-3]
        return console.style(f"{moment} ", "dim")

    def _shown(self, console: Console, line: LogLine) -> str:
        text = console.safe(line.text.decode("utf-8", "surrogateescape"))
        return console.style(text, "red") if line.stream == "stderr" and console.colour else text


class _Pieces(io.RawIOBase):
    """Pieces of a file, to be read as one: a log can be larger than memory should be."""

    def __init__(self, pieces: Iterator[Data]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Fill as much of the buffer as the piece at hand can."""
        target = memoryview(buffer)
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
