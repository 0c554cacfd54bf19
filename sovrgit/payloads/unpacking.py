"""Archives as payload: what is in one is stored as if it had been a folder, as the first Sovr CLI unpacked it."""

from __future__ import annotations

import os
import shutil

from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.pod.pod import Pod
from sovrgit.progress import SILENT, Progress
from sovrgit.remotes.firstcli.adopt import store_unpacked
from sovrgit.remotes.firstcli.archive import unpack
from sovrgit.remotes.firstcli.members import LIMITS, Limits
from sovrgit.store.extract import extract
from sovrgit.store.files import reporting, temporary_name
from sovrgit.store.store import ObjectStore

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz")
"""How the names of archives end that are unpacked; other files stay as they are."""


def is_archive(path: str, entry: TreeEntry) -> bool:
    """Whether a file of another pod is unpacked where it is payload."""
    return not entry.is_directory and path.lower().endswith(ENDINGS)


def store_archive(
    store: ObjectStore,
    archive: ObjectId,
    pod: Pod,
    name: str,
    *,
    limits: Limits = LIMITS,
    progress: Progress = SILENT,
) -> TreeEntry:
    """Store what is in an archive in the store of a pod, as a folder; its entry.

    Args:
        store: has the archive.
        name: what messages call it.

    Raises:
        ArchiveInvalid, UnsafeName: if it is none, or not one to unpack. Nothing of it is left.
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    folder = temporary_name(pod.temporary, "external")
    try:
        with reporting(folder):
            folder.mkdir()
            descriptor = os.open(folder / "archive", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                extract(store, archive, descriptor)
            finally:
                os.close(descriptor)
        progress.begin("writing files", 0, "bytes")
        try:
            unpacked = unpack(folder / "archive", folder / "files", name=name, limits=limits, advance=progress.advance)
        finally:
            progress.end()
        with reporting(folder), pod.store.session() as session:
            tree = store_unpacked(pod, session, folder / "files", unpacked)
            session.commit()
        return TreeEntry(b"", EntryKind.DIRECTORY, tree, pod.store.tree(tree).size)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
