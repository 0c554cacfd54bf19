"""Trees: what a folder holds."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from operator import lt
from typing import NamedTuple, cast

import msgpack

from sovrgit.errors import ObjectInvalid, UnsafeName
from sovrgit.objects.codec import MAX_TREE_SIZE, Value, check_value, decode, encode
from sovrgit.objects.ids import ID_SIZE, Kind, ObjectId, hash_object

MAX_NAME = 4096
"""Bytes in a name. File systems stop at 255; the bound only keeps hostile trees small."""

MAX_SIZE = (1 << 63) - 1
"""Bytes in a file or a subtree."""


class EntryKind(enum.IntEnum):
    """What an entry of a tree is. The numbers stand in trees and never change."""

    FILE = 1
    EXECUTABLE = 2
    SYMLINK = 3
    DIRECTORY = 4


class TreeEntry(NamedTuple):
    """One name in a folder.

    `id` is a blob's for a file and for a symlink (its target), a tree's for a directory. `size` is the number of
    bytes in the file or the link's target, or in all files below a directory.
    """

    name: bytes
    kind: EntryKind
    id: ObjectId
    size: int

    @property
    def is_directory(self) -> bool:
        """Whether the entry is a directory."""
        return self.kind is EntryKind.DIRECTORY


class Tree(NamedTuple):
    """A folder: entries sorted by name, bytewise."""

    entries: tuple[TreeEntry, ...] = ()
    extra: Mapping[str, Value] = {}

    @classmethod
    def of(cls, entries: Iterable[TreeEntry]) -> Tree:
        """The tree of these entries, put in order."""
        return cls(tuple(sorted(entries)))

    @property
    def size(self) -> int:
        """Bytes in all files of the subtree."""
        return sum(entry.size for entry in self.entries)

    def get(self, name: bytes) -> TreeEntry | None:
        """The entry with this name."""
        for entry in self.entries:
            if entry.name == name:
                return entry
        return None

    def encode(self) -> bytes:
        """The canonical bytes.

        Raises:
            UnsafeName: if a name is not a single safe component.
            ObjectInvalid: if entries are out of order or repeated, or a size is out of range.
        """
        _check_order(self.entries)
        for entry in self.entries:
            check_name(entry.name)
            if not 0 <= entry.size <= MAX_SIZE:
                raise ObjectInvalid(kind="tree", reason="an entry's size is out of range")
        if self.extra:
            return encode({**self.extra, "entries": [list(entry) for entry in self.entries]}, kind=Kind.TREE)
        data: bytes = msgpack.packb({"entries": self.entries}, use_bin_type=True)
        if len(data) > MAX_TREE_SIZE:
            raise ObjectInvalid(kind="tree", reason=f"{len(data)} bytes are too large")
        return data

    @classmethod
    def decode(cls, data: bytes) -> Tree:
        """The tree that `data` encodes.

        Raises:
            ObjectInvalid: if `data` is not a canonical tree.
            UnsafeName: if a name is not a single safe component.
        """
        values = decode(data, kind=Kind.TREE, shallow=True)
        rows = values.pop("entries", None)
        if type(rows) is not list:
            raise ObjectInvalid(kind="tree", reason="`entries` is missing or not a list")
        try:
            check_value(values)
        except ValueError as error:
            raise ObjectInvalid(kind="tree", reason=str(error)) from None
        entries = _sound_entries(rows)
        if entries is None:
            # Something is wrong, or there are none: one by one it is told what.
            entries = tuple([_entry(row) for row in rows])
            _check_order(entries)
        return cls(entries, values)

    def id(self) -> ObjectId:
        """The tree's id."""
        return hash_object(Kind.TREE, self.encode())


_ENTRY_KINDS = {int(kind): kind for kind in EntryKind}


_as_entry = cast("Callable[[tuple[object, ...]], TreeEntry]", partial(tuple.__new__, TreeEntry))
_as_id = cast("Callable[[bytes], ObjectId]", partial(bytes.__new__, ObjectId))


