"""Taking back what commands did to refs and files, `undo` itself included."""

from __future__ import annotations

from dataclasses import dataclass

from sovrgit.errors import NothingToUndo
from sovrgit.objects.tree import EMPTY_TREE_ID
from sovrgit.pod.lock import refuse_running
from sovrgit.pod.mergestate import refuse_unfinished
from sovrgit.pod.pod import Pod
from sovrgit.pod.reflog import Move, moves
from sovrgit.pod.refs import DETACHED, HEADS, TAGS, RefChange, Rewritten
from sovrgit.pod.switch import Rewrite

_OURS = (HEADS, TAGS, DETACHED)
"""Refs that the user moves. Where remotes were last seen, and records of runs, are facts that no undo changes."""

_BEGINNINGS = frozenset({"clone", "fork", "import"})
"""Commands that made the pod: without them there would be none."""


@dataclass(frozen=True, slots=True)
class Undone:
    """A move that was taken back; `changed` counts the files that were written."""

    move: Move
    changed: int


def can_be_undone(move: Move) -> bool:
    """Whether a move is one that a user would want to take back."""
    ours = any(change.name.startswith(_OURS) for change in move.changes)
    return ours or move.head != move.was or move.rewritten is not None


def undo(pod: Pod, *, time_ns: int, steps: int = 1) -> list[Undone]:
    """Take back the last commands that moved a branch, a tag or files of the working tree, the last one first.

    A commit that is taken back leaves the files as they are. To take back an `undo` is to do again what it undid.

    Raises:
        MergeUnfinished: if a merge waits; to take that back is to give it up.
        NothingToUndo: if there were not so many; nothing is changed.
        LocalChanges: if files would be overwritten that were changed since; what was taken back until then stays so.
        SovrError: as for `move_to`.
    """
    with pod.lock():
        refuse_unfinished(pod)
        refuse_running(pod.folder, pod.root)
        wanted = [move for move in moves(pod) if can_be_undone(move)][:steps]
        if len(wanted) < steps or any(move.command in _BEGINNINGS for move in wanted):
            raise NothingToUndo
        return [_take_back(pod, move, time_ns) for move in wanted]


def _take_back(pod: Pod, move: Move, time_ns: int) -> Undone:
    before, after = move.rewritten or (EMPTY_TREE_ID, EMPTY_TREE_ID)
    rewrite = Rewrite.prepare(pod, after, before)
    changed = rewrite.run()
    rewritten = Rewritten(rewrite.origin(after), before) if move.rewritten is not None else None
    changes = [
        RefChange(change.name, change.new, change.old) for change in move.changes if change.name.startswith(_OURS)
    ]
    pod.refs.update(changes, command="undo", time_ns=time_ns, head=move.was, rewritten=rewritten)
    rewrite.learn()
    return Undone(move, changed)
