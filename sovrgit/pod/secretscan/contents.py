"""The content of many blobs, for a look: large ones only in part, small ones many at a time.

What is read is not compared with its hash. A push sends the same bytes, and refuses those that are damaged.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple, TypeAlias, cast

import zstandard

from sovrgit.errors import IntegrityFailure, ObjectMissing, StorageFailure
from sovrgit.objects.ids import Data, Kind, ObjectId
from sovrgit.pod.secretscan.looking import HEAD, WHOLE
from sovrgit.store.catalogue import Location
from sovrgit.store.format import ENTRY_HEADER_SIZE, Codec, read_chunk_list
from sovrgit.store.packreader import PackReader
from sovrgit.store.store import ObjectStore

_STORED = 4 << 20
_PLAIN = 8 << 20
"""Bytes of a batch, in the pack and decompressed: much more than a file, and little memory."""

_GAP = b"\0"
"""Between files that are looked at together: in no token, so none is made of two halves."""

Entry: TypeAlias = tuple[int, ObjectId, Location]
"""An offset in a pack, the blob there, and its whole location."""


class Unreadable(Exception):
    """A group of blobs that cannot be read at once."""


class Batch(NamedTuple):
    """Blobs, and their contents one after the other with a NUL between them; `starts` says where each begins."""

    ids: list[ObjectId]
    data: bytes
    starts: list[int]

    def at(self, position: int) -> int:
        """The number of the blob that a byte belongs to."""
        return bisect_right(self.starts, position) - 1

    def content(self, number: int) -> bytes:
        """One of them."""
        end = self.starts[number + 1] - len(_GAP) if number + 1 < len(self.starts) else len(self.data)
        return self.data[self.starts[number] : end]


@dataclass(frozen=True, slots=True)
class Reading:
    """How blobs are read: `large` ones by themselves, the others in groups that lie close to one another in a pack."""

    large: list[tuple[ObjectId, Location]]
    groups: list[list[Entry]]

    @classmethod
    def of(cls, wanted: Mapping[ObjectId, Location]) -> Reading:
        """How to read blobs, each of them once."""
        large = []
        by_pack: dict[ObjectId, list[Entry]] = {}
        for item, place in wanted.items():
            if place.codec is Codec.CHUNKS or place.size > WHOLE:
                large.append((item, place))
            else:
                by_pack.setdefault(place.pack, []).append((place.offset, item, place))
        return cls(large, [group for entries in by_pack.values() for group in _groups(sorted(entries))])


def read_beginning(store: ObjectStore, item: ObjectId, place: Location) -> Batch:
    """The first bytes of a large blob. Only the chunks that hold them are read.

    Raises:
        ObjectMissing, IntegrityFailure, StorageFailure: if they cannot be read.
    """
    return Batch([item], _beginning(store, item, place), [0])


def read_group(store: ObjectStore, group: list[Entry]) -> Batch:
    """The contents of a group. Asks nothing of the catalogue, so that a second process may do it.

    Raises:
        Unreadable: if it is not as it should be.
    """
    try:
        contents = _together(store, [place for _, _, place in group])
    except (IntegrityFailure, ObjectMissing, StorageFailure, zstandard.ZstdError, ValueError) as error:
        raise Unreadable from error
    return _joined(group, contents)


def read_one_by_one(store: ObjectStore, group: list[Entry]) -> Batch:
    """The same, each verified, and from wherever it can be had.

    Raises:
        ObjectMissing, IntegrityFailure, StorageFailure: if one of them cannot be read.
    """
    return _joined(group, [store.read(item, Kind.BLOB) for _, item, _ in group])


def _beginning(store: ObjectStore, item: ObjectId, place: Location) -> bytes:
    """The first bytes of a large blob. Only the chunks that hold them are read."""
    wanted = place.size if place.size <= WHOLE else HEAD
    if place.codec is not Codec.CHUNKS:
        return bytes(store.read(item, Kind.BLOB)[:wanted])
    what = f"object {item.short}"
    records = read_chunk_list(bytes(store.raw_entry(place, item)), what)
    for _ in range(place.depth - 1):
        # A list of lists: the first one leads to the first bytes, and to more of them than are wanted.
        records = read_chunk_list(bytes(store.read(records[0].id, Kind.BLOB)), what)
    found = bytearray()
    for record in records:
        found += store.read(record.id, Kind.BLOB)
        if len(found) >= wanted:
            break
    return bytes(found[:wanted])


def _groups(entries: list[Entry]) -> Iterator[list[Entry]]:
    """Entries of a pack, in its order, in groups that are read at once."""
    begin, plain = 0, 0
    for number, (offset, _, place) in enumerate(entries):
        if plain > _PLAIN or offset - entries[begin][0] > _STORED:
            yield entries[begin:number]
            begin, plain = number, 0
        plain += place.size
    yield entries[begin:]


def _joined(group: list[Entry], contents: list[Data]) -> Batch:
    ends = accumulate((len(content) + len(_GAP) for content in contents), initial=0)
    return Batch([item for _, item, _ in group], _GAP.join(contents), list(ends)[:-1])


def _together(store: ObjectStore, places: list[Location]) -> list[Data]:
    """The contents of entries that lie close to one another in a pack, decompressed in one native call."""
    pack, base = places[0].pack, places[0].offset
    with PackReader(store.pack_path(pack), pack) as reader:
        span = memoryview(reader.read(base, places[-1].offset - base + ENTRY_HEADER_SIZE + places[-1].stored))
    base -= ENTRY_HEADER_SIZE
    packed = [place for place in places if place.codec is Codec.ZSTD]
    plain: Iterator[Data] = iter(())
    if packed:
        segments = array("Q", [value for place in packed for value in (place.offset - base, place.stored)])
        frames = zstandard.BufferWithSegments(span, segments.tobytes())
        sizes = array("Q", [place.size for place in packed]).tobytes()
        # Not in several threads: what comes after this takes longer, and holds the interpreter lock.
        found = zstandard.ZstdDecompressor().multi_decompress_to_buffer(frames, decompressed_sizes=sizes, threads=0)
        # Its segments are buffers, which its annotations do not say.
        plain = iter(cast("Iterable[Data]", found))
    return [
        next(plain) if place.codec is Codec.ZSTD else span[place.offset - base :][: place.stored] for place in places
    ]
