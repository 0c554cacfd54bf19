"""Differences between two contents as hunks of lines, by Git's conventions (git-diff(1), "unified" format).

A line ends with a line feed; a carriage return before it is part of the line, as in Git.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from sovrgit.pod.align import Change, align
from sovrgit.pod.slide import MAX_SLIDE, slide

SAMPLE_SIZE = 8000
"""Bytes that decide whether a content is binary, as many as Git reads (`FIRST_FEW_BYTES` in its source)."""

MAX_TEXT_SIZE = 64 << 20
"""Bytes of a content that is compared line by line. Lines of forty bytes take three times as much memory."""

MAX_HEADING = 80
"""Bytes of a hunk's section heading, as in Git."""

_UNDECODABLE_SHARE = 0.3
"""Share of bytes that are not UTF-8 from which a content is binary: the share that Perl's `-B` takes (perlfunc)."""


class Line(NamedTuple):
    """A line of a hunk: `tag` is a space, `-` or `+`; only the last line of a file can lack its line feed."""

    tag: bytes
    content: bytes


class Hunk(NamedTuple):
    """A range of changed lines with context.

    Starts count from 1; where a side has no lines, its start is the number of the line before, as in Git.
    """

    old_start: int
    old_lines: int
    new_start: int
    new_lines: int
    lines: tuple[Line, ...]
    heading: bytes = b""


class FileDiff(NamedTuple):
    """What became of one file. Sizes are in bytes, None for a side that does not exist."""

    old_size: int | None
    new_size: int | None
    binary: bool
    hunks: tuple[Hunk, ...] = ()

    @property
    def added(self) -> int:
        """Lines only in the new content."""
        return sum(line.tag == b"+" for hunk in self.hunks for line in hunk.lines)

    @property
    def removed(self) -> int:
        """Lines only in the old content."""
        return sum(line.tag == b"-" for hunk in self.hunks for line in hunk.lines)


def is_binary(sample: bytes) -> bool:
    """Whether content that begins with `sample` should not be shown as text.

    It is binary if there is a NUL in the first 8000 bytes, which is Git's rule, or if more than 30 % of them are not
    UTF-8.
    """
    sample = sample[:SAMPLE_SIZE]
    if b"\0" in sample:
        return True
    undecodable = len(sample) - len(sample.decode("utf-8", "ignore").encode())
    return undecodable > len(sample) * _UNDECODABLE_SHARE


def compare(old: bytes | None, new: bytes | None, *, context: int = 3) -> FileDiff:
    """The difference between two contents; None stands for a file that does not exist.

    Contents of more than `MAX_TEXT_SIZE` are treated as binary: nobody reads their lines.
    """
    sides = old or b"", new or b""
    binary = any(len(side) > MAX_TEXT_SIZE or is_binary(side) for side in sides)
    hunks = () if binary else tuple(unified(old, new, context=context))
    return FileDiff(None if old is None else len(old), None if new is None else len(new), binary, hunks)


def unified(old: bytes | None, new: bytes | None, *, context: int = 3) -> list[Hunk]:
    """The hunks that turn `old` into `new`, with `context` unchanged lines around each change.

    None stands for a file that does not exist and gives the hunks of an empty one. The work is bounded (see
    `sovrgit.pod.align`): contents that cannot be aligned within it give large but correct hunks.
    """
    old, new = old or b"", new or b""
    part = _differing_part(old, new, margin=max(context, MAX_SLIDE))
    changes = slide(align(part.old, part.new), part.old, part.new)
    hunks = []
    heading, searched = b"", 0
    for group in _groups(changes, 2 * context):
        start = max(0, group[0].old_start - context)
        end = min(len(part.old), group[-1].old_end + context)
        new_start = start + group[0].new_start - group[0].old_start
        new_end = end + group[-1].new_end - group[-1].old_end
        above: Iterable[bytes] = reversed(part.old[searched:start])
        if not searched:
            above = chain(above, _lines_backwards(old, part.offset))
        heading = _heading(above, heading)
        searched = start
        hunks.append(
            Hunk(
                old_start=part.first_line + start + (end > start),
                old_lines=end - start,
                new_start=part.first_line + new_start + (new_end > new_start),
                new_lines=new_end - new_start,
                lines=tuple(_hunk_lines(part, group, start, end)),
                heading=heading,
            )
        )
    return hunks


class _Part(NamedTuple):
    """The lines of both contents without most of their common ends.

    `offset` bytes and `first_line` lines before it are the same in both.
    """

    offset: int
    first_line: int
    old: list[bytes]
    new: list[bytes]


def _differing_part(old: bytes, new: bytes, *, margin: int) -> _Part:
    """Cut off the common ends, leaving `margin` common lines on each side.

    Comparing bytes is far faster than making lines, and most edits of a large file touch little of it.
    """
    start = _common_prefix(old, new)
    rest = min(len(old), len(new)) - start
    end = _common_suffix(old, new, rest)
    start = old.rfind(b"\n", 0, start) + 1
    for _ in range(margin):
        if not start:
            break
        start = old.rfind(b"\n", 0, start - 1) + 1
    # The suffix begins after a line feed, so that it begins a line in both.
    suffix = len(old) - end
    for _ in range(margin + 1):
        suffix = old.find(b"\n", suffix) + 1 or len(old)
    end = len(old) - suffix
    lines_before = old.count(b"\n", 0, start)
    return _Part(start, lines_before, split_lines(old[start:suffix]), split_lines(new[start : len(new) - end]))


def _common_prefix(old: bytes, new: bytes) -> int:
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _common_suffix(old: bytes, new: bytes, limit: int) -> int:
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        if old[len(old) - middle : len(old) - low] == new[len(new) - middle : len(new) - low]:
            low = middle
        else:
            high = middle - 1
    return low


def split_lines(content: bytes) -> list[bytes]:
    """The lines of a content, each with its line feed; only the last one can lack it."""
    lines = [line + b"\n" for line in content.split(b"\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def _lines_backwards(content: bytes, end: int) -> Iterator[bytes]:
    while end:
        start = content.rfind(b"\n", 0, end - 1) + 1
        yield content[start:end]
        end = start


def _groups(changes: list[Change], distance: int) -> Iterator[list[Change]]:
    """Changes that share a hunk, because no more than `distance` lines are between them."""
    group: list[Change] = []
    for change in changes:
        if group and change.old_start - group[-1].old_end > distance:
            yield group
            group = []
        group.append(change)
    if group:
        yield group


def _hunk_lines(part: _Part, group: list[Change], start: int, end: int) -> Iterator[Line]:
    for change in group:
        yield from (Line(b" ", line) for line in part.old[start : change.old_start])
        yield from (Line(b"-", line) for line in part.old[change.old_start : change.old_end])
        yield from (Line(b"+", line) for line in part.new[change.new_start : change.new_end])
        start = change.old_end
    yield from (Line(b" ", line) for line in part.old[start:end])


def _heading(lines_above: Iterable[bytes], default: bytes) -> bytes:
    """The nearest line above that begins with a letter, `_` or `$`: Git's rule for files of no special type."""
    for line in lines_above:
        if line[:1].isalpha() or line[:1] in (b"_", b"$"):
            return line[:MAX_HEADING].rstrip()
    return default
