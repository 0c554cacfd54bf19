"""Turning the working tree into tree objects, storing what is new."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sovrgit.errors import FileUnstable
from sovrgit.objects.ids import Kind, ObjectId, blob_id
from sovrgit.objects.tree import Tree, TreeEntry
from sovrgit.pod import halves, secondprocess
from sovrgit.pod.aliases import refuse_aliases
from sovrgit.pod.index import (
    DIRECTORY,
    ENTRY_KINDS,
    EXECUTABLE,
    FILE,
    SPECIAL,
    SYMLINK,
    UNKNOWN,
    Folder,
    Index,
    children_first,
    join,
    storable,
)
from sovrgit.pod.reading import unreadable
from sovrgit.pod.scan import Scan
from sovrgit.pod.stamps import kind_of
from sovrgit.store.format import CHUNK_FROM
from sovrgit.store.session import WriteSession

_ATTEMPTS = 3
"""Times a file is read again when it changed under our hands."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A stored state of the working tree. `special` lists sockets, devices and pipes, which are left out."""

    tree: ObjectId
    size: int
    special: tuple[str, ...]


def take_snapshot(root: Path, found: Scan, index: Index, session: WriteSession) -> Snapshot:
    """Store the content of all files that changed and the trees of all folders that did.

    The index is updated in memory; it may be saved once the session is committed.

    Raises:
        FileUnstable: if a file keeps changing while it is read, or is gone.
        StorageFailure: if a file cannot be read.
        UnsafeName: if a file has a name that no tree can hold.
    """
    index.folders = found.folders
    waiting = children_first({path: folder for path, folder in found.folders.items() if not folder.tree})
    unknown = [len(_unknown(found.folders[path])) for path in waiting]
    separate = session.separate() if sum(unknown) >= halves.WORTHWHILE and secondprocess.can_fork() else None
    if separate is not None:
        _store_in_halves(os.fspath(root), found.folders, waiting, unknown, session, separate)
    else:
        _store(os.fspath(root), found.folders, waiting, session)
    # Files may have got new stamps while they were read, which are as young as those of a changed folder.
    found.changed.update(path for path, count in zip(waiting, unknown, strict=True) if count)
    top = found.folders[""]
    special = tuple(
        join(path, name)
        for path in sorted(found.folders)
        if SPECIAL in found.folders[path].kinds
        for name, kind in zip(found.folders[path].names, found.folders[path].kinds, strict=True)
        if kind == SPECIAL
    )
    return Snapshot(ObjectId(top.tree), top.size, special)


def _store(root: str, folders: dict[str, Folder], paths: Iterable[str], session: WriteSession) -> None:
    for path in paths:
        folder = folders[path]
        if not folder.tree:
            _store_files(root, path, folder, session)
            folder.tree, folder.size = _store_tree(path, folder, folders, session)


def _store_in_halves(
    root: str,
    folders: dict[str, Folder],
    paths: list[str],
    unknown: list[int],
    session: WriteSession,
    separate: WriteSession,
) -> None:
    mine, others = secondprocess.split(paths, unknown)
    # A folder's tree needs those below it, so the child makes the trees of folders without subfolders only.
    others = [path for path in others if DIRECTORY not in folders[path].kinds]

    def store_others(own: WriteSession) -> dict[str, Folder]:
        _store(root, folders, others, own)
        return {path: folders[path] for path in others}

    kept = set(others)
    with halves.storing_in_child(session, separate, store_others) as result:
        _store(root, folders, (path for path in mine if DIRECTORY not in folders[path].kinds), session)
        share = result()
        if share is not None:
            folders.update(share.folders)
            session.include(share.packs, share.objects, share.size)
    # What is left: folders with subfolders, and everything that a child which died was to do.
    _store(root, folders, (path for path in paths if path in kept or not folders[path].tree), session)


def _unknown(folder: Folder) -> list[int]:
    """Positions of the files and links whose content is not known."""
    unknown = [position for position, digest in enumerate(folder.all_ids()) if digest == UNKNOWN]
    return [position for position in unknown if folder.inodes[position]]


def _store_files(root: str, path: str, folder: Folder, session: WriteSession) -> None:
    unknown = _unknown(folder)
    if not unknown:
        return
    try:
        descriptor = os.open(f"{root}/{path}", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise unreadable(error, path) from error
    name = ""
    try:
        for position in unknown:
            name, kind = folder.names[position], folder.kinds[position]
            if kind == FILE or kind == EXECUTABLE:
                _store_file(descriptor, name, path, folder, position, session)
            elif kind == SYMLINK:
                target = os.fsencode(os.readlink(name, dir_fd=descriptor))
                folder.set_id(position, session.add(Kind.BLOB, target))
                folder.sizes[position] = len(target)
    except OSError as error:
        raise unreadable(error, join(path, name)) from error
    finally:
        os.close(descriptor)


def _store_file(parent: int, name: str, path: str, folder: Folder, position: int, session: WriteSession) -> None:
    for _ in range(_ATTEMPTS):
        # Not blocking, in case a pipe has taken the file's place.
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=parent)
        try:
            expected = folder.sizes[position]
            if expected < CHUNK_FROM:
                data = os.read(descriptor, expected + 1)
                size = len(data)
            else:
                data = b""
                file = os.fdopen(descriptor, "rb", buffering=0, closefd=False)
                digest, size = session.add_stream(file.readinto)
            after = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        kind = kind_of(after.st_mode)
        if kind != FILE and kind != EXECUTABLE:
            break
        # Written to since it was looked at, perhaps while it was read: look and read once more.
        if (
            size != after.st_size
            or after.st_ctime_ns != folder.ctimes[position]
            or storable(after.st_mtime_ns) != folder.mtimes[position]
            or after.st_size != expected
        ):
            folder.kinds[position] = kind
            folder.sizes[position] = after.st_size
            folder.mtimes[position] = storable(after.st_mtime_ns)
            folder.ctimes[position] = after.st_ctime_ns
            folder.inodes[position] = after.st_ino
            continue
        if expected < CHUNK_FROM:
            digest = blob_id(data)
            session.add_hashed(Kind.BLOB, digest, data)
        folder.set_id(position, digest)
        return
    raise FileUnstable(path=join(path, name))


def _store_tree(path: str, folder: Folder, folders: dict[str, Folder], session: WriteSession) -> tuple[ObjectId, int]:
    entries = []
    total = 0
    for name, kind, size, digest in zip(folder.names, folder.kinds, folder.sizes, folder.all_ids(), strict=True):
        entry_kind = ENTRY_KINDS.get(kind)
        if entry_kind is None:
            continue
        if kind == DIRECTORY:
            below = folders[join(path, name)]
            digest, size = below.tree, below.size
        entries.append(TreeEntry(os.fsencode(name), entry_kind, ObjectId(digest), size))
        total += size
    # Nobody could check it out.
    refuse_aliases(entry.name for entry in entries)
    return session.add(Kind.TREE, Tree.of(entries).encode()), total
