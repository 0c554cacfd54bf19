"""Merging text line by line, three ways. Pure; the alignment is that of `align`.

The method is that of diff3 (Khanna, Kunal, Pierce: "A Formal Investigation of Diff3", 2007); what one side alone has
changed is taken, what both have changed alike as well, and everything else is a conflict. Changes of neighbouring lines
count as changes of the same ones, as in Git. Markers are those of Git (git-merge(1), "How conflicts are presented").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sovrgit.pod.align import Change, align
from sovrgit.pod.textdiff import is_binary, split_lines

MAX_MERGED = 8 << 20
"""Bytes of a file that is merged line by line; larger ones are hardly written by hand."""

MARKER = 7
"""Characters in a line of a marker, at least."""


class MergedText(NamedTuple):
    """Merged content; `conflicts` counts the places that are marked in it."""

    content: bytes
    conflicts: int


class Labels(NamedTuple):
    """What the sides are called in markers."""

    ours: str
    theirs: str


class _Piece(NamedTuple):
    """A range of lines: what the base has, and what each side has made of it."""

    base: Sequence[bytes]
    ours: Sequence[bytes]
    theirs: Sequence[bytes]


def can_merge(*contents: bytes) -> bool:
    """Whether contents are text, and small enough to be merged line by line."""
    return not any(len(content) > MAX_MERGED or is_binary(content) for content in contents)


def merge_text(base: bytes, ours: bytes, theirs: bytes, labels: Labels) -> MergedText:
    """The content that has what both sides have changed; where that is contradictory, both, between markers."""
    lines: list[bytes] = []
    conflicts = 0
    size = _marker_size(ours, theirs)
    for piece in _pieces(split_lines(base), split_lines(ours), split_lines(theirs)):
        if piece.ours == piece.theirs or piece.theirs == piece.base:
            lines += piece.ours
        elif piece.ours == piece.base:
            lines += piece.theirs
        else:
            conflicts += 1
            lines += _marked(piece, labels, size)
    return MergedText(b"".join(lines), conflicts)


def _pieces(base: list[bytes], ours: list[bytes], theirs: list[bytes]) -> list[_Piece]:
    """The whole of the three texts, cut wherever neither side has changed anything."""
    waiting = {0: align(base, ours), 1: align(base, theirs)}
    sides = {0: ours, 1: theirs}
    shift = {0: 0, 1: 0}
    at = 0
    pieces: list[_Piece] = []
    while waiting[0] or waiting[1]:
        first = min((changes[0] for changes in waiting.values() if changes), key=lambda change: change.old_start)
        start, end = first.old_start, first.old_end
        same = base[at:start]
        pieces.append(_Piece(same, same, same))
        taken: dict[int, list[Change]] = {0: [], 1: []}
        grown = True
        while grown:
            grown = False
            for side, changes in waiting.items():
                while changes and changes[0].old_start <= end:
                    taken[side].append(changes.pop(0))
                    end = max(end, taken[side][-1].old_end)
                    grown = True
        found = []
        for side, lines in sides.items():
            # Lines of the base before the first change, and behind the last one, are the same on this side.
            begin = start + shift[side]
            for change in taken[side]:
                shift[side] += (change.new_end - change.new_start) - (change.old_end - change.old_start)
            found.append(lines[begin : end + shift[side]])
        pieces.append(_Piece(base[start:end], found[0], found[1]))
        at = end
    pieces.append(_Piece(base[at:], base[at:], base[at:]))
    return pieces


def _marked(piece: _Piece, labels: Labels, size: int) -> list[bytes]:
    """A contradictory piece: what is alike at its ends without markers, the rest between them."""
    ours, theirs = list(piece.ours), list(piece.theirs)
    before: list[bytes] = []
    after: list[bytes] = []
    while ours and theirs and ours[0] == theirs[0]:
        before.append(ours.pop(0))
        theirs.pop(0)
    while ours and theirs and ours[-1] == theirs[-1]:
        after.insert(0, ours.pop())
        theirs.pop()
    # Markers have the line ends of the text around them.
    sample = next((line for line in (*piece.ours, *piece.theirs, *piece.base) if line), b"\n")
    end = b"\r\n" if sample.endswith(b"\r\n") else b"\n"

    def marker(sign: str, label: str = "") -> bytes:
        return f"{sign * size}{' ' + label if label else ''}".encode("utf-8", "backslashreplace") + end

    return [
        *before,
        marker("<", labels.ours),
        *_ended(ours, end),
        marker("="),
        *_ended(theirs, end),
        marker(">", labels.theirs),
        *after,
    ]


def _ended(lines: list[bytes], end: bytes) -> list[bytes]:
    """The lines, the last of which must not run into a marker."""
    if lines and not lines[-1].endswith(b"\n"):
        return [*lines[:-1], lines[-1] + end]
    return lines


def _marker_size(*contents: bytes) -> int:
    """So many characters that no line of the contents looks like a marker."""
    size = MARKER
    for content in contents:
        for sign in b"<=>":
            mark = bytes([sign])
            while b"\n" + mark * size in b"\n" + content:
                size += 1
    return size
