"""Alignment of two sequences: which items stayed, which ranges changed. Pure, and bounded for every input.

Common ends are cut off, then unique common items split the rest (Bram Cohen's patience diff), and what is left
between them is solved by Myers' algorithm ("An O(ND) Difference Algorithm and Its Variations", 1986) after dropping
the items that the other side does not have.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Hashable, Sequence
from operator import lt
from typing import NamedTuple

MAX_SPLITS = 24
"""Times that a region is split at its unique items. Each costs one pass over the region; real files need five."""

MAX_STEPS = 1_000_000
"""Steps of Myers' algorithm in one alignment, about half a second. Regions left over are reported as replaced whole."""


class Change(NamedTuple):
    """`old[old_start:old_end]` was replaced by `new[new_start:new_end]`; one of the two may be empty."""

    old_start: int
    old_end: int
    new_start: int
    new_end: int


class _Region(NamedTuple):
    old_start: int
    old_end: int
    new_start: int
    new_end: int
    splits: int

    @property
    def size(self) -> int:
        return self.old_end - self.old_start + self.new_end - self.new_start


class _Match(NamedTuple):
    old: int
    new: int
    length: int


def align(old: Sequence[Hashable], new: Sequence[Hashable]) -> list[Change]:
    """The ranges that differ, in order; between them the sequences are equal.

    The result is small, though not always the smallest. The same input always gives the same result.
    """
    numbers: dict[Hashable, int] = {}
    a = [numbers.setdefault(item, len(numbers)) for item in old]
    b = [numbers.setdefault(item, len(numbers)) for item in new]
    matches: list[_Match] = []
    unsolved: list[_Region] = []
    pending = [_Region(0, len(a), 0, len(b), 0)]
    while pending:
        region = _trim(a, b, pending.pop(), matches)
        if region.old_start == region.old_end or region.new_start == region.new_end:
            continue
        anchors = _anchors(a, b, region) if region.splits < MAX_SPLITS else []
        if anchors:
            pending += _split(region, anchors, matches)
        else:
            unsolved.append(region)
    # The small regions come first, so that one hopeless region does not take the steps of all others.
    steps = MAX_STEPS
    for region in sorted(unsolved, key=lambda region: (region.size, region)):
        steps -= _solve(a, b, region, matches, (steps + 1) // 2)
    return _gaps(matches, len(a), len(b))


def _gaps(matches: list[_Match], old_length: int, new_length: int) -> list[Change]:
    changes = []
    i = j = 0
    for match in [*sorted(matches), _Match(old_length, new_length, 0)]:
        if i < match.old or j < match.new:
            changes.append(Change(i, match.old, j, match.new))
        i, j = match.old + match.length, match.new + match.length
    return changes


def _trim(a: list[int], b: list[int], region: _Region, matches: list[_Match]) -> _Region:
    i, i_end, j, j_end, splits = region
    while i < i_end and j < j_end and a[i] == b[j]:
        i, j = i + 1, j + 1
    if i > region.old_start:
        matches.append(_Match(region.old_start, region.new_start, i - region.old_start))
    while i < i_end and j < j_end and a[i_end - 1] == b[j_end - 1]:
        i_end, j_end = i_end - 1, j_end - 1
    if i_end < region.old_end:
        matches.append(_Match(i_end, j_end, region.old_end - i_end))
    return _Region(i, i_end, j, j_end, splits)


def _split(region: _Region, anchors: list[tuple[int, int]], matches: list[_Match]) -> list[_Region]:
    """Match the anchors, and return what is left between them."""
    parts = []
    i, i_end, j, j_end, splits = region
    run = 0
    for old, new in [*anchors, (i_end, j_end)]:
        if old != i or new != j:
            if run:
                matches.append(_Match(i - run, j - run, run))
            parts.append(_Region(i, old, j, new, splits + 1))
            i, j, run = old, new, 0
        i, j, run = i + 1, j + 1, run + 1
    # The end of the region was counted into the last run as if it were an anchor.
    if run > 1:
        matches.append(_Match(i - run, j - run, run - 1))
    return parts


def _anchors(a: list[int], b: list[int], region: _Region) -> list[tuple[int, int]]:
    """The longest rising series of items that occur once in each side of the region."""
    in_old = _unique_places(a, region.old_start, region.old_end)
    in_new = _unique_places(b, region.new_start, region.new_end)
    pairs = [(i, in_new[item]) for item, i in in_old.items() if item in in_new]
    pairs.sort()
    places = [j for _, j in pairs]
    if all(map(lt, places, places[1:])):
        return pairs
    # Patience sorting: `tops[n]` is the smallest new place that ends a series of n + 1 pairs.
    tops: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for index, j in enumerate(places):
        pile = bisect_left(tops, j)
        before.append(ends[pile - 1] if pile else -1)
        if pile == len(tops):
            tops.append(j)
            ends.append(index)
        else:
            tops[pile] = j
            ends[pile] = index
    series = []
    index = ends[-1] if ends else -1
    while index >= 0:
        series.append(pairs[index])
        index = before[index]
    return series[::-1]


def _unique_places(items: list[int], start: int, end: int) -> dict[int, int]:
    part = items[start:end]
    last = dict(zip(part, range(start, end), strict=True))
    if len(last) == len(part):
        return last
    first = dict(zip(reversed(part), reversed(range(start, end)), strict=True))
    return {item: place for item, place in last.items() if first[item] == place}


def _solve(a: list[int], b: list[int], region: _Region, matches: list[_Match], limit: int) -> int:
    """Align a region by Myers' algorithm in about `limit` steps, or one run of equal items more; returns how many.

    When the steps run out, the path that came furthest is kept and the rest of the region stays unmatched.
    """
    in_old = set(a[region.old_start : region.old_end])
    in_new = set(b[region.new_start : region.new_end])
    rows = [i for i in range(region.old_start, region.old_end) if a[i] in in_new]
    columns = [j for j in range(region.new_start, region.new_end) if b[j] in in_old]
    old, new = [a[i] for i in rows], [b[j] for j in columns]
    if not old:
        return 0
    frontiers, diagonal, steps = _search(old, new, limit)
    for x, y, length in _backtrack(frontiers, diagonal):
        matches += [_Match(rows[x + k], columns[y + k], 1) for k in range(length)]
    return steps


class _Frontier(NamedTuple):
    """The furthest x on every second diagonal from `lowest` on, for one number of edits.

    `reach` has a -1 before and after, so that both neighbours of every diagonal can be asked for.
    """

    lowest: int
    reach: list[int]

    def get(self, diagonal: int) -> int:
        return self.reach[(diagonal - self.lowest) // 2 + 1]


_START = _Frontier(1, [-1, 0, -1])
"""Before the first step: the search enters diagonal 0 at x = 0."""


def _search(old: list[int], new: list[int], limit: int) -> tuple[list[_Frontier], int, int]:
    """The frontiers, one for each number of edits, the diagonal where the search ended, and the steps taken."""
    n, m = len(old), len(new)
    frontiers = [_START]
    steps = 0
    while True:
        distance = len(frontiers) - 1
        # Diagonals outside of -m..n leave the table.
        lowest = -distance if distance <= m else -m + ((distance - m) & 1)
        highest = distance if distance <= n else n - ((distance - n) & 1)
        previous = frontiers[-1]
        first = (lowest - 1 - previous.lowest) // 2 + 1
        reach = [-1]
        for diagonal in range(lowest, highest + 1, 2):
            if steps >= limit and distance:
                # The unfinished frontier is dropped.
                return frontiers, _furthest(frontiers[-1], n, m), steps
            # A diagonal is entered down from the one above it, or right from the one below it.
            x = max(previous.reach[first + 1], previous.reach[first] + 1)
            first += 1
            y = x - diagonal
            start = x
            while x < n and y < m and old[x] == new[y]:
                x, y = x + 1, y + 1
            steps += 1 + x - start
            reach.append(x)
            if x == n and y == m:
                frontiers.append(_Frontier(lowest, reach))
                return frontiers, diagonal, steps
        reach.append(-1)
        frontiers.append(_Frontier(lowest, reach))


def _furthest(frontier: _Frontier, n: int, m: int) -> int:
    """The diagonal that has used up most of both sides. The path that leads the way never leaves the table."""
    inside = [
        (2 * x - diagonal, diagonal)
        for diagonal, x in zip(itertools.count(frontier.lowest, 2), frontier.reach[1:-1], strict=False)
        if x <= n and x - diagonal <= m
    ]
    return max(inside)[1]


def _backtrack(frontiers: list[_Frontier], diagonal: int) -> list[tuple[int, int, int]]:
    """The runs of equal items on the path that ends on `diagonal`: x, y and length."""
    runs = []
    for frontier, previous in zip(frontiers[:0:-1], frontiers[-2::-1], strict=True):
        x = frontier.get(diagonal)
        down, right = previous.get(diagonal + 1), previous.get(diagonal - 1) + 1
        start = max(down, right)
        if x > start:
            runs.append((start, start - diagonal, x - start))
        diagonal += 1 if down >= right else -1
    return runs
