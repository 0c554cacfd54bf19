"""Bringing paths into the working tree that were left at a remote."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sovrgit.errors import PathNotFound
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.pod.checkout import apply_changes
from sovrgit.pod.paths import is_within, outermost
from sovrgit.pod.pod import Pod
from sovrgit.pod.switch import check_free
from sovrgit.pod.treediff import Change, find, walk
from sovrgit.pod.worktree import WorkingTree, learn
from sovrgit.progress import SILENT, Progress


@dataclass(frozen=True, slots=True)
class Got:
    """The files that were written, and their bytes."""

    files: int
    size: int


def get_paths(pod: Pod, paths: Sequence[bytes], progress: Progress = SILENT) -> Got:
    """Get what the commit has at some paths, into the working tree. From now on it is here.

    Files that stand in the place of what was left out are not touched. What has arrived stays if the rest fails.

    Raises:
        PathNotFound: if the commit has nothing at a path.
        NotFetched: if the pod has no `supply`. Or what that raises.
        Locked, StorageFull, ReadOnly, StorageFailure, UnsafeName: as for `apply_changes`.
    """
    while True:
        working = WorkingTree.look(pod)
        found = _wanted(working, paths)
        # Without the lock, because it may take long.
        pod.store.ensure(entry.id for _, entry in found if not entry.is_directory)
        with pod.lock():
            working = WorkingTree.look(pod)
            if _wanted(working, paths) == found:
                return _write(pod, working, paths, found, progress)


def _wanted(working: WorkingTree, paths: Sequence[bytes]) -> list[tuple[bytes, TreeEntry]]:
    """The files, links and empty folders at some paths that are not here."""
    store, tree = working.pod.store, working.expected_tree()
    found: dict[bytes, TreeEntry] = {}
    for path in outermost(paths):
        entry = find(store, tree, path) if path else TreeEntry(b"-", EntryKind.DIRECTORY, tree, 0)
        if entry is None:
            raise PathNotFound(path=os.fsdecode(path), where="the commit that is checked out")
        for item in working.absent:
            if is_within(item.path, path):
                found |= dict(walk(store, item.entry, item.path))
            elif is_within(path, item.path):
                found |= dict(walk(store, entry, path))
    return sorted(found.items())


def _write(
    pod: Pod,
    working: WorkingTree,
    paths: Iterable[bytes],
    found: Collection[tuple[bytes, TreeEntry]],
    progress: Progress,
) -> Got:
    changes = [Change(path, None, entry) for path, entry in found]
    size = sum(entry.size for _, entry in found)
    check_free(os.fsencode(pod.root), changes)
    progress.begin("writing files", size, "bytes")
    try:
        apply_changes(pod.store, pod.root, pod.temporary, changes, lambda _, more: progress.advance(more))
    finally:
        progress.end()
    # After the files: what is there is never taken for left out, so that a crash in between does no harm.
    if working.sparse is not None:
        working.sparse.with_paths(outermost(paths), out=False).write(pod.folder)
    learn(pod)
    files = sum(not entry.is_directory for _, entry in found)
    return Got(files, size)
