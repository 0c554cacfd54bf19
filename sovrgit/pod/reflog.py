"""What the journal tells: where refs were, what moved them, and what was checked out before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sovrgit.errors import RevisionNotFound
from sovrgit.objects.ids import ObjectId
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import RefChange, Rewritten


class Move(NamedTuple):
    """What one command did. `was` and `head` are what was checked out before and after it."""

    time_ns: int
    command: str
    was: str
    head: str
    changes: tuple[RefChange, ...]
    rewritten: Rewritten | None


class Position(NamedTuple):
    """Where a ref was after a move; None if it was not there."""

    id: ObjectId | None
    before: ObjectId | None
    move: Move


def moves(pod: Pod) -> list[Move]:
    """Everything that moved refs or the working tree, newest first. What a damaged line said is left out.

    Raises:
        StorageFailure: if the journal cannot be read.
    """
    found = (_move(entry) for entry in reversed(pod.refs.journal()))
    return [move for move in found if move is not None]


def positions(pod: Pod, ref: str) -> Iterator[Position]:
    """Where a ref was, newest first: of `HEAD` also what moved it from one branch to another."""
    refs = pod.refs.read()
    # HEAD is where its branch is, so its way is found by going back from how things are now.
    values = dict(refs.values)
    for move in moves(pod):
        if ref != "HEAD":
            change = next((change for change in move.changes if change.name == ref), None)
            if change is not None:
                yield Position(change.new, change.old, move)
            continue
        after = values.get(move.head)
        for change in move.changes:
            if change.old is None:
                values.pop(change.name, None)
            else:
                values[change.name] = change.old
        before = values.get(move.was)
        if move.was != move.head or before != after:
            yield Position(after, before, move)


def position(pod: Pod, ref: str, number: int, revision: str) -> ObjectId:
    """Where a ref was so many moves ago; 0 is now.

    Raises:
        RevisionNotFound: if it has not moved so often; `revision` is what is said to be missing.
    """
    refs = pod.refs.read()
    found = refs.current() if ref == "HEAD" else refs.values.get(ref)
    count = 0
    for place in positions(pod, ref):
        if count == number:
            break
        found, count = place.before, count + 1
    if found is None or count < number:
        raise RevisionNotFound(revision=revision, hint="`sovr reflog` lists where it was")
    return found


def position_at(pod: Pod, ref: str, time_ns: int, revision: str) -> ObjectId:
    """Where a ref was at a time, in nanoseconds since 1970.

    Raises:
        RevisionNotFound: if it was not there yet.
    """
    refs = pod.refs.read()
    found = refs.current() if ref == "HEAD" else refs.values.get(ref)
    for place in positions(pod, ref):
        if place.move.time_ns <= time_ns:
            break
        found = place.before
    if found is None:
        raise RevisionNotFound(revision=revision, hint="it was not there yet; `sovr reflog` lists where it was")
    return found


def checked_out_before(pod: Pod, number: int) -> str | None:
    """The branch that was checked out so many switches ago, None if there were not so many."""
    for move in moves(pod):
        if move.was != move.head:
            number -= 1
            if number == 0:
                return move.was
    return None


def time_of(text: str) -> int | None:
    """A date, with or without a time of day, in nanoseconds since 1970; without a zone it is a local time."""
    from datetime import datetime

    try:
        return int(datetime.fromisoformat(text).timestamp()) * 1_000_000_000
    except ValueError:
        return None


def _move(entry: dict[str, object]) -> Move | None:
    try:
        time_ns, command, head = entry["time"], entry["command"], entry["head"]
        was, changes, worktree = entry.get("from", head), entry["changes"], entry.get("worktree")
        if not (isinstance(time_ns, int) and isinstance(command, str) and isinstance(head, str)):
            return None
        if not (isinstance(was, str) and isinstance(changes, list)):
            return None
        return Move(
            time_ns,
            command,
            was,
            head,
            tuple(RefChange(str(name), _id(old), _id(new)) for name, old, new in changes),
            Rewritten(*map(ObjectId.parse, worktree)) if isinstance(worktree, list) else None,
        )
    except (KeyError, ValueError, TypeError):
        return None


def _id(text: str) -> ObjectId | None:
    return ObjectId.parse(text) if text else None
