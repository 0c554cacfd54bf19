"""Getting paths whose content was left at a remote, or all of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from sovrgit.errors import PathNotFound
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.pod.checkout import apply_changes
from sovrgit.pod.paths import is_within, outermost
from sovrgit.pod.pod import Pod
from sovrgit.pod.sparse import SPARSE_FILE
from sovrgit.pod.switch import check_free, learn
from sovrgit.pod.treediff import Change, find, walk
from sovrgit.pod.worktree import WorkingTree
from sovrgit.progress import SILENT, Progress
from sovrgit.remotes.obtain import Obtained
from sovrgit.remotes.promises import PROMISED, Promises, known_manifests
from sovrgit.remotes.state import RemoteState
from sovrgit.remotes.supply import Supply
from sovrgit.store.files import reporting


@dataclass(frozen=True, slots=True)
class Got:
    """What came: the files and their bytes that were written, and what was fetched for them."""

    files: int
    size: int
    obtained: Obtained
    whole: bool = False


def get_paths(pod: Pod, paths: Sequence[bytes], supply: Supply, progress: Progress = SILENT) -> Got:
    """Get what the commit has at some paths, into the working tree. From now on it is here.

    Files that stand in the place of what was left out are not touched. What has arrived stays if the rest fails.

    Raises:
        PathNotFound: if the commit has nothing at a path.
        NotFetched, RemoteUnavailable, RemoteDamaged: as for `sovrgit.remotes.obtain.obtain`.
        Locked, StorageFull, ReadOnly, StorageFailure, UnsafeName: as for `apply_changes`.
    """
    total = Obtained()
    while True:
        working = WorkingTree.look(pod)
        found = _wanted(working, paths)
        # Without the lock, because it may take long.
        got = supply.get([entry.id for _, entry in found if not entry.is_directory])
        total = Obtained(total.objects + got.objects, total.bytes + got.bytes, total.packs + got.packs)
        with pod.lock():
            working = WorkingTree.look(pod)
            if _wanted(working, paths) != found:
                continue
            return replace(_write(pod, working, paths, found, progress), obtained=total)


def get_all(pod: Pod, supply: Supply, progress: Progress = SILENT) -> Got:
    """Get everything that remotes hold, of all commits. The pod is a whole one from then on.

    Raises:
        SovrError: as for `get_paths`.
    """
    promises = Promises.of(pod)
    absent = pod.store.absent([item for item, _ in promises.all()])
    obtained = supply.get(absent, promises)
    got = get_paths(pod, [b""], supply, progress)
    with pod.lock():
        for name, manifest in known_manifests(pod).items():
            known = frozenset(pack.id for pack in manifest.packs)
            replace(RemoteState.load(pod.folder, name), known=known).save(pod.folder, name)
        with reporting(pod.folder):
            (pod.folder / SPARSE_FILE).unlink(missing_ok=True)
        shutil.rmtree(pod.folder / PROMISED, ignore_errors=True)
    return replace(got, obtained=obtained, whole=True)


def _wanted(working: WorkingTree, paths: Sequence[bytes]) -> list[tuple[bytes, TreeEntry]]:
    """The files, links and empty folders at some paths that are not here."""
    store, tree = working.pod.store, working.head_tree
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
    return Got(files, size, Obtained())
