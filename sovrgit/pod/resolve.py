"""Ending a merge that waits: its conflicts are resolved one by one, or it is given up."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Literal, TypeAlias

from sovrgit.errors import Conflicted, NoMerge, PathNotFound
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import EMPTY_TREE_ID
from sovrgit.pod.mergestate import MergeState, forget_state, read_state, write_state
from sovrgit.pod.mergetext import MARKER
from sovrgit.pod.mergetrees import Conflict
from sovrgit.pod.paths import is_within
from sovrgit.pod.pod import Pod
from sovrgit.pod.switch import bring_back
from sovrgit.pod.treediff import diff_trees
from sovrgit.pod.treeedit import TreeEditor

Side: TypeAlias = Literal["ours", "theirs", "done"]
"""Take the side of the branch, take the other one, or the file as it is now."""

_SEARCHED = 64 << 20
"""Bytes of a file in which marks are looked for."""


def resolve(pod: Pod, paths: Sequence[bytes], side: Side, *, time_ns: int, force: bool = False) -> MergeState:
    """Resolve the conflicts at and below paths. What is overwritten is kept for `sovr undo`.

    Args:
        force: with `done`, though marks are left in a file.

    Raises:
        NoMerge: if none waits.
        PathNotFound: if there is no conflict at a path.
        Conflicted: if a file that is said to be done still has the marks.
        SovrError: as for `restore`.
    """
    with pod.lock():
        state = _waiting(pod)
        chosen: dict[bytes, Conflict] = {}
        for path in paths:
            found = [conflict for conflict in state.conflicts if is_within(conflict.path, path)]
            found = found or [conflict for conflict in state.conflicts if is_within(path, conflict.path)]
            if not found:
                raise PathNotFound(path=os.fsdecode(path), where="the conflicts", hint="`sovr status` lists them")
            chosen |= {conflict.path: conflict for conflict in found}
        if side == "done":
            marked = [] if force else [path for path in chosen if _has_marks(pod, path)]
            if marked:
                listed = ", ".join(f"`{os.fsdecode(path)}`" for path in marked)
                raise Conflicted(paths=listed, hint="marks are left in it; `--force` if that is meant")
        else:
            bring_back(pod, _side_tree(pod, chosen, side), list(chosen), command="resolve", time_ns=time_ns)
        state = state.with_resolved(frozenset(chosen))
        write_state(pod, state)
        return state


def abort(pod: Pod, *, time_ns: int) -> MergeState:
    """Give a merge up: what it has written is as it was before, and nothing else is touched.

    Raises:
        NoMerge: if none waits.
        SovrError: as for `restore`.
    """
    with pod.lock():
        state = _waiting(pod)
        ours = pod.store.commit(state.head).tree
        written = [change.path for change in diff_trees(pod.store, ours, state.tree)]
        paths = [*written, *(conflict.path for conflict in state.conflicts)]
        if paths:
            bring_back(pod, ours, paths, command=f"{state.operation} --abort", time_ns=time_ns)
        forget_state(pod)
        return state


def _waiting(pod: Pod) -> MergeState:
    state = read_state(pod)
    if state is None:
        raise NoMerge
    return state


def _side_tree(pod: Pod, chosen: dict[bytes, Conflict], side: Side) -> ObjectId:
    """A tree that has one side of each of the conflicts, and nothing else."""
    editor = TreeEditor(pod.store, EMPTY_TREE_ID)
    for path, conflict in chosen.items():
        editor.put(path, conflict.ours if side == "ours" else conflict.theirs)
    with pod.store.session() as session:
        tree = editor.write(session)
        session.commit()
    return tree


def _has_marks(pod: Pod, path: bytes) -> bool:
    """Whether a file still has a line as it was written between the two sides."""
    try:
        descriptor = os.open(os.path.join(os.fsencode(pod.root), path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    with os.fdopen(descriptor, "rb") as file:
        try:
            content = file.read(_SEARCHED)
        except OSError:  # a folder
            return False
    start, end = (b"\n" + sign * MARKER for sign in (b"<", b">"))
    return start in b"\n" + content and end in content
