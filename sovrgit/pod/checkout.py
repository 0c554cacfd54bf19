"""Writing the differences of two trees into a working tree."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sovrgit.errors import LocalChanges, UnsafeName
from sovrgit.objects.ids import Kind
from sovrgit.objects.tree import TreeEntry
from sovrgit.pod.aliases import refuse_aliases
from sovrgit.pod.newfile import Advance, make_folder, move_across, silent, write_new
from sovrgit.pod.paths import folders_above
from sovrgit.pod.treediff import Change
from sovrgit.store.files import reporting, temporary_name

if TYPE_CHECKING:
    from sovrgit.store.store import ObjectStore


def apply_changes(
    store: ObjectStore, root: Path, temporary: Path, changes: Iterable[Change], advance: Advance = silent
) -> None:
    """Bring a working tree from the old side of the changes to the new one.

    All new content is written and verified in `temporary`, and the way to every path looked at, before the first file
    of the working tree is touched: a full disk, a damaged object or a link in the way leaves it as it was. Folders are
    entered without following links. Files at the paths of changes are replaced, whatever is in them.

    Raises:
        UnsafeName: if a folder on the way is a link or a file, two names are the same to this file system, one is a
            repository's, or a link has no possible target.
        LocalChanges: if a file is to take the place of a folder in which something is left.
        ObjectMissing, IntegrityFailure, StorageFull, ReadOnly, StorageFailure: as for `write_tree`.
    """
    wanted = list(changes)
    stage = temporary_name(temporary, "checkout")
    with reporting(root):
        _check_way(os.fsencode(root), wanted)
        # All at once, if some of it was left at a remote.
        store.ensure(change.new.id for change in wanted if change.new is not None and not change.new.is_directory)
        stage.mkdir()
        try:
            _stage(store, os.fsencode(stage), wanted, advance)
            for change in wanted:
                if change.old is not None and change.new is None:
                    _remove(root, change.path, change.old)
            for change in wanted:
                if change.new is not None:
                    _place(root, change.path, change.new, os.fsencode(stage))
        finally:
            shutil.rmtree(stage, ignore_errors=True)


def _check_way(root: bytes, changes: list[Change]) -> None:
    going = {change.path for change in changes if change.new is None}
    passable: set[bytes] = set()
    for path, _, new in changes:
        for folder in folders_above(path):
            if folder in passable:
                continue
            if not _is_folder_or_free(root, folder, going):
                raise UnsafeName(
                    name=path.decode("utf-8", "backslashreplace"),
                    reason=f"`{folder.decode('utf-8', 'backslashreplace')}` on the way is a link or a file",
                    hint="move it out of the way and repeat the command",
                )
            passable.add(folder)
        if new is None:
            continue
        refuse_aliases([path])
        if new.is_directory:
            if not _is_folder_or_free(root, path, going):
                raise LocalChanges(paths=f"`{os.fsdecode(path)}`")
        elif (left := _left_in(root, path, going)) is not None:
            raise LocalChanges(
                paths=f"`{os.fsdecode(left)}`", hint=f"a file is to take the place of the folder `{os.fsdecode(path)}`"
            )


def _is_folder_or_free(root: bytes, path: bytes, going: set[bytes]) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(root + b"/" + path).st_mode) or path in going
    except (FileNotFoundError, NotADirectoryError):
        return True


def _left_in(root: bytes, path: bytes, going: set[bytes]) -> bytes | None:
    """A file or link below a path that the changes do not remove."""
    top = root + b"/" + path
    if os.path.islink(top):
        return None
    for folder, folders, files in os.walk(top):
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in (*files, *links):
            found = os.path.join(folder, name)[len(root) + 1 :]
            if found not in going:
                return found
    return None


def _stage(store: ObjectStore, stage: bytes, changes: list[Change], advance: Advance) -> None:
    """Write the new content at the paths that it will have, so that names clash here if they clash at all."""
    made: set[bytes] = set()
    for path, _, new in changes:
        if new is None:
            continue
        for folder in (*folders_above(path), *([path] if new.is_directory else [])):
            if folder not in made:
                make_folder(stage + b"/" + folder)
                made.add(folder)
        if not new.is_directory:
            data = None if store.location(new.id).size >= _STREAM_FROM else store.read(new.id, Kind.BLOB)
            advance(1, write_new(store, stage + b"/" + path, new.kind, new.id, data).st_size)


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


def _place(root: Path, path: bytes, entry: TreeEntry, stage: bytes) -> None:
    folder, _, name = path.rpartition(b"/")
    with _entered(root, folder, make=True) as descriptor:
        if entry.is_directory:
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, dir_fd=descriptor)
            return
        staged = stage + b"/" + path
        try:
            os.replace(staged, name, dst_dir_fd=descriptor)
        except IsADirectoryError:
            # Nothing is in it but folders: that was looked at before.
            for _, folders, _, below in os.fwalk(name, topdown=False, dir_fd=descriptor):
                for child in folders:
                    os.rmdir(child, dir_fd=below)
            os.rmdir(name, dir_fd=descriptor)
            os.replace(staged, name, dst_dir_fd=descriptor)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            move_across(staged, entry.kind, name, descriptor)


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
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)
