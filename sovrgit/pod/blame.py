"""Which commit each line of a text comes from."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sovrgit.errors import PathNotFound, Unsupported
from sovrgit.objects.commit import Commit
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.pod.align import align
from sovrgit.pod.follow import name_before
from sovrgit.pod.textdiff import MAX_TEXT_SIZE, is_binary, split_lines
from sovrgit.pod.treediff import find

if TYPE_CHECKING:
    from sovrgit.store.store import ObjectStore


@dataclass(frozen=True, slots=True)
class BlamedLine:
    """A line: the commit it comes from, what the file was called there, and its number there, from 1."""

    content: bytes
    commit: ObjectId
    path: bytes
    number: int


def blame(store: ObjectStore, tip: ObjectId, path: bytes) -> list[BlamedLine]:
    """The lines of a file in a commit, each with the commit that wrote it. Changes of the file's name are followed.

    Lines are handed to the parents that have them, and what no parent has was written by the commit itself.

    Raises:
        PathNotFound: if the commit has no such file.
        Unsupported: if it is no text.
    """
    lines = _lines(store, store.commit(tip), path)
    owners: list[BlamedLine | None] = [None] * len(lines)
    # What is looked for in a commit: lines of the result, and which lines of the file they are there. Two of them may
    # be one there, having come by two ways.
    waiting: dict[tuple[ObjectId, bytes], dict[int, int]] = {(tip, path): dict(enumerate(range(len(lines))))}
    order = [(-store.commit(tip).time, tip, path)]
    while order:
        _, identity, name = heapq.heappop(order)
        wanted = waiting.pop((identity, name), None)
        if not wanted:
            continue
        commit = store.commit(identity)
        entry = find(store, commit.tree, name)
        for parent in commit.parents:
            if not wanted:
                break
            before = name_before(store, parent, commit, name, entry)
            if before is None:
                continue
            handed = _in_parent(store, commit, name, store.commit(parent), before, wanted)
            if handed:
                target = waiting.setdefault((parent, before), {})
                if not target:
                    heapq.heappush(order, (-store.commit(parent).time, parent, before))
                target.update(handed)
        for result, number in wanted.items():
            owners[result] = BlamedLine(lines[result], identity, name, number + 1)
    return [owner for owner in owners if owner is not None]


def _in_parent(
    store: ObjectStore, commit: Commit, name: bytes, parent: Commit, before: bytes, wanted: dict[int, int]
) -> dict[int, int]:
    """Those of the wanted lines that a parent has, with their numbers there; they are taken out of `wanted`."""
    here, there = find(store, commit.tree, name), find(store, parent.tree, before)
    if here is not None and there is not None and here.id == there.id:
        handed = dict(wanted)
        wanted.clear()
        return handed
    old, new = _lines(store, parent, before, strict=False), _lines(store, commit, name, strict=False)
    same: dict[int, int] = {}
    at_old = at_new = 0
    for change in align(old, new):
        same.update(zip(range(at_new, change.new_start), range(at_old, change.old_start), strict=True))
        at_old, at_new = change.old_end, change.new_end
    same.update(zip(range(at_new, len(new)), range(at_old, len(old)), strict=True))
    handed = {result: same[number] for result, number in wanted.items() if number in same}
    for result in handed:
        del wanted[result]
    return handed


def _lines(store: ObjectStore, commit: Commit, path: bytes, *, strict: bool = True) -> list[bytes]:
    entry = find(store, commit.tree, path)
    if entry is None or entry.is_directory:
        raise PathNotFound(path=path.decode("utf-8", "backslashreplace"), where="the files of this commit")
    content = bytes(store.read(entry.id, Kind.BLOB)) if entry.size <= MAX_TEXT_SIZE else b"\0"
    if is_binary(content):
        if strict:
            raise Unsupported(
                what=f"telling where the lines of `{path.decode('utf-8', 'backslashreplace')}` come from",
                reason="it is no text",
                hint="`sovr lineage PATH` tells where a file comes from as a whole",
            )
        return []
    return split_lines(content)
