"""Writing trees out as files: a whole one into a new folder, or the differences into a working tree."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sovrgit.errors import UnsafeName
from sovrgit.objects.ids import Data, Kind, ObjectId
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.pod.index import (
    DIRECTORY,
    EXECUTABLE,
    FILE,
    IGNORED,
    NO_STAMP,
    SYMLINK,
    UNKNOWN,
    Folder,
    Index,
)
from sovrgit.pod.treediff import Change
from sovrgit.store.files import reporting, temporary_name, write_all

if TYPE_CHECKING:
    from sovrgit.store.store import ObjectStore

_KIND_BYTES = {EntryKind.FILE: FILE, EntryKind.EXECUTABLE: EXECUTABLE, EntryKind.SYMLINK: SYMLINK}

Advance = Callable[[int, int], None]
"""Told of progress: files and bytes written since the last call."""


def _silent(files: int, size: int) -> None:
    """No progress wanted."""


# --- a whole tree -----------------------------------------------------------------------------------------------


def write_tree(store: ObjectStore, tree: ObjectId, root: Path, advance: Advance = _silent) -> Index:
    """Write a tree into a folder that is new or empty but for `.sovr`, and give the index that describes it.

    Every byte is verified before the file it belongs to is complete. Nothing that exists is overwritten or followed.

    Raises:
        UnsafeName: if two names are the same to this file system.
        ObjectMissing, IntegrityFailure: if the store does not hold the tree.
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    top = os.fsencode(root)
    folders: dict[bytes, tuple[ObjectId, int, dict[bytes, TreeEntry]]] = {}
    targets: dict[ObjectId, list[tuple[bytes, EntryKind]]] = {}
    rows: dict[bytes, tuple[int, os.stat_result, ObjectId]] = {}

    def gather(path: bytes, digest: ObjectId, size: int) -> None:
        entries = store.tree(digest).entries
        folders[path] = (digest, size, {entry.name: entry for entry in entries})
        for entry in entries:
            full = path + b"/" + entry.name if path else entry.name
            if entry.is_directory:
                _make_folder(top + b"/" + full)
                gather(full, entry.id, entry.size)
            else:
                targets.setdefault(entry.id, []).append((full, entry.kind))

    with reporting(root):
        gather(b"", tree, store.tree(tree).size)
        for digest, data in store.read_many(targets):
            for path, kind in targets[digest]:
                found = _write_new(store, top + b"/" + path, kind, digest, data)
                rows[path] = (_KIND_BYTES[kind], found, digest)
                advance(1, found.st_size)
        return _index_of(top, folders, rows, tree)


def _make_folder(path: bytes) -> None:
    try:
        os.mkdir(path)
    except FileExistsError:
        raise _clash(path) from None


def _clash(path: bytes) -> UnsafeName:
    return UnsafeName(
        name=path.rpartition(b"/")[2].decode("utf-8", "backslashreplace"),
        reason="this file system does not tell it from another name in the same folder",
        hint="use a file system that tells upper from lower case and one Unicode form from another",
    )


def _write_new(store: ObjectStore, path: bytes, kind: EntryKind, digest: ObjectId, data: Data | None) -> os.stat_result:
    from sovrgit.store.extract import extract

    try:
        if kind is EntryKind.SYMLINK:
            os.symlink(bytes(data if data is not None else store.read(digest, Kind.BLOB)), path)
            return os.lstat(path)
        mode = 0o777 if kind is EntryKind.EXECUTABLE else 0o666
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    except FileExistsError:
        raise _clash(path) from None
    try:
        if data is None:
            extract(store, digest, descriptor)
        else:
            write_all(descriptor, data)
        return os.fstat(descriptor)
    except BaseException:
        os.unlink(path)
        raise
    finally:
        os.close(descriptor)


