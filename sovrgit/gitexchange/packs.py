"""Reading packs of Git: one object here and there, or all of them, each delta applied once.

The format is that of gitformat-pack(5). dulwich reads the index and applies deltas; its own iteration makes an object
in Python of everything on the way, which takes several times as long.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections import OrderedDict
from collections.abc import Collection, Container, Iterator
from pathlib import Path
from typing import NamedTuple

from dulwich.errors import ApplyDeltaError
from dulwich.object_format import SHA1
from dulwich.objects import RawObjectID
from dulwich.pack import PackIndex, apply_delta, load_pack_index

from sovrgit.errors import GitDamaged
from sovrgit.gitexchange.ids import GIT_ID_SIZE, GitId, GitKind, git_id
from sovrgit.gitexchange.inflate import MAX_IN_MEMORY, STREAM_FROM, inflate, inflate_stream

_MAX_CHAIN = 5_000
"""Differences upon one another. Git makes 50 if not told otherwise, and 4095 at most."""

_CACHE = 32 << 20
"""Bytes of objects that are kept because another one may be a difference to them."""

_BAD_INDEX = (ValueError, AssertionError, LookupError, struct.error)
"""What dulwich raises for an index that is none."""

_OFFSET_DELTA, _ID_DELTA = 6, 7
_MAGIC = b"PACK"
_HEADER_SIZE = 12


class _Entry(NamedTuple):
    """Where an object begins: its kind, or that of delta; size inflated; start of the data; offset of the base."""

    kind: int
    size: int
    start: int
    base: int


class Walked(NamedTuple):
    """An object that came by; `data` is None if it is large and has to be streamed from `offset`."""

    id: GitId
    kind: GitKind
    data: bytes | None
    size: int
    offset: int


class Pack:
    """A pack and its index.

    Args:
        path: of the pack; the index lies beside it.

    Raises:
        GitDamaged: if it is none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._index: PackIndex = load_pack_index(path.with_suffix(".idx"), SHA1)
        except (*_BAD_INDEX, OSError) as error:
            raise self._damaged(f"its index cannot be read ({type(error).__name__})") from None
        try:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (ValueError, OSError) as error:
            self._index.close()
            raise self._damaged(f"it cannot be read ({type(error).__name__})") from None
        self._view = memoryview(self._map)
        self._cache: OrderedDict[int, tuple[GitKind, bytes]] = OrderedDict()
        self._cached = 0
        if self._map[:4] != _MAGIC or self._map[4:8] not in (b"\0\0\0\2", b"\0\0\0\3"):
            raise self._damaged("it is not a pack of a known version")

    def close(self) -> None:
        """Let go of the files."""
        self._view.release()
        self._map.close()
        self._index.close()

    def __len__(self) -> int:
        return len(self._index)

    def offset(self, identity: GitId) -> int | None:
        """Where an object is, None if it is not here."""
        try:
            return self._index.object_offset(RawObjectID(identity))
        except KeyError:
            return None
        except _BAD_INDEX as error:
            raise self._damaged(f"its index cannot be read ({type(error).__name__})") from None

    def kind_and_size(self, offset: int) -> tuple[GitKind, int | None]:
        """The kind of an object, and if it is stored whole its size."""
        entry = self._entry(offset)
        size = None if entry.base else entry.size
        for _ in range(_MAX_CHAIN):
            if not entry.base:
                return self._kind(entry), size
            entry = self._entry(entry.base)
        raise self._damaged("differences upon one another without end")

    def read(self, offset: int) -> tuple[GitKind, bytes]:
        """An object, not verified: the caller knows its id."""
        chain: list[_Entry] = []
        at = offset
        while (found := self._cache.get(at)) is None:
            entry = self._entry(at)
            if not entry.base:
                found = self._kind(entry), self._inflate(entry)
                self._keep(at, found)
                break
            chain.append(entry)
            at = entry.base
            if len(chain) > _MAX_CHAIN:
                raise self._damaged("differences upon one another without end")
        kind, data = found
        for entry in reversed(chain):
            data = self._apply(data, self._inflate(entry))
        if chain:
            self._keep(offset, (kind, data))
        return kind, data

    def stream(self, offset: int) -> Iterator[bytes]:
        """The bytes of an object that is stored whole, piece by piece, not verified."""
        entry = self._entry(offset)
        yield from inflate_stream(self._view, entry.start, entry.size, self._damaged)

    def walk(self, kinds: Container[GitKind], wanted: Collection[GitId] | None = None) -> Iterator[Walked]:
        """The objects of some kinds, all or those that are wanted, each inflated once; verified.

        What is stored whole and is large comes without its data.
        """
        try:
            places = sorted((offset, bytes(name)) for name, offset, _ in self._index.iterentries())
        except _BAD_INDEX as error:
            raise self._damaged(f"its index cannot be read ({type(error).__name__})") from None
        names = dict(places)
        if len(names) != len(places):
            raise self._damaged("two objects lie at one place")
        entries: dict[int, _Entry] = {offset: self._entry(offset) for offset in names}
        needed = None if wanted is None else self._with_bases(entries, names, wanted)
        children: dict[int, list[int]] = {}
        roots = []
        for offset, entry in entries.items():
            if needed is not None and offset not in needed:
                continue
            if entry.base:
                if entry.base not in entries:
                    raise self._damaged("a difference to something that is not in it")
                children.setdefault(entry.base, []).append(offset)
            else:
                roots.append(offset)
        for root in roots:
            kind = self._kind(entries[root])
            if kind not in kinds:
                continue
            if root not in children and entries[root].size >= STREAM_FROM:
                yield Walked(names[root], kind, None, entries[root].size, root)
                continue
            stack = [(root, b"")]
            while stack:
                offset, base = stack.pop()
                data = self._inflate(entries[offset])
                if offset != root:
                    data = self._apply(base, data)
                name = names[offset]
                if wanted is None or name in wanted:
                    if git_id(kind, data) != name:
                        raise self._damaged(f"the object {name.hex()} has another id")
                    yield Walked(name, kind, data, len(data), offset)
                stack += [(child, data) for child in children.get(offset, ())]

    def _with_bases(self, entries: dict[int, _Entry], names: dict[int, GitId], wanted: Collection[GitId]) -> set[int]:
        needed: set[int] = set()
        for offset, name in names.items():
            if name in wanted:
                at = offset
                while at and at not in needed and at in entries:
                    needed.add(at)
                    at = entries[at].base
        return needed

    def _entry(self, offset: int) -> _Entry:
        data = self._map
        try:
            at = offset
            byte = data[at]
            at += 1
            kind, size, shift = byte >> 4 & 7, byte & 15, 4
            while byte & 0x80:
                byte = data[at]
                at += 1
                size |= (byte & 0x7F) << shift
                shift += 7
                if shift > 70:
                    raise self._damaged("a size without end")
            base = 0
            if kind == _OFFSET_DELTA:
                byte = data[at]
                at += 1
                back = byte & 0x7F
                while byte & 0x80:
                    byte = data[at]
                    at += 1
                    back = (back + 1) << 7 | byte & 0x7F
                    if back > len(data):
                        raise self._damaged("a difference to something before it begins")
                base = offset - back
                if back == 0 or base < _HEADER_SIZE:
                    raise self._damaged("a difference to something before it begins")
            elif kind == _ID_DELTA:
                found = self.offset(data[at : at + GIT_ID_SIZE])
                at += GIT_ID_SIZE
                if found is None:
                    raise self._damaged("a difference to something that is not in it")
                base = found
        except IndexError:
            raise self._damaged("its index leads beyond its end") from None
        return _Entry(kind, size, at, base)

    def _kind(self, entry: _Entry) -> GitKind:
        try:
            return GitKind(entry.kind)
        except ValueError:
            raise self._damaged(f"an object of the kind {entry.kind}") from None

    def _inflate(self, entry: _Entry) -> bytes:
        return inflate(self._view, entry.start, entry.size, self._damaged)

    def _apply(self, base: bytes, delta: bytes) -> bytes:
        # The second number in a difference is the size of what it makes. dulwich stops there.
        size, _ = _number(delta, _number(delta, 0)[1])
        if size > MAX_IN_MEMORY:
            raise self._damaged("a difference that makes more than fits into memory")
        try:
            return b"".join(apply_delta(base, delta))
        except (ApplyDeltaError, ValueError, IndexError, AssertionError, OverflowError, MemoryError) as error:
            raise self._damaged(f"a difference that cannot be applied ({type(error).__name__})") from None

    def _keep(self, offset: int, found: tuple[GitKind, bytes]) -> None:
        self._cache[offset] = found
        self._cached += len(found[1])
        while self._cached > _CACHE and self._cache:
            self._cached -= len(self._cache.popitem(last=False)[1][1])

    def _damaged(self, reason: str) -> GitDamaged:
        return GitDamaged(what=f"the pack `{os.path.basename(self._path)}`", reason=reason)


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and where it ends; 0 where there is none."""
    value = shift = 0
    while at < len(data) and shift < 70:
        value |= (data[at] & 0x7F) << shift
        at += 1
        shift += 7
        if not data[at - 1] & 0x80:
            break
    return value, at
