"""What comes back from strangers, as tar archives: read without trusting anything, and unpacked only if all is well.

Needs the standard library only, because the requestor runs where there is no `sovrgit`.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

MOST_ENTRIES = 1_000_000
_LONGEST_HEADER = 64 << 10
"""Bytes of a header that continues another: the longest path of any system is 4 KiB."""

_DEEPEST = 64
_PIECE = 1 << 20
_BLOCK = tarfile.BLOCKSIZE
_HEADERS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


class BadArchive(Exception):
    """An archive that is not what it should be; the message says why."""


class _Header(tarfile.TarInfo):
    """A header that refuses continuations which would be read into memory without a bound."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        made = super().frombuf(buf, encoding, errors)
        if made.type in _HEADERS and made.size > _LONGEST_HEADER:
            raise BadArchive("a header in it is too long")
        return made


@dataclass(frozen=True, slots=True)
class Entry:
    """Something in an archive, whose path below the expected folder has been checked.

    `kind` is `file`, `folder` or `link` (a symbolic one); `target` is where a link leads, or, of a file that the
    archive has as a hard link, the path of the entry with its bytes.
    """

    path: str
    kind: str
    size: int
    executable: bool
    target: str
    info: tarfile.TarInfo


def scan(path: Path, root: str, most_bytes: int, most_entries: int = MOST_ENTRIES) -> list[Entry]:
    """Everything in an archive, if all of it may be unpacked.

    Args:
        root: the folder that everything must be in; it may itself be missing.
        most_bytes: of all files together, as they are when unpacked.

    Raises:
        BadArchive: if it is cut off, is no tar archive, is too large, or holds what does not belong there.
    """
    size = path.stat().st_size
    if size == 0:
        raise BadArchive("it is empty")
    if size > most_bytes + _BLOCK * 2 * (most_entries + 20):
        raise BadArchive(f"it is larger than {most_bytes} bytes")
    try:
        with path.open("rb") as file, _opened(file) as archive:
            found = _checked(archive, root, most_bytes, most_entries)
            _check_end(file, archive.offset)
    except (tarfile.TarError, UnicodeError, ValueError, OverflowError, EOFError) as error:
        raise BadArchive(f"it is not a complete tar archive: {error}") from None
    return found


def unpack(path: Path, root: str, folder: Path, most_bytes: int, most_entries: int = MOST_ENTRIES) -> list[str]:
    """Unpack an archive below a folder that nobody else writes to; the paths of its files and links.

    What is there already stays: it must not be in the archive as well.

    Raises:
        BadArchive: as `scan` does, before anything is written; or if a file is there already.
        OSError: as the operating system reports.
    """
    entries = scan(path, root, most_bytes, most_entries)
    for entry in entries:
        place = folder / entry.path
        if os.path.lexists(place) and (entry.kind != "folder" or not _is_folder(place)):
            raise BadArchive(f"`{entry.path}` is there already")
    written = []
    with path.open("rb") as file, _opened(file) as archive:
        for entry in entries:
            place = folder / entry.path
            if entry.kind == "folder":
                place.mkdir(parents=True, exist_ok=True)
            elif entry.kind == "file":
                _write(archive, entry, place, folder)
                written.append(entry.path)
    # Links come last, so that nothing is ever written through one.
    for entry in entries:
        if entry.kind == "link":
            place = folder / entry.path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(entry.target)
            written.append(entry.path)
    return written


def _opened(file: BinaryIO) -> tarfile.TarFile:
    # Plain tar only: a compressed one could be a bomb, and nobody asked for it.
    return tarfile.open(fileobj=file, mode="r:", tarinfo=_Header, encoding="utf-8", errors="surrogateescape")


