"""Unpacking an archive that a stranger made: everything in a new folder, or nothing."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from sovrgit.errors import ArchiveInvalid, PodExists, UnsafeName
from sovrgit.objects.tree import EntryKind
from sovrgit.remotes.firstcli.members import (
    LIMITS,
    LONGEST_TARGET,
    Limits,
    Member,
    Meter,
    Places,
    Refused,
    repository_in,
    safe_target,
)
from sovrgit.remotes.firstcli.tararchive import TarArchive
from sovrgit.remotes.firstcli.ziparchive import ZipArchive, looks_like_zip
from sovrgit.store.files import reporting, write_all

_COPY_PIECE = 1 << 18


class UnpackedFile(NamedTuple):
    """A file or link that was unpacked; its path in the folder."""

    path: bytes
    kind: EntryKind


class Unpacked(NamedTuple):
    """What was unpacked.

    `folders` are those that the archive lists itself. `size` is in bytes. `newest` is the latest time that the archive
    notes, in seconds since 1970. `left_out` are repositories that were in the archive, by the way to each.
    """

    files: tuple[UnpackedFile, ...]
    folders: tuple[bytes, ...]
    size: int
    newest: int
    left_out: tuple[bytes, ...]


def unpack(
    archive: Path,
    folder: Path,
    *,
    name: str | None = None,
    limits: Limits = LIMITS,
    advance: Callable[[int], None] = lambda _: None,
) -> Unpacked:
    """Unpack a zip, tar or tar.gz archive into a new folder.

    Repositories, of ours or of Git, are left out: what is in them could act on this user's behalf.

    Args:
        folder: must not exist; the folder above it must.
        name: what messages call the archive.
        advance: told of bytes written.

    Raises:
        ArchiveInvalid: if the archive is damaged, exceeds the limits, or holds more than files, folders and links.
        UnsafeName: if something in it would lie or lead outside of the folder, or clashes with something else.
        PodExists: if the folder exists.
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.

        Nothing is left behind after any of them.
    """
    with reporting(archive), open(archive, "rb") as file:
        is_zip = looks_like_zip(file)
        packed = os.fstat(file.fileno()).st_size
    with reporting(folder):
        try:
            folder.mkdir()
        except FileExistsError:
            raise PodExists(path=folder, reason="exists") from None
        try:
            opened = ZipArchive(archive, limits) if is_zip else TarArchive(archive, limits)
            try:
                members = _checked(opened.members(), limits)
                # The whole list of a zip is known, so that it can be refused before anything is written.
                return _Unpacker(folder, Meter(limits, packed), advance).run(list(members) if is_zip else members)
            finally:
                opened.close()
        except BaseException as error:
            shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, Refused):
                raise ArchiveInvalid(archive=name or archive.name, reason=error.reason) from None
            raise


def _checked(members: Iterator[Member], limits: Limits) -> Iterator[Member]:
    places = Places(limits)
    for member in members:
        places.count()
        if member.path and repository_in(member.path) is None:
            places.claim(member)
        elif not member.path and member.kind is not EntryKind.DIRECTORY:
            raise Refused("it has an entry without a name")
        yield member


class _Unpacker:
    """Writes members below a folder that nobody else knows yet. Links come last, so that no path leads through one."""

    def __init__(self, folder: Path, meter: Meter, advance: Callable[[int], None]) -> None:
        self._top = os.fsencode(folder)
        self._meter = meter
        self._advance = advance
        self._made: set[bytes] = {b""}
        self._files: dict[bytes, EntryKind] = {}
        self._links: dict[bytes, bytes] = {}

    def run(self, members: Iterator[Member] | list[Member]) -> Unpacked:
        folders: list[bytes] = []
        left_out: dict[bytes, None] = {}
        newest = 0
        for member in members:
            repository = repository_in(member.path)
            if repository is not None:
                left_out[repository] = None
                continue
            newest = max(newest, member.modified)
            if member.kind is EntryKind.DIRECTORY:
                self._make_folder(member.path)
                folders += [member.path] if member.path else []
            elif member.kind is EntryKind.SYMLINK:
                self._links[member.path] = safe_target(member.path, self._target(member))
            else:
                self._write(member)
        for path, target in self._links.items():
            self._make_folder(path.rpartition(b"/")[0])
            with _clashing(path):
                os.symlink(target, self._full(path))
        files = [UnpackedFile(path, kind) for path, kind in self._files.items()]
        links = [UnpackedFile(path, EntryKind.SYMLINK) for path in self._links]
        return Unpacked((*files, *links), tuple(folders), self._meter.total, newest, tuple(left_out))

    def _write(self, member: Member) -> None:
        path, kind, pieces = member.path, member.kind, member.pieces()
        if member.copy_of is not None:
            if member.copy_of not in self._files:
                raise Refused("it has a hard link to something that is no earlier file")
            kind, pieces = self._files[member.copy_of], _content(self._full(member.copy_of))
        self._make_folder(path.rpartition(b"/")[0])
        mode = 0o777 if kind is EntryKind.EXECUTABLE else 0o666
        with _clashing(path):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(self._full(path), flags, mode)
        try:
            for piece in pieces:
                self._meter.take(len(piece))
                write_all(descriptor, piece)
                self._advance(len(piece))
        finally:
            os.close(descriptor)
        self._files[path] = kind

    def _target(self, member: Member) -> bytes:
        target = b""
        for piece in member.pieces():
            target += piece
            if len(target) > LONGEST_TARGET:
                raise Refused("it has a link whose target is too long")
        self._meter.take(len(target))
        return target

    def _make_folder(self, path: bytes) -> None:
        if path in self._made:
            return
        self._make_folder(path.rpartition(b"/")[0])
        with _clashing(path):
            os.mkdir(self._full(path))
        self._made.add(path)

    def _full(self, path: bytes) -> bytes:
        return self._top + b"/" + path


def _content(path: bytes) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while piece := file.read(_COPY_PIECE):
            yield piece


@contextlib.contextmanager
def _clashing(path: bytes) -> Iterator[None]:
    """Tell of a name that this file system takes for another one. All others were compared before."""
    try:
        yield
    except FileExistsError:
        raise UnsafeName(
            name=path.decode("utf-8", "backslashreplace"),
            reason="this file system does not tell it from another name in the same folder",
            hint="use a file system that tells upper from lower case and one Unicode form from another",
        ) from None
