"""Reading objects out of packs: whole or in pieces, one or many, each verified against its id."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from sovrgit.errors import IntegrityFailure, ObjectMissing, StorageFailure
from sovrgit.objects.codec import size_limit
from sovrgit.objects.ids import Data, Kind, ObjectId, hash_object, hasher
from sovrgit.store.catalogue import Location
from sovrgit.store.compress import decompress
from sovrgit.store.format import ENTRY_HEADER_SIZE, ChunkRecord, Codec, EntryHeader, read_chunk_list
from sovrgit.store.packreader import verified
from sovrgit.store.shelf import Shelf

_SPAN = 4 << 20
"""Bytes read at once when many objects are wanted."""

_AHEAD = 16
"""Pieces that may be read before they are hashed: they are of the same span, most of the time, or of the one before."""

_MAX_LIST_DEPTH = 4
"""Levels of chunk lists that are followed, and of chunked pieces in them: enough for files beyond any disk."""


class ObjectReader:
    """Reads objects of the packs on a shelf. Where a copy is damaged and another one exists, the other one is used."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def read(self, wanted: ObjectId, kind: Kind) -> Data:
        """The verified bytes of an object, whole.

        Raises:
            ObjectMissing, IntegrityFailure, StorageFailure: as for `ObjectStore.read`.
        """
        return self._read(wanted, kind, _MAX_LIST_DEPTH)

    def stream(self, wanted: ObjectId) -> Iterator[Data]:
        """The bytes of a blob of any size, piece by piece, each verified before it is yielded.

        Raises:
            ObjectMissing: if it, or a piece of it, is not here.
            IntegrityFailure: at the damaged piece, or at the end if the whole has another hash.
        """
        location, records = self._shelf.from_any_copy(wanted, lambda place: (place, self._complete_list(place, wanted)))
        if location.codec is not Codec.CHUNKS:
            yield self.read(wanted, Kind.BLOB)
            return
        whole = hasher(Kind.BLOB)
        for piece in self._pieces(wanted, location, records, _MAX_LIST_DEPTH):
            whole.update(piece)
            yield piece
        if location.kind is not Kind.BLOB or whole.digest() != wanted:
            raise IntegrityFailure(what=f"object {wanted.short}", reason="its pieces do not make the whole")

    def check_whole(self, wanted: ObjectId) -> None:
        """Check a chunked blob, as `stream` does; for packs that were verified, in half the time.

        Raises:
            ObjectMissing, IntegrityFailure, StorageFailure: as for `stream`.
        """
        try:
            if self._digest(wanted) == wanted:
                # The hash of the whole proves every piece of it.
                return
        except (ObjectMissing, IntegrityFailure, StorageFailure):
            pass
        # Perhaps another copy is sound; if not, it is told which piece is not.
        for _ in self.stream(wanted):
            pass

    def _digest(self, wanted: ObjectId) -> bytes:
        records = list(self.pieces(wanted))
        places = self._shelf.locations({record.id for record in records})
        whole = hasher(Kind.BLOB)
        waiting: deque[Future[object]] = deque()
        # Hashing lets other threads run, so the next pieces are read meanwhile.
        with ThreadPoolExecutor(1, "sovr-hash") as hashing:
            placed = ((places[record.id], record.id) for record in records)
            for item, piece in self.read_placed(placed, verify=False):
                data = self.read(item, Kind.BLOB) if piece is None else piece
                waiting.append(hashing.submit(whole.update, data))
                if len(waiting) > _AHEAD:
                    waiting.popleft().result()
        return whole.digest()

    def read_placed(
        self, placed: Iterable[tuple[Location, ObjectId]], *, verify: bool = True
    ) -> Iterator[tuple[ObjectId, Data | None]]:
        """The same for blobs whose places are known, in the order given: that of the packs is fastest.

        Args:
            verify: False if the caller does it.

        Raises:
            ObjectMissing, IntegrityFailure: as for `read`.
        """
        span: list[tuple[Location, ObjectId]] = []
        for location, item in placed:
            if location.codec is Codec.CHUNKS:
                yield from self._read_span(span, verify)
                yield item, None
                span = []
                continue
            if span and (location.pack != span[0][0].pack or not 0 <= location.offset - span[0][0].offset <= _SPAN):
                yield from self._read_span(span, verify)
                span = []
            span.append((location, item))
        yield from self._read_span(span, verify)

    def raw_entry(self, location: Location, wanted: ObjectId) -> Data:
        """The payload of an object as a pack has it, to be copied into another pack. What can be verified is: the
        whole object, or if it is chunked, the form of its list.

        Raises:
            IntegrityFailure: if it is damaged.
        """
        if location.codec is Codec.CHUNKS:
            self._list(location, wanted)
            return self._entry(location, wanted)[1]
        header, payload = self._entry(location, wanted)
        verified(header, payload, wanted, f"pack {location.pack.short}")
        return payload

    def chunks(self, wanted: ObjectId) -> list[ObjectId]:
        """The ids of the blobs that a chunked object needs, the pieces of its list included; empty if it is whole."""
        try:
            location, records = self._shelf.from_any_copy(
                wanted, lambda place: (place, self._complete_list(place, wanted))
            )
        except ObjectMissing:
            # Its pieces need not be here for their names to be known.
            location, records = self._shelf.from_any_copy(wanted, lambda place: (place, self._list(place, wanted)))
        if location.codec is not Codec.CHUNKS:
            return []
        lists: list[ObjectId] = []
        needed = [record.id for record in self._follow(wanted, records, location.depth, _MAX_LIST_DEPTH, lists)]
        for piece in lists:
            needed += self.chunks(piece)
        return needed + lists

    def pieces(self, wanted: ObjectId) -> Iterator[ChunkRecord]:
        """The pieces of a blob in order, itself if it is not chunked.

        Raises:
            ObjectMissing, IntegrityFailure: as for `read`.
        """
        location, records = self._shelf.from_any_copy(wanted, lambda place: (place, self._complete_list(place, wanted)))
        if location.codec is not Codec.CHUNKS:
            yield ChunkRecord(wanted, location.size)
            return
        yield from self._records(wanted, location, records, _MAX_LIST_DEPTH)

    # --- inside -------------------------------------------------------------------------------------------------

    def _read(self, wanted: ObjectId, kind: Kind, levels: int, size: int | None = None) -> Data:
        return self._shelf.from_any_copy(wanted, lambda place: self._read_at(place, wanted, kind, levels, size))

    def _read_at(self, location: Location, wanted: ObjectId, kind: Kind, levels: int, size: int | None) -> Data:
        what = f"object {wanted.short}"
        if location.kind is not kind:
            raise IntegrityFailure(what=what, reason=f"it is a {location.kind.label} where a {kind.label} belongs")
        if size is not None and location.size != size:
            raise IntegrityFailure(what=what, reason="as a piece of another one it should have another length")
        if location.size > size_limit(kind) and kind is not Kind.BLOB:
            raise IntegrityFailure(what=what, reason=f"{location.size} bytes are too large")
        if location.codec is Codec.CHUNKS:
            if not levels:
                raise IntegrityFailure(what=what, reason="its chunk lists have no end")
            records = self._complete_list(location, wanted)
            data = b"".join(self._pieces(wanted, location, records, levels))
            if hash_object(kind, data) != wanted:
                raise IntegrityFailure(what=what, reason="its pieces do not make the whole")
            return data
        header, payload = self._entry(location, wanted)
        return verified(header, payload, wanted, f"pack {location.pack.short}")

    def _entry(self, location: Location, wanted: ObjectId) -> tuple[EntryHeader, Data]:
        """An entry that is what the catalogue says it is."""
        reader = self._shelf.reader(location.pack)
        header, payload = reader.entry(location.offset, location.stored)
        _check_header(header, location, wanted)
        return header, payload

    def _list(self, location: Location, wanted: ObjectId) -> list[ChunkRecord]:
        """The topmost chunk list of an object; empty if it has none."""
        if location.codec is not Codec.CHUNKS:
            return []
        what = f"object {wanted.short}"
        header, payload = self._entry(location, wanted)
        if header.depth > _MAX_LIST_DEPTH:
            raise IntegrityFailure(what=what, reason=f"{header.depth} levels of chunk lists are too many")
        records = read_chunk_list(bytes(payload), what)
        if header.depth == 1 and sum(record.length for record in records) != location.size:
            raise IntegrityFailure(what=what, reason="its pieces have another length than the whole")
        return records

    def _complete_list(self, location: Location, wanted: ObjectId) -> list[ChunkRecord]:
        """The same, with everything in it known to be here: a list has no hash of its own, so damage shows so."""
        records = self._list(location, wanted)
        for record in records:
            if all(place.size != record.length for place in self._shelf.locate(record.id)):
                raise IntegrityFailure(what=f"object {wanted.short}", reason="a piece of it has another length")
        return records

    def _pieces(self, wanted: ObjectId, location: Location, records: list[ChunkRecord], levels: int) -> Iterator[Data]:
        for record in self._records(wanted, location, records, levels):
            yield self._read(record.id, Kind.BLOB, levels - 1, record.length)

    def _records(
        self, wanted: ObjectId, location: Location, records: list[ChunkRecord], levels: int
    ) -> Iterator[ChunkRecord]:
        left = location.size
        for record in self._follow(wanted, records, location.depth, levels):
            left -= record.length
            if left < 0:
                break
            yield record
        if left:
            raise IntegrityFailure(
                what=f"object {wanted.short}", reason="its pieces have another length than the whole"
            )

    def _follow(
        self,
        wanted: ObjectId,
        records: list[ChunkRecord],
        depth: int,
        levels: int,
        lists: list[ObjectId] | None = None,
    ) -> Iterator[ChunkRecord]:
        """The records at the bottom of chunk lists; the ids of the lists on the way are added to `lists`."""
        if depth == 1:
            yield from records
            return
        for record in records:
            if lists is not None:
                lists.append(record.id)
            piece = self._read(record.id, Kind.BLOB, levels - 1, record.length)
            below = read_chunk_list(bytes(piece), f"object {wanted.short}")
            yield from self._follow(wanted, below, depth - 1, levels, lists)

    def _read_span(self, span: list[tuple[Location, ObjectId]], verify: bool) -> Iterator[tuple[ObjectId, Data]]:
        if not span:
            return
        first, last = span[0][0], span[-1][0]
        length = last.offset - first.offset + ENTRY_HEADER_SIZE + last.stored
        try:
            reader = self._shelf.reader(first.pack)
            data = reader.read(first.offset, length)
        except (IntegrityFailure, StorageFailure):
            # One by one then, each from wherever it can be had.
            for _, item in span:
                yield item, self.read(item, Kind.BLOB)
            return
        view = memoryview(data)
        for location, item in span:
            # The hash says more than the header does, and the catalogue has what is needed to get at it.
            start = location.offset - first.offset + ENTRY_HEADER_SIZE
            try:
                if location.kind is not Kind.BLOB:
                    raise IntegrityFailure(what=f"object {item.short}", reason=f"it is a {location.kind.label}")
                blob = decompress(location.codec, view[start : start + location.stored], location.size, reader.what)
                if verify and hash_object(Kind.BLOB, blob) != item:
                    raise IntegrityFailure(what=f"object {item.short}", reason="its hash is another")
            except IntegrityFailure:
                blob = self.read(item, Kind.BLOB)
            yield item, blob


def _check_header(header: EntryHeader, location: Location, wanted: ObjectId) -> None:
    said = (location.kind, location.codec, location.depth, location.stored, location.size, wanted)
    if header != said:
        raise IntegrityFailure(what=f"object {wanted.short}", reason="its pack and its table of contents differ")