def _sound_entries(rows: list[Value]) -> tuple[TreeEntry, ...] | None:
    """The entries of rows in which nothing is wrong, None if something is. It takes a quarter of the time of looking at
    one after the other: whoever compares or walks large trees decodes a hundred thousand."""
    if set(map(type, rows)) != {list} or set(map(len, cast("list[list[Value]]", rows))) != {len(TreeEntry._fields)}:
        return None
    columns = tuple(zip(*cast("list[list[Value]]", rows), strict=True))
    if [set(map(type, column)) for column in columns] != [{bytes}, {int}, {bytes}, {int}]:
        return None
    names, kinds, digests, sizes = cast(
        "tuple[tuple[bytes, ...], tuple[int, ...], tuple[bytes, ...], tuple[int, ...]]", columns
    )
    joined = b"\0" + b"\0".join(names) + b"\0"
    if (
        joined.count(b"\0") != len(names) + 1
        or b"/" in joined
        or any(name in joined for name in (b"\0\0", b"\0.\0", b"\0..\0"))
        or b"\0.sovr\0" in joined.lower()
        or max(map(len, names)) > MAX_NAME
        or not all(map(lt, names, names[1:]))
        or not _ENTRY_KINDS.keys() >= set(kinds)
        or set(map(len, digests)) != {ID_SIZE}
        or min(sizes) < 0
        or max(sizes) > MAX_SIZE
    ):
        return None
    return tuple(
        map(_as_entry, zip(names, map(_ENTRY_KINDS.__getitem__, kinds), map(_as_id, digests), sizes, strict=True))
    )


def _entry(row: Value) -> TreeEntry:
    if type(row) is not list or len(row) != len(TreeEntry._fields):
        raise ObjectInvalid(kind="tree", reason="an entry is not a list of four")
    name, kind, digest, size = row
    if type(name) is not bytes or type(kind) is not int or type(digest) is not bytes or type(size) is not int:
        raise ObjectInvalid(kind="tree", reason="an entry has a field of a wrong type")
    if kind not in _ENTRY_KINDS:
        raise ObjectInvalid(kind="tree", reason=f"entry kind {kind} is not known")
    if len(digest) != ID_SIZE:
        raise ObjectInvalid(kind="tree", reason="an entry's id does not have 32 bytes")
    if not 0 <= size <= MAX_SIZE:
        raise ObjectInvalid(kind="tree", reason="an entry's size is out of range")
    check_name(name)
    return TreeEntry(name, _ENTRY_KINDS[kind], ObjectId(digest), size)


def _check_order(entries: tuple[TreeEntry, ...]) -> None:
    previous = b""
    for entry in entries:
        if entry.name <= previous:
            raise ObjectInvalid(kind="tree", reason="entries are repeated or out of order")
        previous = entry.name


def check_size(item: ObjectId, found: int, said: int) -> None:
    """Check that a file or folder has the size that the tree says which it is in, in bytes.

    Raises:
        ObjectInvalid: if it has another.
    """
    if found != said:
        raise ObjectInvalid(kind="tree", reason=f"{item.short} in it has {found} bytes, and not {said}")


def check_name(name: bytes) -> None:
    """Check that a name is one safe component of a path.

    Raises:
        UnsafeName: if it is empty, `.`, `..`, `.sovr` in any case, too long, or has a slash or NUL in it.
    """
    if not name or name in (b".", b"..") or b"/" in name or b"\0" in name:
        raise UnsafeName(name=name.decode("utf-8", "backslashreplace"), reason="not a single component of a path")
    if len(name) == 5 and name.lower() == b".sovr":
        raise UnsafeName(name=name.decode(), reason="the name of the repository's own folder")
    if len(name) > MAX_NAME:
        raise UnsafeName(name=name[:40].decode("utf-8", "backslashreplace") + "…", reason="the name is too long")


EMPTY_TREE = Tree()
EMPTY_TREE_ID = EMPTY_TREE.id()
