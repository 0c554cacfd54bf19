"""The index: what the working tree looked like when it was last read.

A cache of (size, times, inode) to id, by folder, in columns. Deleting it costs one pass over the files. Every id in it
is in the store.
"""

from __future__ import annotations

import gc
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import msgpack
from blake3 import blake3

from sovrgit.objects.ids import ID_SIZE
from sovrgit.objects.tree import EntryKind
from sovrgit.store.files import write_atomic

_MAGIC = b"SOVRIDX3"

UNKNOWN = bytes(ID_SIZE)
"""Stands for the id of a file whose content is not known."""

NO_STAMP = -1
"""Stands for a time that cannot be trusted: what has it is read again."""

_MAX_STAMP = 1 << 63

FILE, EXECUTABLE, SYMLINK, DIRECTORY, IGNORED, SPECIAL = b"fxldis"
"""What a name is, as one byte a name."""


ENTRY_KINDS = {
    FILE: EntryKind.FILE,
    EXECUTABLE: EntryKind.EXECUTABLE,
    SYMLINK: EntryKind.SYMLINK,
    DIRECTORY: EntryKind.DIRECTORY,
}
"""The kinds of names that stand in trees."""


class Row(NamedTuple):
    """A folder as it stands in the file: its columns are arrays of eight bytes a name, in this machine's order."""

    path: bytes
    modified: int
    names: bytes
    kinds: bytes
    sizes: bytes
    mtimes: bytes
    ctimes: bytes
    inodes: bytes
    ids: bytes
    tree: bytes
    size: int
    files: int


class Folder:
    """One folder as it was last seen.

    `names` are in the order in which the operating system lists them. `modified` is the time of the folder's own last
    change in nanoseconds, or NO_STAMP. `tree` is the id of its tree, empty if not known, and `size` the bytes
    below it. The columns of a folder out of a file are taken apart when the first of them is asked for.
    """

    __slots__ = ("_row", "ctimes", "ids", "inodes", "kinds", "modified", "mtimes", "names", "size", "sizes", "tree")

    names: list[str]
    kinds: bytearray
    sizes: array[int]
    mtimes: array[int]
    ctimes: array[int]
    inodes: array[int]
    ids: bytearray

    def __init__(self, modified: int, tree: bytes = b"", size: int = 0, row: Row | None = None) -> None:
        self.modified = modified
        self.tree = tree
        self.size = size
        self._row = row

    @classmethod
    def empty(cls, modified: int) -> Folder:
        """A folder without names."""
        folder = cls(modified)
        folder.names, folder.kinds, folder.ids = [], bytearray(), bytearray()
        folder.sizes, folder.mtimes = array("Q"), array("q")
        folder.ctimes, folder.inodes = array("q"), array("Q")
        return folder

    def __getattr__(self, name: str) -> object:
        # Only reached while a column is not there yet.
        row = None if name == "_row" else self._row
        if row is None:
            raise AttributeError(name)
        self._row = None
        self.names = _text(row.names).split("\0") if row.names else []
        self.kinds, self.ids = bytearray(row.kinds), bytearray(row.ids)
        self.sizes, self.mtimes = array("Q", row.sizes), array("q", row.mtimes)
        self.ctimes, self.inodes = array("q", row.ctimes), array("Q", row.inodes)
        return getattr(self, name)

    @property
    def count(self) -> int:
        """The number of names."""
        return len(self.kinds) if self._row is None else len(self._row.kinds)

    @property
    def files(self) -> int:
        """The number of files and links in the folder itself."""
        return self._row.files if self._row is not None else sum(map(self.kinds.count, (FILE, EXECUTABLE, SYMLINK)))

    def holds(self, kind: int) -> bool:
        """Whether a name of a kind is in the folder itself."""
        return kind in (self._row.kinds if self._row is not None else self.kinds)

    def row(self, path: str) -> Row:
        """The folder as it stands in the file."""
        name = path.encode("utf-8", "surrogateescape")
        if self._row is not None:
            return self._row._replace(path=name, modified=self.modified, tree=self.tree, size=self.size)
        return Row(
            name,
            self.modified,
            "\0".join(self.names).encode("utf-8", "surrogateescape"),
            bytes(self.kinds),
            self.sizes.tobytes(),
            self.mtimes.tobytes(),
            self.ctimes.tobytes(),
            self.inodes.tobytes(),
            bytes(self.ids),
            self.tree,
            self.size,
            self.files,
        )

    def __reduce__(self) -> tuple[object, ...]:
        return _unpickled, (self.row(""),)

    def append(self, name: str, kind: int, size: int, mtime: int, ctime: int, inode: int, digest: bytes) -> None:
        """Add a name."""
        self.names.append(name)
        self.kinds.append(kind)
        self.sizes.append(size)
        self.mtimes.append(storable(mtime))
        self.ctimes.append(ctime)
        self.inodes.append(inode)
        self.ids += digest

    def id_at(self, position: int) -> bytes:
        """The id of the name at a position."""
        return bytes(self.ids[position * ID_SIZE : (position + 1) * ID_SIZE])

    def set_id(self, position: int, digest: bytes) -> None:
        """Give the name at a position another id."""
        self.ids[position * ID_SIZE : (position + 1) * ID_SIZE] = digest

    def all_ids(self) -> list[bytes]:
        """The ids of all names, in order."""
        ids = bytes(self.ids)
        return [ids[start : start + ID_SIZE] for start in range(0, len(ids), ID_SIZE)]


