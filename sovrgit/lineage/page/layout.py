"""Where nodes stand: in columns by their distance from the question, ordered so that few edges cross."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sovrgit.lineage.graph import Lineage

WIDTH = 230
HEIGHT = 52
GAP_X = 150
GAP_Y = 16
"""Pixels: of a node, and between columns and rows."""

_SWEEPS = 4


class Place(NamedTuple):
    """The upper left corner of a node, in pixels."""

    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Layout:
    """The places of all nodes, and the size of the whole, in pixels. No two nodes overlap."""

    places: Mapping[str, Place]
    width: int
    height: int


def lay_out(lineage: Lineage) -> Layout:
    """Place the nodes of an answer: the question on the left, what is farther away on its right.

    The column is the shortest distance from the question, so that no edge passes a column on its way to the right, and
    circles need no special care. What nothing leads to stands in the last column.
    """
    columns = _columns(lineage)
    near: dict[str, list[str]] = {identity: [] for identity in lineage.nodes}
    for edge in lineage.edges:
        near[edge.source].append(edge.target)
        near[edge.target].append(edge.source)
    depth = {identity: number for number, column in enumerate(columns) for identity in column}
    beside = {
        step: {
            identity: [other for other in near[identity] if depth[other] == depth[identity] + step]
            for identity in lineage.nodes
        }
        for step in (-1, 1)
    }
    for sweep in range(_SWEEPS):
        _order(columns, beside[1 if sweep % 2 else -1], backwards=sweep % 2 == 1)
    rows: dict[str, float] = {}
    for column in columns:
        _spread(column, beside[-1], rows)
    for column in reversed(columns):
        _spread(column, beside[1], rows)
    for column in columns:
        _spread(column, beside[-1], rows)
    top = min(rows.values(), default=0.0)
    places = {identity: Place(depth[identity] * (WIDTH + GAP_X), round(row - top)) for identity, row in rows.items()}
    height = max((place.y for place in places.values()), default=0) + HEIGHT
    return Layout(places, len(columns) * (WIDTH + GAP_X) - GAP_X, height)


def _columns(lineage: Lineage) -> list[list[str]]:
    below = lineage.below()
    columns: list[list[str]] = []
    depth = {lineage.root: 0}
    queue = deque([lineage.root])
    while queue:
        current = queue.popleft()
        if depth[current] == len(columns):
            columns.append([])
        columns[depth[current]].append(current)
        for _, end in below.get(current, ()):
            if end not in depth:
                depth[end] = depth[current] + 1
                queue.append(end)
    rest = [identity for identity in lineage.nodes if identity not in depth]
    return [*columns, rest] if rest else columns


def _order(columns: list[list[str]], beside: Mapping[str, list[str]], *, backwards: bool) -> None:
    """Order every column by the mean position of the neighbours in the one before (or, backwards, after) it."""
    at = {identity: number for column in columns for number, identity in enumerate(column)}
    for column in reversed(columns) if backwards else columns:
        wanted = {
            identity: _mean((at[other] for other in beside[identity]), float(at[identity])) for identity in column
        }
        column.sort(key=wanted.__getitem__)
        at.update((identity, number) for number, identity in enumerate(column))


def _spread(column: list[str], beside: Mapping[str, list[str]], rows: dict[str, float]) -> None:
    """Give every node of a column the row that is closest to its neighbours', in the order of the column.

    With the distances taken off, that is an isotonic regression: neighbours that get in each other's way become one
    block, which stands at the mean of what its members want.
    """
    step = HEIGHT + GAP_Y
    blocks: list[tuple[float, int]] = []
    for number, identity in enumerate(column):
        own = rows.get(identity, number * step)
        wanted = _mean((rows[other] for other in beside[identity] if other in rows), own) - number * step
        block = (wanted, 1)
        while blocks and blocks[-1][0] / blocks[-1][1] >= block[0] / block[1]:
            total, count = blocks.pop()
            block = (total + block[0], count + block[1])
        blocks.append(block)
    at = 0
    for total, count in blocks:
        for _ in range(count):
            rows[column[at]] = total / count + at * step
            at += 1


def _mean(values: Iterable[float], default: float) -> float:
    total, count = 0.0, 0
    for value in values:
        total += value
        count += 1
    return total / count if count else default
