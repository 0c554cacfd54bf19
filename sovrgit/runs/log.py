"""The captured log: what a command wrote, line by line, with times, such that its bytes can be had back.

    # sovr log 1
    2026-11-23T08:20:51.123Z O a line of standard output
    2026-11-23T08:20:51.130Z E a line of standard error
    2026-11-23T08:20:51.131Z O+ a piece of standard output that no newline ended
    2026-11-23T08:20:51.140Z N a note of sovr's own

The time is UTC, when the first byte arrived. The bytes after the second space are the command's own, whatever their
encoding. A piece marked `+` is continued by the next line of the same stream, if there is one: so the last line
without a newline is kept, and lines that are too long to be held in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import BinaryIO, Literal, NamedTuple, TypeAlias

from sovrgit.errors import ObjectInvalid
from sovrgit.runs.executor import Stream

HEADER = b"# sovr log 1\n"

MAX_TEXT = 64 << 10
"""Bytes of text in a line of the log. Longer lines are split; it bounds the memory of writers and readers."""

MAX_SIZE = 1 << 30
"""Bytes in a log, unless said otherwise: a command that prints in a loop must not fill the disk."""

_STAMP_SIZE = len("2026-11-23T08:20:51.123Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

LogStream: TypeAlias = Stream | Literal["note"]
_LETTERS: dict[LogStream, bytes] = {"stdout": b"O", "stderr": b"E", "note": b"N"}
_STREAMS: dict[bytes, LogStream] = {letter: stream for stream, letter in _LETTERS.items()}


class LogLine(NamedTuple):
    """A line of a log: `at_ns` in nanoseconds since 1970, `text` without the newline that `complete` tells of."""

    at_ns: int
    stream: LogStream
    text: bytes
    complete: bool


class LogWriter:
    """Writes a log while the command runs. Memory stays within a few times `MAX_TEXT` and the pieces handed in.

    Once `limit` bytes are written, output is counted and no longer kept, which two notes say.
    """

    __slots__ = ("_dropped", "_file", "_full", "_last_ns", "_left", "_limit", "_partial")

    def __init__(self, file: BinaryIO, *, limit: int = MAX_SIZE, header: bool = True) -> None:
        """Write into a file; without the header if the file is a log already."""
        self._file = file
        self._limit = limit
        self._left = limit - len(HEADER)
        self._full = False
        self._last_ns = 0
        self._partial: dict[LogStream, tuple[bytes, bytearray]] = {}
        self._dropped: dict[LogStream, int] = {"stdout": 0, "stderr": 0}
        if header:
            file.write(HEADER)

    def write(self, stream: Stream, data: bytes, at_ns: int) -> None:
        """Take bytes as they arrived at `at_ns`, and hand all finished lines to the file."""
        self._last_ns = at_ns
        if self._full:
            self._dropped[stream] += len(data)
        else:
            self._take(stream, data, _stamp(at_ns))
            self._file.flush()

    def note(self, text: str, at_ns: int) -> None:
        """Add a line of sovr's own; notes are short, few, and not held back by the limit."""
        self._last_ns = at_ns
        self._end_lines()
        self._note(text)
        self._file.flush()

    def close(self) -> None:
        """Write what no newline ended, and how much was left out. The file stays open."""
        self._end_lines()
        if self._full:
            self._note("not kept: " + " and ".join(f"{n} bytes of {stream}" for stream, n in self._dropped.items()))
        self._file.flush()

    def _end_lines(self) -> None:
        """Write the lines that no newline has ended yet."""
        for stream in list(self._partial):
            if stream in self._partial:  # the limit, if it is met here, drops them all
                stamp, text = self._partial.pop(stream)
                self._line(stream, stamp, text, complete=False)

    def _note(self, text: str) -> None:
        line = " ".join(text.split()).encode("utf-8", "backslashreplace")
        self._file.write(_encode("note", _stamp(self._last_ns), line[:MAX_TEXT], complete=True))

    def _take(self, stream: Stream, data: bytes, now: bytes) -> None:
        *ended, rest = data.split(b"\n")
        stamp, text = self._partial.pop(stream, (now, bytearray()))
        for piece in ended:
            text += piece
            self._cut(stream, stamp, text)
            self._line(stream, stamp, text, complete=True)
            stamp, text = now, bytearray()
        text += rest
        self._cut(stream, stamp, text)
        if self._full:
            self._dropped[stream] += len(text)
        elif text:
            self._partial[stream] = (stamp, text)

    def _cut(self, stream: LogStream, stamp: bytes, text: bytearray) -> None:
        """Write whole pieces of a text that is too long; what is left in it fits a line."""
        last = max(len(text) - 1, 0) // MAX_TEXT * MAX_TEXT
        for start in range(0, last, MAX_TEXT):
            self._line(stream, stamp, text[start : start + MAX_TEXT], complete=False)
        del text[:last]

    def _line(self, stream: LogStream, stamp: bytes, text: bytearray, *, complete: bool) -> None:
        line = _encode(stream, stamp, text, complete=complete)
        if not self._full and len(line) > self._left:
            self._full = True
            self._note(f"the log has reached its limit of {self._limit} bytes: output is no longer kept")
            for other, (_, held) in self._partial.items():
                self._dropped[other] += len(held)
            self._partial = {}
        if self._full:
            self._dropped[stream] += len(text) + complete
            return
        self._left -= len(line)
        self._file.write(line)


