"""Writing one file, link or folder that is not there yet, out of a tree that nobody has to trust."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sovrgit.errors import UnsafeName
from sovrgit.objects.ids import Data, ObjectId
from sovrgit.objects.tree import EntryKind
from sovrgit.store.files import temporary_name, write_all

if TYPE_CHECKING:
    from sovrgit.store.store import ObjectStore

Advance = Callable[[int, int], None]
"""Told of progress: files and bytes written since the last call."""

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
"""How a file is opened that must not be there."""

_MAX_TARGET = 4095
"""Bytes in the target of a link: PATH_MAX of Linux without the closing NUL."""


def silent(files: int, size: int) -> None:
    """No progress wanted."""


def make_folder(path: bytes) -> None:
    """Make a folder, which must not be there.

    Raises:
        UnsafeName: if it is: this file system takes two names for one.
        OSError: as the operating system reports.
    """
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


def write_new(
    store: ObjectStore, path: bytes, kind: EntryKind, digest: ObjectId, data: Data | None, folder: int | None = None
) -> os.stat_result:
    """Write a blob as a file or link, which must not be there; what the operating system says of it.

    Args:
        data: the verified bytes of the blob, or None for one that is to be written piece by piece.
        folder: a descriptor of the folder that a relative path starts from.

    Raises:
        UnsafeName: if it is there, or the blob cannot be the target of a link.
        ObjectMissing, IntegrityFailure: if the blob cannot be had; nothing is left behind.
        OSError: as the operating system reports; nothing is left behind.
    """
    try:
        if kind is EntryKind.SYMLINK:
            os.symlink(_target(path, data), path, dir_fd=folder)
            return os.lstat(path, dir_fd=folder)
        descriptor = os.open(path, _NEW, 0o777 if kind is EntryKind.EXECUTABLE else 0o666, dir_fd=folder)
    except FileExistsError:
        raise _clash(path) from None
    try:
        if data is None:
            from sovrgit.store.extract import extract

            extract(store, digest, descriptor)
        else:
            write_all(descriptor, data)
        return os.fstat(descriptor)
    except BaseException:
        os.unlink(path, dir_fd=folder)
        raise
    finally:
        os.close(descriptor)


def _target(path: bytes, data: Data | None) -> bytes:
    target = bytes(data) if data is not None and len(data) <= _MAX_TARGET else b""
    if not target or b"\0" in target:
        name = path.rpartition(b"/")[2].decode("utf-8", "backslashreplace")
        raise UnsafeName(name=name, reason="it is a link and its target cannot be one")
    return target


def move_across(staged: bytes, kind: EntryKind, name: bytes, folder: int) -> None:
    """Move a file into an open folder of another file system that is mounted into the pod. It replaces what is there.

    Raises:
        OSError: as the operating system reports; nothing is left behind.
    """
    new = os.fsencode(temporary_name(Path(), ".new"))
    try:
        if kind is EntryKind.SYMLINK:
            os.symlink(os.readlink(staged), new, dir_fd=folder)
        else:
            descriptor = os.open(new, _NEW, 0o777 if kind is EntryKind.EXECUTABLE else 0o666, dir_fd=folder)
            with open(staged, "rb") as source, open(descriptor, "wb") as target:
                shutil.copyfileobj(source, target)
        os.replace(new, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(new, dir_fd=folder)
        raise
