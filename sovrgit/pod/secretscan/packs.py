"""Looking at whole packs: a push of many files sends them as they are, and file by file would take four times as long.

What is read is not compared with its hash. A push sends the same bytes, and refuses those that are damaged.
"""

from __future__ import annotations

import contextlib
import os
import signal
from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple, cast

import zstandard

from sovrgit.errors import IntegrityFailure, ObjectMissing, StorageFailure
from sovrgit.objects.ids import ID_SIZE, Data, Kind, ObjectId
from sovrgit.pod.secondprocess import Child, FromBothEnds, can_fork, packed, second_process, unpacked
from sovrgit.pod.secretscan.looking import WHOLE
from sovrgit.pod.secretscan.tokens import tokens_in
from sovrgit.store.catalogue import PackInfo
from sovrgit.store.format import ENTRY_HEADER_SIZE, Codec, Toc
from sovrgit.store.packreader import PackReader
from sovrgit.store.store import ObjectStore

MANY = 1_000
"""Objects in a pack that is worth a look as a whole. One that is full of large files' chunks has some hundred."""

LARGE = 4 << 20
"""Bytes of a pack that is sent as it is. Smaller ones are put together, and would be looked at in vain each time."""

WORTHWHILE = 10_000
"""Objects from which a second process pays, which costs some 10 ms."""

_STORED = 4 << 20
_PLAIN = 8 << 20
"""Bytes that are looked at together, in the pack and decompressed: many files, and little memory."""

_GAP = b"\0"
"""Between files that are looked at together: in no token, so none is made of two halves."""


class Looked(NamedTuple):
    """Packs that were looked at, and the blobs in them that something looks like a secret in.

    Their large files, with more than `WHOLE` bytes, were left out.
    """

    packs: set[ObjectId]
    suspects: set[ObjectId]


class Ahead:
    """A look at packs, which a second process may have begun already."""

    def __init__(
        self, store: ObjectStore, packs: Sequence[ObjectId], child: Child, work: FromBothEnds[ObjectId]
    ) -> None:
        self._store = store
        self._packs = packs
        self._child = child
        self._work = work

    def finish(self, wanted: Collection[ObjectId]) -> Looked:
        """What there is in packs, if some of them are wanted: what is left is looked at by both processes."""
        if not any(pack in wanted for pack in self._packs):
            return Looked(set(), set())
        found = look_at(self._store, self._work.from_start())
        answer = self._child.answer()
        others = look_at(self._store, self._work.others()) if answer is None else unpacked(answer, Looked)
        return Looked(found.packs | others.packs, found.suspects | others.suspects)


@contextlib.contextmanager
def looking_ahead(store: ObjectStore, there: Collection[ObjectId]) -> Iterator[Ahead]:
    """Begin to look at large packs that the other side does not have, in a second process if they are many.

    What has to be sent is found out in the meantime, which takes as long. A process that turns out to look at what
    nobody wants is ended with the block.
    """
    infos = [info for info in store.packs() if info.id not in there and info.objects >= MANY and info.size >= LARGE]
    with looking_at(store, infos) as ahead:
        yield ahead


@contextlib.contextmanager
def looking_at(store: ObjectStore, infos: Sequence[PackInfo]) -> Iterator[Ahead]:
    """The same for these packs."""
    packs = [info.id for info in infos]
    work = FromBothEnds(packs)
    if sum(info.objects for info in infos) < WORTHWHILE or not can_fork():
        yield Ahead(store, packs, Child(), work)
        return
    with second_process(lambda: packed(lambda: look_at(store, work.from_end()))) as child:
        try:
            yield Ahead(store, packs, child, work)
        finally:
            # It has answered by now, or is not wanted any more.
            if child.process:
                os.kill(child.process, signal.SIGKILL)


def look_at(store: ObjectStore, packs: Iterable[ObjectId]) -> Looked:
    """Look at packs. Asks nothing of the catalogue, so that a second process may do it. A pack that cannot be read is
    left out."""
    found = Looked(set(), set())
    for pack in packs:
        try:
            found.suspects.update(_suspects(store, pack))
        except (IntegrityFailure, ObjectMissing, StorageFailure, zstandard.ZstdError, ValueError):
            continue
        found.packs.add(pack)
    return found


def _suspects(store: ObjectStore, pack: ObjectId) -> Iterator[ObjectId]:
    with PackReader(store.pack_path(pack), pack) as reader:
        toc = reader.toc()
        for rows in _groups(toc):
            contents = _contents(reader, toc, rows)
            starts = list(accumulate((len(content) + len(_GAP) for content in contents), initial=0))
            for hit in tokens_in(_GAP.join(contents)):
                begin = rows[bisect_right(starts, hit.start) - 1] * ID_SIZE
                yield ObjectId(bytes(toc.ids[begin : begin + ID_SIZE]))


def _groups(toc: Toc) -> Iterator[list[int]]:
    """The rows of the blobs that are looked at, in groups that are read at once."""
    rows: list[int] = []
    first = plain = 0
    columns = zip(toc.kinds, toc.codecs, toc.offsets, toc.sizes, strict=True)
    for row, (kind, codec, offset, size) in enumerate(columns):
        if kind != Kind.BLOB or codec == Codec.CHUNKS or size > WHOLE:
            continue
        if rows and (plain > _PLAIN or offset - first > _STORED):
            yield rows
            rows, plain = [], 0
        if not rows:
            first = offset
        rows.append(row)
        plain += size
    if rows:
        yield rows


def _contents(reader: PackReader, toc: Toc, rows: list[int]) -> list[Data]:
    """The contents of entries that lie close to one another, decompressed in one native call."""
    offsets, stored = toc.offsets, toc.stored
    base = offsets[rows[0]]
    span = memoryview(reader.read(base, offsets[rows[-1]] - base + ENTRY_HEADER_SIZE + stored[rows[-1]]))
    base -= ENTRY_HEADER_SIZE
    zstd = int(Codec.ZSTD)
    packed_rows = [row for row in rows if toc.codecs[row] == zstd]
    plain: Iterator[Data] = iter(())
    if packed_rows:
        segments = array("Q", [value for row in packed_rows for value in (offsets[row] - base, stored[row])])
        frames = zstandard.BufferWithSegments(span, segments.tobytes())
        sizes = array("Q", [toc.sizes[row] for row in packed_rows]).tobytes()
        found = zstandard.ZstdDecompressor().multi_decompress_to_buffer(frames, decompressed_sizes=sizes, threads=0)
        # Its segments are buffers, which its annotations do not say.
        plain = iter(cast("Iterable[Data]", found))
    return [next(plain) if toc.codecs[row] == zstd else span[offsets[row] - base :][: stored[row]] for row in rows]