def read_log(file: BinaryIO) -> Iterator[LogLine]:
    """The lines of a log, one after the other.

    A last line that was cut off, because sovr was killed while it wrote, is given as far as it goes.

    Raises:
        ObjectInvalid: if the file is not a log of this format.
    """
    if file.readline(len(HEADER)) != HEADER:
        raise ObjectInvalid(kind="log", reason="it does not begin with `# sovr log 1`")
    longest = _STAMP_SIZE + len(b" O+ ") + MAX_TEXT + len(b"\n")
    known_stamp, at_ns = b"", 0
    for number, line in enumerate(iter(lambda: file.readline(longest), b""), start=2):
        ended = line.endswith(b"\n")
        if not ended and len(line) == longest:
            raise ObjectInvalid(kind="log", reason=f"line {number} is too long")
        stamp, _, rest = line[: len(line) - ended].partition(b" ")
        mark, space, text = rest.partition(b" ")
        if not ended and not space:
            return
        stream = _STREAMS.get(mark[:1])
        if stream is None or mark[1:] not in (b"", b"+") or not space:
            raise ObjectInvalid(kind="log", reason=f"line {number} names no stream")
        if stamp != known_stamp:
            known_stamp, at_ns = stamp, _time(stamp, number)
        yield LogLine(at_ns, stream, text, ended and mark[1:] == b"")


def plain(lines: Iterable[LogLine], stream: Stream | None = None) -> Iterator[bytes]:
    """The bytes as the command wrote them: of one stream, or of both in the order of the log. Notes are left out."""
    for line in lines:
        if line.stream != "note" and stream in (None, line.stream):
            yield line.text + b"\n" if line.complete else line.text


def _encode(stream: LogStream, stamp: bytes, text: bytes | bytearray, *, complete: bool) -> bytes:
    return b"".join((stamp, b" ", _LETTERS[stream], b" " if complete else b"+ ", text, b"\n"))


def _stamp(at_ns: int) -> bytes:
    moment = _EPOCH.replace(tzinfo=None) + at_ns // 1_000_000 * _MILLISECOND
    return moment.isoformat(timespec="milliseconds").encode("ascii") + b"Z"


def _time(stamp: bytes, number: int) -> int:
    try:
        text = stamp.decode("ascii")
        if len(text) != _STAMP_SIZE or not text.endswith("Z"):
            raise ValueError(text)
        return (datetime.fromisoformat(text) - _EPOCH) // _MILLISECOND * 1_000_000
    except ValueError:
        raise ObjectInvalid(kind="log", reason=f"line {number} has no time") from None