def _checked(archive: tarfile.TarFile, root: str, most_bytes: int, most_entries: int) -> list[Entry]:
    found: dict[str, Entry] = {}
    left = most_bytes
    while (info := archive.next()) is not None:
        archive.members = []  # type: ignore[attr-defined] # they would be kept otherwise, a million of them
        path = _path(info.name, root)
        entry = _entry(info, path, root)
        if entry.kind == "file" and entry.target:
            source = found.get(entry.target)
            if source is None or source.kind != "file" or source.target:
                raise BadArchive(f"`{path}` is a hard link to what is not before it")
            left -= source.size
        left -= entry.size
        if left < 0:
            raise BadArchive(f"what is in it is larger than {most_bytes} bytes")
        if path in found and not (entry.kind == "folder" == found[path].kind):
            raise BadArchive(f"`{path}` is in it twice")
        if len(found) >= most_entries:
            raise BadArchive(f"there are more than {most_entries} files in it")
        found[path] = entry
    for path in found:
        above = path
        while (above := above.rpartition("/")[0]) and above in found:
            if found[above].kind != "folder":
                raise BadArchive(f"`{above}` is in it as a file and as a folder")
    return list(found.values())


def _path(name: str, root: str) -> str:
    names = [part for part in name.split("/") if part not in ("", ".")]
    path = "/".join(names)
    if name.startswith("/") or ".." in names or "\0" in name or len(names) > _DEEPEST:
        raise BadArchive(f"`{name[:200]}` leads out of it")
    if ".sovr" in (part.lower() for part in names) or any(len(os.fsencode(part)) > 255 for part in names):
        raise BadArchive(f"`{name[:200]}` is not a name for a file of a pod")
    if path != root and not path.startswith(root + "/"):
        raise BadArchive(f"`{name[:200]}` is not in `{root}`")
    return path


def _entry(info: tarfile.TarInfo, path: str, root: str) -> Entry:
    if info.isdir():
        return Entry(path, "folder", 0, False, "", info)
    if path == root:
        raise BadArchive(f"`{root}` is not a folder")
    if info.isfile():
        if info.size < 0:
            raise BadArchive(f"`{path}` has no size")
        return Entry(path, "file", info.size, bool(info.mode & 0o100), "", info)
    if info.islnk():
        return Entry(path, "file", 0, bool(info.mode & 0o100), _path(info.linkname, root), info)
    if info.issym():
        if not _stays(info.linkname, path.count("/") - root.count("/") - 1):
            raise BadArchive(f"the link `{path}` leads out of `{root}`")
        return Entry(path, "link", 0, False, info.linkname, info)
    raise BadArchive(f"`{path}` is neither a file nor a folder")


def _stays(target: str, depth: int) -> bool:
    """Whether a link in a folder so deep leads to a place that is in the root."""
    parts = [part for part in target.split("/") if part not in ("", ".")]
    up = next((number for number, part in enumerate(parts) if part != ".."), len(parts))
    # `..` may only come first: behind the name of another link it would lead up from wherever that one leads to.
    return bool(target) and not target.startswith("/") and up <= depth and ".." not in parts[up:] and "\0" not in target


def _check_end(file: BinaryIO, offset: int) -> None:
    """An archive ends with zeros. The reader of the standard library takes a cut or a bad header for an end as well."""
    file.seek(offset)
    zeros = 0
    while piece := file.read(_PIECE):
        if piece.count(0) != len(piece):
            raise BadArchive("it is damaged in the middle")
        zeros += len(piece)
    if zeros < 2 * _BLOCK:
        raise BadArchive("it is cut off")


def _write(archive: tarfile.TarFile, entry: Entry, place: Path, folder: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    mode = 0o755 if entry.executable else 0o644
    if entry.target:
        source: BinaryIO | None = (folder / entry.target).open("rb")
    else:
        source = archive.extractfile(entry.info)  # type: ignore[assignment] # a reader of bytes
    if source is None:
        raise BadArchive(f"`{entry.path}` has no content")
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with source, os.fdopen(descriptor, "wb") as out:
        shutil.copyfileobj(source, out, _PIECE)


def _is_folder(place: Path) -> bool:
    return place.is_dir() and not place.is_symlink()
