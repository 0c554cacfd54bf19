"""What `diff` and `show` share: finding the two sides and reading their content."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sovrgit.commands.app import App
from sovrgit.errors import NotFetched, RevisionNotFound
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.pod.revisions import resolve_tree
from sovrgit.pod.treediff import Change, diff_trees
from sovrgit.pod.worktree import WorkingTree
from sovrgit.ui.differenceview import MAX_SHOWN, DifferenceView, Reader

if TYPE_CHECKING:
    from sovrgit.pod.renames import Rename


def split_arguments(app: App, arguments: Sequence[str]) -> tuple[list[ObjectId], list[bytes]]:
    """The trees and the paths that the arguments of `diff` name."""
    revisions: list[ObjectId] = []
    waiting = list(arguments)
    if waiting and ".." in waiting[0] and not (app.folder / waiting[0]).exists():
        old, _, new = waiting.pop(0).partition("..")
        revisions = [resolve_tree(app.pod, old or "HEAD"), resolve_tree(app.pod, new or "HEAD")]
    while waiting and len(revisions) < 2:
        try:
            revisions.append(resolve_tree(app.pod, waiting[0]))
        except RevisionNotFound:
            if not os.path.lexists(app.folder / waiting[0]) and not revisions:
                raise
            break
        waiting.pop(0)
    return revisions, [app.in_pod(path) for path in waiting]


def compare_trees(
    app: App,
    old: ObjectId,
    new: ObjectId,
    *,
    paths: Sequence[bytes] = (),
    stat: bool = False,
    name_only: bool = False,
    by_key: bool | None = None,
    renames: bool = True,
) -> DifferenceView:
    """The differences between two trees."""
    changes = [change for change in diff_trees(app.pod.store, old, new) if _wanted(change, paths)]
    stored = _stored(app, fetch=not stat)
    return _view(changes, stored, stored, stat, name_only, by_key, renames)


def compare_working(
    app: App,
    tree: ObjectId | None,
    *,
    paths: Sequence[bytes] = (),
    stat: bool = False,
    name_only: bool = False,
    by_key: bool | None = None,
    renames: bool = True,
) -> DifferenceView:
    """The differences of the working tree from a tree, or from the last commit."""
    working = WorkingTree.look(app.pod)
    if tree is not None:
        working.head_tree = tree
    changes = [change for change in working.changes() if _wanted(change, paths)]
    stored = _stored(app, fetch=not stat)
    return _view(changes, stored, _on_disk(app, working, stored), stat, name_only, by_key, renames)


def _view(
    changes: list[Change],
    old: Reader,
    new: Reader,
    stat: bool,
    name_only: bool,
    by_key: bool | None,
    renames: bool,
) -> DifferenceView:
    found: list[Rename] = []
    if renames and not name_only and {"added", "removed"} <= {change.kind for change in changes}:
        from sovrgit.pod.renames import find_renames

        found = find_renames(changes, old, new)
    return DifferenceView(changes, old, new, stat, name_only, by_key, found)


def _wanted(change: Change, paths: Sequence[bytes]) -> bool:
    return not paths or any(not path or change.path == path or change.path.startswith(path + b"/") for path in paths)


def _stored(app: App, *, fetch: bool) -> Callable[[bytes, TreeEntry], bytes]:
    """Reads what is stored.

    Args:
        fetch: whether content is got that was left at a remote.
    """

    def read(_: bytes, entry: TreeEntry) -> bytes:
        if entry.is_directory or entry.size > MAX_SHOWN:
            return b""
        if not fetch and app.pod.is_partial and app.pod.store.absent([entry.id]):
            raise NotFetched(id=entry.id.short)
        return bytes(app.pod.store.read(entry.id, Kind.BLOB))

    return read


def _on_disk(
    app: App, working: WorkingTree, stored: Callable[[bytes, TreeEntry], bytes]
) -> Callable[[bytes, TreeEntry], bytes]:
    def read(path: bytes, entry: TreeEntry) -> bytes:
        if working.is_absent(path):
            return stored(path, entry)
        full = os.path.join(os.fsencode(app.pod.root), path)
        if entry.kind is EntryKind.SYMLINK:
            return os.readlink(full)
        if entry.is_directory or entry.size > MAX_SHOWN:
            return b""
        with open(full, "rb") as file:
            return file.read(MAX_SHOWN + 1)

    return read