def _index_of(
    top: bytes,
    folders: dict[bytes, tuple[ObjectId, int, dict[bytes, TreeEntry]]],
    rows: dict[bytes, tuple[int, os.stat_result, ObjectId]],
    tree: ObjectId,
) -> Index:
    index = Index(head=tree)
    for path, (digest, size, entries) in folders.items():
        descriptor = os.open(top + b"/" + path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            folder = Folder.empty(os.fstat(descriptor).st_mtime_ns)
            names = os.listdir(descriptor)
        finally:
            os.close(descriptor)
        for name in names:
            entry = entries.get(os.fsencode(name))
            if entry is None:
                folder.append(name, IGNORED, 0, 0, 0, 0, UNKNOWN)
            elif entry.is_directory:
                folder.append(name, DIRECTORY, 0, 0, 0, 0, UNKNOWN)
            else:
                kind, found, blob = rows[path + b"/" + entry.name if path else entry.name]
                folder.append(name, kind, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, blob)
        if len(names) != len(entries):
            # Something else is in the folder, `.sovr` at least: let the next look decide what it is.
            folder.modified = NO_STAMP
        folder.tree, folder.size = digest, size
        index.folders[os.fsdecode(path)] = folder
    return index


# --- differences ------------------------------------------------------------------------------------------------


def apply_changes(
    store: ObjectStore, root: Path, temporary: Path, changes: Iterable[Change], advance: Advance = _silent
) -> None:
    """Bring a working tree from the old side of the changes to the new one.

    All new content is written and verified in `temporary` before the first file of the working tree is touched, so
    that a full disk or a damaged object leaves it as it was. Folders are entered without following links.

    Raises:
        UnsafeName: if a folder on the way is a link.
        ObjectMissing, IntegrityFailure, StorageFull, ReadOnly, StorageFailure: as for `write_tree`.
    """
    wanted = list(changes)
    stage = temporary_name(temporary, "checkout")
    with reporting(root):
        stage.mkdir()
        try:
            staged = _stage(store, stage, wanted, advance)
            for change in wanted:
                if change.old is not None and (change.new is None or change.old.is_directory):
                    _remove(root, change.path, change.old)
            for change in wanted:
                if change.new is not None:
                    _place(root, change.path, change.new, staged.get(change.path))
        finally:
            shutil.rmtree(stage, ignore_errors=True)


def _stage(store: ObjectStore, stage: Path, changes: list[Change], advance: Advance) -> dict[bytes, bytes]:
    staged: dict[bytes, bytes] = {}
    for number, change in enumerate(changes):
        if change.new is None or change.new.is_directory:
            continue
        place = os.fsencode(stage / str(number))
        location = store.location(change.new.id)
        data = None if location.size >= _STREAM_FROM else store.read(change.new.id, Kind.BLOB)
        found = _write_new(store, place, change.new.kind, change.new.id, data)
        staged[change.path] = place
        advance(1, found.st_size)
    return staged


_STREAM_FROM = 4 << 20
"""Bytes from which a file is written piece by piece."""


def _remove(root: Path, path: bytes, entry: TreeEntry) -> None:
    folder, _, name = path.rpartition(b"/")
    with contextlib.suppress(FileNotFoundError), _entered(root, folder, make=False) as descriptor:
        if entry.is_directory:
            # Not empty any more: somebody else's files are in it, and they stay.
            with contextlib.suppress(OSError):
                os.rmdir(name, dir_fd=descriptor)
        else:
            os.unlink(name, dir_fd=descriptor)
    _remove_empty(root, folder)


def _remove_empty(root: Path, folder: bytes) -> None:
    """Remove folders that were emptied, upwards, until one has something in it."""
    while folder:
        above, _, name = folder.rpartition(b"/")
        try:
            with _entered(root, above, make=False) as descriptor:
                os.rmdir(name, dir_fd=descriptor)
        except OSError:
            return
        folder = above


def _place(root: Path, path: bytes, entry: TreeEntry, staged: bytes | None) -> None:
    folder, _, name = path.rpartition(b"/")
    with _entered(root, folder, make=True) as descriptor:
        if staged is None:
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, dir_fd=descriptor)
        else:
            os.replace(staged, name, dst_dir_fd=descriptor)


@contextlib.contextmanager
def _entered(root: Path, folder: bytes, *, make: bool) -> Iterator[int]:
    """A descriptor of a folder below the pod's root, reached without following any link."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(root, flags & ~os.O_NOFOLLOW)
    try:
        for name in folder.split(b"/") if folder else []:
            try:
                below = os.open(name, flags, dir_fd=descriptor)
            except FileNotFoundError:
                if not make:
                    raise
                os.mkdir(name, dir_fd=descriptor)
                below = os.open(name, flags, dir_fd=descriptor)
            except (NotADirectoryError, OSError) as error:
                raise UnsafeName(
                    name=folder.decode("utf-8", "backslashreplace"),
                    reason=f"a folder on the way is a link or a file ({error.strerror})",
                    hint="move it out of the way and repeat the command",
                ) from None
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)