@dataclass(slots=True)
class Index:
    """All folders by path from the pod's root (the root's own is empty). `head` is the tree that decided which
    ignored files are kept, because they are in it; `commit` is the commit that has this tree."""

    head: bytes = b""
    commit: bytes = b""
    folders: dict[str, Folder] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Index:
        """The index in a file; an empty one if there is none, or it is damaged or of another version."""
        try:
            data = path.read_bytes()
        except OSError:
            # Not there, or not readable: it is a cache, and saving it will tell why if that is needed.
            return cls()
        body = memoryview(data)[len(_MAGIC) : -ID_SIZE]
        if not data.startswith(_MAGIC) or blake3(body).digest() != data[-ID_SIZE:]:
            return cls()
        # A hundred thousand fresh objects make the garbage collector run many times for nothing.
        enabled = gc.isenabled()
        gc.disable()
        try:
            head, commit, rows = msgpack.unpackb(body, use_list=False)
            made = [_checked(Row._make(row)) for row in rows]
            if type(head) is not bytes or type(commit) is not bytes or {len(head), len(commit)} - {0, ID_SIZE}:
                return cls()
            return cls(head, commit, {_text(row.path): _unpickled(row) for row in made})
        except (ValueError, TypeError):
            return cls()
        finally:
            if enabled:
                gc.enable()

    def save(self, path: Path) -> None:
        """Write the index. Not synced: it is a cache with a checksum.

        Raises:
            StorageFull, ReadOnly, StorageFailure: as the operating system reports.
        """
        body = msgpack.packb((self.head, self.commit, [folder.row(name) for name, folder in self.folders.items()]))
        write_atomic(path, _MAGIC + body + blake3(body).digest(), sync=False)


def storable(stamp: int) -> int:
    """A time as it is kept in a column, whose eight bytes end in the year 2262; files may be dated later."""
    return stamp if -_MAX_STAMP < stamp < _MAX_STAMP else NO_STAMP


def _checked(row: Row) -> Row:
    """A row whose columns fit each other: they are taken apart when nobody expects a failure any more."""
    texts = (row.path, row.names, row.kinds, row.sizes, row.mtimes, row.ctimes, row.inodes, row.ids, row.tree)
    if not all(type(text) is bytes for text in texts):
        raise TypeError
    if type(row.modified) is not int or type(row.size) is not int or type(row.files) is not int:
        raise TypeError
    count = len(row.kinds)
    names = row.names.count(b"\0") + 1 if row.names else 0
    columns = {len(row.sizes), len(row.mtimes), len(row.ctimes), len(row.inodes)}
    if names != count or columns != {8 * count} or len(row.ids) != ID_SIZE * count or len(row.tree) not in (0, ID_SIZE):
        raise ValueError
    return row


def _unpickled(row: Row) -> Folder:
    return Folder(row.modified, row.tree, row.size, row)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def parent_of(path: str) -> str:
    """The path of the folder that holds `path`."""
    return path.rpartition("/")[0]


def join(folder: str, name: str) -> str:
    """The path of a name in a folder, from the pod's root."""
    return f"{folder}/{name}" if folder else name


def children_first(folders: Mapping[str, Folder]) -> list[str]:
    """The paths of all folders, each after everything below it."""
    return sorted(folders, key=_depth, reverse=True)


def _depth(path: str) -> int:
    return path.count("/") + bool(path)
