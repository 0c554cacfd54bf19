"""The object store: what the rest of the program asks for objects."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from pathlib import Path

from sovrgit.errors import IntegrityFailure, ObjectMissing
from sovrgit.objects.codec import size_limit
from sovrgit.objects.commit import Commit
from sovrgit.objects.ids import Data, Kind, ObjectId, hash_object, hasher
from sovrgit.objects.run import Run
from sovrgit.objects.tag import Tag
from sovrgit.objects.tree import EMPTY_TREE, Tree
from sovrgit.objects.verdict import Verdict
from sovrgit.store.catalogue import Catalogue, Location, PackInfo
from sovrgit.store.files import reporting
from sovrgit.store.format import ENTRY_HEADER_SIZE, ChunkRecord, Codec, Toc, read_chunk_list
from sovrgit.store.packreader import PackReader, salvage, verified
from sovrgit.store.packwriter import FinishedPack
from sovrgit.store.session import WriteSession

_OPEN_PACKS = 64
"""Packs kept open: well below the usual limit of 1,024 descriptors a process."""

_SPAN = 4 << 20
"""Bytes read at once when many objects are wanted."""

_MAX_LIST_DEPTH = 4
"""Levels of chunk lists that are followed: enough for files beyond any disk."""

EMPTY_TREE_ID = EMPTY_TREE.id()


class ObjectStore:
    """Objects by id, in packs under one folder.

    Every read is verified against the id before it is returned. Where a copy is damaged and another one exists, the
    other one is used.

    Args:
        folder: holds `packs/`, `tmp/` and the catalogue.
    """

    def __init__(self, folder: Path) -> None:
        self.packs_folder = folder / "packs"
        self.temporary = folder / "tmp"
        self._catalogue = Catalogue(folder / "catalogue.sqlite")
        self._readers: OrderedDict[ObjectId, PackReader] = OrderedDict()
        self._trees: OrderedDict[ObjectId, Tree] = OrderedDict()
        self.refresh()

    @staticmethod
    def create(folder: Path) -> None:
        """Make the folders of an empty store.

        Raises:
            StorageFull, ReadOnly, StorageFailure: as the operating system reports.
        """
        with reporting(folder):
            (folder / "packs").mkdir(parents=True)
            (folder / "tmp").mkdir()

    def close(self) -> None:
        """Let go of all files."""
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()
        self._catalogue.close()

    # --- writing ------------------------------------------------------------------------------------------------

    def session(self) -> WriteSession:
        """Begin a batch of writes."""
        return WriteSession(self.packs_folder, self.temporary, self._catalogue.has, self._publish)

    def adopt(self, pack: ObjectId, toc: Toc) -> None:
        """Take a pack that lies under its final name, and was verified, into the catalogue."""
        with PackReader(self.pack_path(pack), pack) as reader:
            info = PackInfo(pack, reader.size, reader.pack_class(), len(toc))
        self._catalogue.add([(info, toc)])

    def _publish(self, packs: list[FinishedPack]) -> None:
        self._catalogue.add((PackInfo(pack.id, pack.size, pack.kind, len(pack.toc)), pack.toc) for pack in packs)

    # --- asking -------------------------------------------------------------------------------------------------

    def has(self, wanted: ObjectId) -> bool:
        """Whether an object is here."""
        return self._catalogue.has(wanted)

    def kind(self, wanted: ObjectId) -> Kind:
        """What kind of object an id names.

        Raises:
            ObjectMissing: if it is not here.
        """
        return self._locate(wanted)[0].kind

    def size(self, wanted: ObjectId) -> int:
        """The size of an object, in bytes.

        Raises:
            ObjectMissing: if it is not here.
        """
        return self._locate(wanted)[0].size

    def starting_with(self, prefix: str, limit: int = 20) -> list[tuple[ObjectId, Kind]]:
        """Up to `limit` objects whose hexadecimal id begins with `prefix`, with their kinds."""
        return self._catalogue.starting_with(prefix, limit)

    def packs(self) -> list[PackInfo]:
        """All packs."""
        return self._catalogue.packs()

    def pack_path(self, pack: ObjectId) -> Path:
        """Where a pack lies."""
        return self.packs_folder / f"{pack}.pack"

    def contents(self, pack: ObjectId) -> list[tuple[ObjectId, Location]]:
        """The entries of a pack, in its order."""
        return list(self._catalogue.contents(pack))

    def location(self, wanted: ObjectId) -> Location:
        """Where an object is.

        Raises:
            ObjectMissing: if it is not here.
        """
        return self._locate(wanted)[0]

    def counts(self) -> dict[Kind, int]:
        """The number of objects of each kind."""
        return self._catalogue.counts()

    # --- reading ------------------------------------------------------------------------------------------------

    def read(self, wanted: ObjectId, kind: Kind) -> Data:
        """The verified bytes of an object, whole.

        Raises:
            ObjectMissing: if it is not here.
            IntegrityFailure: if no undamaged copy is here, or it is of another kind.
        """
        if kind is Kind.TREE and wanted == EMPTY_TREE_ID:
            return EMPTY_TREE.encode()
        failure: IntegrityFailure | None = None
        for location in self._locate(wanted):
            if location.kind is not kind:
                raise IntegrityFailure(
                    what=f"object {wanted.short}", reason=f"it is a {location.kind.label} where a {kind.label} belongs"
                )
            try:
                return self._read_at(location, wanted)
            except IntegrityFailure as error:
                failure = error
        assert failure is not None
        raise failure

    def stream(self, wanted: ObjectId) -> Iterator[Data]:
        """The bytes of a blob of any size, piece by piece, each verified before it is yielded.

        Raises:
            ObjectMissing: if it, or a piece of it, is not here.
            IntegrityFailure: at the damaged piece, or at the end if the whole has another hash.
        """
        location = self._locate(wanted)[0]
        if location.codec is not Codec.CHUNKS:
            yield self.read(wanted, Kind.BLOB)
            return
        whole = hasher(location.kind)
        for record in self._pieces(wanted, location):
            piece = self.read(record.id, Kind.BLOB)
            if len(piece) != record.length:
                raise IntegrityFailure(what=f"object {wanted.short}", reason="a piece has another length")
            whole.update(piece)
            yield piece
        if whole.digest() != wanted:
            raise IntegrityFailure(what=f"object {wanted.short}", reason="its pieces do not make the whole")

    def read_many(self, wanted: Iterable[ObjectId]) -> Iterator[tuple[ObjectId, Data | None]]:
        """Many blobs, in the order in which they lie in the packs; None for those that are chunked (use `stream`).

        Raises:
            ObjectMissing, IntegrityFailure: as for `read`.
        """
        placed = sorted(
            ((self._locate(item)[0], item) for item in set(wanted)), key=lambda pair: (pair[0].pack, pair[0].offset)
        )
        span: list[tuple[Location, ObjectId]] = []
        for location, item in placed:
            if location.codec is Codec.CHUNKS:
                yield item, None
                continue
            if span and (location.pack != span[0][0].pack or location.offset - span[0][0].offset > _SPAN):
                yield from self._read_span(span)
                span = []
            span.append((location, item))
        if span:
            yield from self._read_span(span)

    def commit(self, wanted: ObjectId) -> Commit:
        """A commit."""
        return Commit.decode(bytes(self.read(wanted, Kind.COMMIT)))

    def tree(self, wanted: ObjectId) -> Tree:
        """A tree. The most recent ones are kept in memory."""
        tree = self._trees.get(wanted)
        if tree is None:
            tree = self._trees[wanted] = Tree.decode(bytes(self.read(wanted, Kind.TREE)))
            if len(self._trees) > 2000:
                self._trees.popitem(last=False)
        return tree

    def run(self, wanted: ObjectId) -> Run:
        """A run record."""
        return Run.decode(bytes(self.read(wanted, Kind.RUN)))

    def verdict(self, wanted: ObjectId) -> Verdict:
        """A verdict."""
        return Verdict.decode(bytes(self.read(wanted, Kind.VERDICT)))

    def tag(self, wanted: ObjectId) -> Tag:
        """A tag."""
        return Tag.decode(bytes(self.read(wanted, Kind.TAG)))

    def raw_entry(self, location: Location) -> Data:
        """The payload as the pack has it, to be copied into another pack."""
        return self._reader(location.pack).entry(location.offset, location.stored)[1]

    def chunks(self, wanted: ObjectId) -> list[ObjectId]:
        """The ids of the blobs that a chunked object needs, the pieces of its list included; empty if it is whole."""
        location = self._locate(wanted)[0]
        if location.codec is not Codec.CHUNKS:
            return []
        needed: list[ObjectId] = []
        return [record.id for record in self._pieces(wanted, location, needed)] + needed

    # --- upkeep -------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Bring the catalogue up to date with the packs that lie in the folder."""
        try:
            names = os.listdir(self.packs_folder)
        except FileNotFoundError:
            names = []
        present = {ObjectId.parse(name[:-5]) for name in names if name.endswith(".pack") and len(name) == 69}
        known = {info.id for info in self._catalogue.packs()}
        if gone := known - present:
            self._catalogue.drop(gone)
            for pack in gone:
                if reader := self._readers.pop(pack, None):
                    reader.close()
        # Sorted, so that two rebuilt catalogues prefer the same copy.
        for pack in sorted(present - known):
            self._catalogue.add([self._examine(pack)])

    def rebuild(self) -> None:
        """Make the catalogue anew from the packs alone."""
        self._catalogue.reset()
        self.refresh()

    def _examine(self, pack: ObjectId) -> tuple[PackInfo, Toc]:
        with PackReader(self.pack_path(pack), pack) as reader:
            try:
                toc = reader.toc()
                kind = reader.pack_class()
            except IntegrityFailure:
                toc, kind = salvage(reader)
            return PackInfo(pack, reader.size, kind, len(toc)), toc

    # --- inside -------------------------------------------------------------------------------------------------

    def _locate(self, wanted: ObjectId) -> list[Location]:
        found = self._catalogue.find(wanted)
        if not found:
            # Another process may have written it since the catalogue was opened.
            self.refresh()
            found = self._catalogue.find(wanted)
        if not found:
            raise ObjectMissing(id=wanted)
        return found

    def _read_at(self, location: Location, wanted: ObjectId) -> Data:
        if location.size > size_limit(location.kind) and location.kind is not Kind.BLOB:
            raise IntegrityFailure(what=f"object {wanted.short}", reason=f"{location.size} bytes are too large")
        if location.codec is Codec.CHUNKS:
            pieces = [self.read(record.id, Kind.BLOB) for record in self._pieces(wanted, location)]
            data = b"".join(pieces)
            if hash_object(location.kind, data) != wanted:
                raise IntegrityFailure(what=f"object {wanted.short}", reason="its pieces do not make the whole")
            return data
        reader = self._reader(location.pack)
        header, payload = reader.entry(location.offset, location.stored)
        return verified(header, payload, wanted, reader.what)

    def _pieces(
        self, wanted: ObjectId, location: Location, needed: list[ObjectId] | None = None
    ) -> Iterator[ChunkRecord]:
        reader = self._reader(location.pack)
        header, payload = reader.entry(location.offset, location.stored)
        if header.id != wanted or header.codec is not Codec.CHUNKS or not 0 < header.depth <= _MAX_LIST_DEPTH:
            raise IntegrityFailure(what=f"object {wanted.short}", reason="its chunk list is not where it should be")
        what = f"object {wanted.short}"
        yield from self._follow(read_chunk_list(bytes(payload), what), header.depth, what, needed)

    def _follow(
        self, records: list[ChunkRecord], depth: int, what: str, needed: list[ObjectId] | None
    ) -> Iterator[ChunkRecord]:
        if depth == 1:
            yield from records
            return
        for record in records:
            if needed is not None:
                needed.append(record.id)
            below = read_chunk_list(bytes(self.read(record.id, Kind.BLOB)), what)
            yield from self._follow(below, depth - 1, what, needed)

    def _read_span(self, span: list[tuple[Location, ObjectId]]) -> Iterator[tuple[ObjectId, Data]]:
        first, last = span[0][0], span[-1][0]
        reader = self._reader(first.pack)
        try:
            data = reader.read(first.offset, last.offset - first.offset + ENTRY_HEADER_SIZE + last.stored)
        except IntegrityFailure:
            data = b""
        for location, item in span:
            try:
                header, payload = reader.entry_in(data, location.offset - first.offset, location.stored)
                blob = verified(header, payload, item, reader.what)
                if header.kind is not Kind.BLOB:
                    raise IntegrityFailure(what=f"object {item.short}", reason=f"it is a {header.kind.label}")
            except IntegrityFailure:
                blob = self.read(item, Kind.BLOB)
            yield item, blob

    def _reader(self, pack: ObjectId) -> PackReader:
        reader = self._readers.get(pack)
        if reader is None:
            try:
                reader = PackReader(self.pack_path(pack), pack)
            except ObjectMissing:
                raise IntegrityFailure(what=f"pack {pack.short}", reason="the file is gone") from None
            self._readers[pack] = reader
            if len(self._readers) > _OPEN_PACKS:
                self._readers.popitem(last=False)[1].close()
        else:
            self._readers.move_to_end(pack)
        return reader
