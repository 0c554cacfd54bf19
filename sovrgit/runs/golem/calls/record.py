"""The call log: JSON, a line for each call, without secrets and without endless texts; also what a killed gateway is
recovered from.

    {"golem-calls": 1, "at", "platforms", "budget", "seconds", "subnet"}              the first line
    {"call", "at", "method", "path", "request"}                                      something is about to be opened
    {"call", "at", "settled"}                                                        it has been searched for, and ended
    {"call", "at", "path", "event"}                                                  something that was followed
    {"call", "at", "ms", "method", "path", "status", "request", "answer", …}         a call that was answered

`call` is the number of the call and the same in all lines about it. Times are nanoseconds since 1970. `by` is `gateway`
for calls that no script made, `refused` true for those that the daemon never saw.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sovrgit.store.files import reporting

REMOVED = "(removed)"
LONGEST_TEXT = 64 << 10
"""Characters of a text in a body that are kept."""

_MOST_ITEMS = 2000
_DEEPEST = 40
_FULL = 512 << 20
"""Bytes of the log from which on only what must be ended is written with its bodies."""

_SECRET_NAME = re.compile(
    r"(app|api|private|secret|access)[-_]?key|authoriz|password|passphrase|secret|mnemonic|authtoken", re.I
)


class Masks:
    """Takes secrets out of what is kept: the known ones wherever they stand, others by the name of their field."""

    def __init__(self, *secrets: str) -> None:
        known = sorted((one for one in secrets if one), key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def text(self, given: str) -> str:
        """A text without secrets."""
        return self._known.sub(REMOVED, given) if self._known is not None else given

    def value(self, given: Any, depth: int = 0) -> Any:
        """A value of JSON without secrets, and without what is too long or too deep."""
        if isinstance(given, str):
            # Before it is cut: half of a secret is one.
            clean = self.text(given)
            return clean if len(clean) <= LONGEST_TEXT else f"{clean[:LONGEST_TEXT]}… ({len(clean)} characters)"
        if depth > _DEEPEST:
            return "…" if isinstance(given, dict | list) else given
        if isinstance(given, list):
            kept = [self.value(one, depth + 1) for one in given[:_MOST_ITEMS]]
            return kept if len(given) <= _MOST_ITEMS else [*kept, f"… ({len(given)} in all)"]
        if isinstance(given, dict):
            if len(given) > _MOST_ITEMS:
                given = dict(itertools.islice(given.items(), _MOST_ITEMS)) | {"…": f"{len(given)} in all"}
            return {
                self.text(name): REMOVED if value and _SECRET_NAME.search(name) else self.value(value, depth + 1)
                for name, value in given.items()
            }
        return given


class CallLog:
    """The file, written by one gateway at a time; each line is with the system before its call goes on."""

    def __init__(self, path: Path) -> None:
        """Open it for more; a line that was cut off by the end of another process is ended.

        Raises:
            ReadOnly, StorageFull, StorageFailure: if it cannot be written.
        """
        self.path = path
        with reporting(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._size = os.fstat(self._file).st_size
            self._torn = bool(self._size) and os.pread(self._file, 1, self._size - 1) != b"\n"

    @property
    def is_full(self) -> bool:
        """Whether bodies should be left out from now on."""
        return self._size >= _FULL

    def write(self, line: bytes) -> None:
        """Add a line.

        Raises:
            OSError: if it cannot be written.
        """
        left = memoryview(b"\n" + line if self._torn else line)
        self._torn = True
        while left:
            written = os.write(self._file, left)
            self._size += written
            left = left[written:]
        self._torn = False

    def sync(self) -> None:
        """Have the disk keep it."""
        os.fsync(self._file)

    def close(self) -> None:
        """No more lines."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def encode(line: Mapping[str, Any]) -> bytes:
    """A line as it is written."""
    return json.dumps(line, ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def read_calls(path: Path) -> Iterator[Mapping[str, Any]]:
    """The lines of a call log. What is none, such as the half one that a killed process leaves, is passed over.

    Raises:
        StorageFailure: if it cannot be read.
    """
    with reporting(path), path.open("rb") as file:
        for raw in file:
            try:
                line = json.loads(raw)
            except (ValueError, RecursionError):
                continue
            if isinstance(line, dict):
                yield line
