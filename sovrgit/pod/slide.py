"""Placing an insertion or deletion where people would: `align` may report one of several equal places."""

from __future__ import annotations

from sovrgit.pod.align import Change

MAX_SLIDE = 100
"""Lines that a change is moved at most, the bound that Git has for its indent heuristic."""

_CLOSING = (b"}", b")", b"]", b"end", b"</")
_BLANK_LINES_AHEAD = 20


def slide(changes: list[Change], old: list[bytes], new: list[bytes]) -> list[Change]:
    """The changes with pure insertions and deletions moved to begin at a natural border.

    A change of lines `BC` in `ABCB` could as well be called one of `CB`. The place is chosen whose first line is
    indented least, is not blank and closes nothing; of equal ones the last, as in Git.
    """
    placed: list[Change] = []
    for index, change in enumerate(changes):
        old_start, old_end, new_start, new_end = change
        before = placed[-1].old_end + 1 if placed else 0
        after = changes[index + 1].old_start - 1 if index + 1 < len(changes) else len(old)
        shift = 0
        if old_start == old_end:
            shift = _best_shift(new, new_start, new_end, old_start - before, after - old_end)
        elif new_start == new_end:
            shift = _best_shift(old, old_start, old_end, old_start - before, after - old_end)
        placed.append(Change(old_start + shift, old_end + shift, new_start + shift, new_end + shift))
    return placed


def _best_shift(lines: list[bytes], start: int, end: int, room_above: int, room_below: int) -> int:
    up = 0
    while up < min(room_above, MAX_SLIDE) and lines[start - up - 1] == lines[end - up - 1]:
        up += 1
    down = 0
    while down < min(room_below, MAX_SLIDE) and lines[start + down] == lines[end + down]:
        down += 1
    if not up and not down:
        return 0
    return min(range(-up, down + 1), key=lambda shift: (_rank(lines, start + shift), -shift))


def _rank(lines: list[bytes], start: int) -> tuple[int, bool, bool]:
    """How unnatural it is for a change to begin at this line."""
    for line in lines[start : start + _BLANK_LINES_AHEAD]:
        text = line.strip()
        if text:
            indent = len(line.expandtabs(8)) - len(line.expandtabs(8).lstrip())
            blank = not lines[start].strip()
            after_text = start > 0 and bool(lines[start - 1].strip())
            return indent + text.startswith(_CLOSING), blank, after_text
    return 0, True, True
