"""The folder that a requestor script finds first on its PATH, and what the front in it has noted."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sovrgit.objects.codec import Value
from sovrgit.store.files import reporting

_PROGRAM = Path(__file__).with_name("gftp.py")
_PIECE = 1 << 20
_LONGEST_LINE = 1 << 20

MOST_FILES = 2000
"""Files that a record names; further ones are counted."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A file that was sent to a provider (`in`), or was to be received from one (`out`).

    `sha3_256` is empty and `size` is None if it is not there any more. What was received has the size and the content
    that the file had when the run ended.
    """

    path: Path
    direction: Literal["in", "out"]
    sha3_256: str
    size: int | None


def make_front(folder: Path, gftp: Path | None, python: Path | None) -> Path:
    """Fill an empty folder with the programs that a script is to find before all others; where they note files.

    Args:
        gftp: the real one; none is made if it is None, and the script will say that it is missing.
        python: the interpreter that `python` and `python3` shall be; those of the PATH if None.

    Raises:
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    notes = folder / "files.jsonl"
    bin_folder = folder / "bin"
    with reporting(folder):
        bin_folder.mkdir()
        if gftp is not None:
            words = [sys.executable, "-I", "-S", os.fspath(_PROGRAM), os.fspath(notes), os.fspath(gftp)]
            _write(bin_folder / "gftp", words)
        if python is not None:
            for name in ("python", "python3"):
                # A link would not do: an interpreter finds its libraries by where it was started from.
                _write(bin_folder / name, [os.fspath(python)])
    return notes


def moved(notes: Path) -> Iterator[Moved]:
    """The files that the front has noted, each once; the last note about a path counts."""
    found: dict[tuple[str, str], Moved] = {}
    for note in _notes(notes):
        path = Path(str(note.get("path", "")))
        if note.get("what") == "publish":
            sent = Moved(path, "in", str(note.get("sha3_256", "")), int(str(note.get("size", 0))))
            found[str(path), sent.sha3_256] = sent
        elif note.get("what") == "receive":
            found[str(path), ""] = Moved(path, "out", "", None)
    for one in found.values():
        yield one if one.direction == "in" else _measured(one.path)


def files_document(files: list[Moved], root: Path) -> tuple[list[Value], int]:
    """The files as a record names them, and how many it does not: paths in the pod, else only names."""
    rows: list[Value] = []
    for one in files[:MOST_FILES]:
        inside = one.path.is_relative_to(root)
        row: dict[str, Value] = {
            "path": os.fspath(one.path.relative_to(root)) if inside else one.path.name,
            "direction": one.direction,
        }
        if one.sha3_256:
            row["sha3_256"] = one.sha3_256
        if one.size is not None:
            row["size"] = one.size
        rows.append(row)
    return rows, max(len(files) - MOST_FILES, 0)


def _write(path: Path, words: list[str]) -> None:
    path.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8", errors="surrogateescape")
    path.chmod(0o700)


def _notes(notes: Path) -> Iterator[dict[str, object]]:
    try:
        file = notes.open("rb")
    except FileNotFoundError:
        return
    with file:
        for line in iter(lambda: file.readline(_LONGEST_LINE), b""):
            try:
                note = json.loads(line)
            except ValueError:  # torn: the front was killed while it wrote
                continue
            if isinstance(note, dict):
                yield note


def _measured(path: Path) -> Moved:
    """What became of a file that was to be received."""
    try:
        # A script may have put something else into its place.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return Moved(path, "out", "", None)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return Moved(path, "out", "", None)
        hashed, size = hashlib.sha3_256(), 0
        while piece := file.read(_PIECE):
            hashed.update(piece)
            size += len(piece)
    return Moved(path, "out", hashed.hexdigest(), size)
