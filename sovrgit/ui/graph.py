"""Drawing how commits follow each other, one column a line of history."""

from __future__ import annotations

from collections.abc import Sequence

from sovrgit.objects.commit import Commit
from sovrgit.objects.ids import ObjectId


def draw(commits: Sequence[tuple[ObjectId, Commit]]) -> list[tuple[str, str]]:
    """What stands before each commit: before its first line, and before the others.

    Parents that are not in the list end their column, as they do in a history that was cut short.
    """
    listed = {identity for identity, _ in commits}
    columns: list[ObjectId] = []
    rows = []
    for identity, commit in commits:
        if identity not in columns:
            columns.append(identity)
        here = columns.index(identity)
        first = "".join("* " if at == here else "| " for at in range(len(columns)))
        parents = [parent for parent in commit.parents if parent in listed]
        before = len(columns)
        columns[here : here + 1] = [parent for parent in parents if parent not in columns]
        rest = _between(columns, before, here, bool(parents))
        rows.append((first, rest))
    return rows


def _between(columns: Sequence[ObjectId], before: int, here: int, goes_on: bool) -> str:
    after = len(columns)
    if after == before:
        return "| " * after
    if after > before:
        return "| " * (here + 1) + "\\ " * (after - before) + "| " * (before - here - 1)
    return "| " * here + ("/ " if goes_on else "  ") + "| " * (before - here - 1)
