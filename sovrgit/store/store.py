"""The object store: what the rest of the program asks for objects."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from sovrgit.errors import ObjectMissing
from sovrgit.objects.commit import Commit
from sovrgit.objects.ids import Data, Kind, ObjectId
from sovrgit.objects.run import Run
from sovrgit.objects.tag import Tag
from sovrgit.objects.tree import EMPTY_TREE, EMPTY_TREE_ID, Tree, TreeEntry
from sovrgit.objects.verdict import Verdict
from sovrgit.store.catalogue import Location, PackInfo
from sovrgit.store.files import reporting, sync_folder
from sovrgit.store.format import ChunkRecord, Toc
from sovrgit.store.guard import Guard
from sovrgit.store.objectreader import ObjectReader
from sovrgit.store.packreader import PackReader
from sovrgit.store.packwriter import FinishedPack
from sovrgit.store.session import WriteSession
from sovrgit.store.shelf import Shelf

_KEPT_ENTRIES = 150_000
"""Entries of trees that are kept decoded: about 40 MiB."""


class ObjectStore:
    """Objects by id, in packs under one folder.

    Every read is verified against the id before it is returned. Where a copy is damaged and another one exists, the
    other one is used.

    Args:
        folder: holds `packs/`, `tmp/` and the catalogue.
        supply: brings objects here that were left at a remote, or says how to get them. Asked where content is read.
    """

    def __init__(self, folder: Path, supply: Callable[[Collection[ObjectId]], None] | None = None) -> None:
        self._supply = supply
        self.shallow: frozenset[ObjectId] = frozenset()
        """Commits at which history was cut: `commit` says that they have no parents."""
        self.packs_folder = folder / "packs"
        self.temporary = folder / "tmp"
        self._trees: OrderedDict[ObjectId, Tree] = OrderedDict()
        self._kept = 0
        self._shelf = Shelf(self.packs_folder, folder / "catalogue.sqlite")
        self._guard = Guard(folder / "use.lock")
        self._reader = ObjectReader(self._shelf)

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
        self._shelf.close()
        self._guard.release()

    # --- writing ------------------------------------------------------------------------------------------------

    def session(self) -> WriteSession:
        """Begin a batch of writes. From now on, until the store is closed, nothing is collected.

        Raises:
            Locked: if another process is collecting garbage and does not finish.
        """
        self.hold()
        return WriteSession(
            self.packs_folder, self.temporary, self._shelf.catalogue.has, self._shelf.catalogue.all_ids, self._publish
        )

    def hold(self) -> None:
        """Keep other processes from removing packs, until the store is closed: what is going to be referred to must
        not go before that.

        Raises:
            Locked: if another process is collecting garbage and does not finish.
        """
        self._guard.share()

    def alone(self) -> AbstractContextManager[None]:
        """Be the only one that writes, for the length of a block.

        Raises:
            Locked: if another process is writing objects.
        """
        return self._guard.exclusive()

    def remove_packs(self, packs: Collection[ObjectId]) -> None:
        """Remove packs, in the order given. The catalogue forgets them first: it must never claim what is not there.

        Raises:
            ReadOnly, StorageFailure: as the operating system reports.
        """
        if not packs:
            return
        self._shelf.drop(packs)
        with reporting(self.packs_folder):
            for pack in packs:
                self.pack_path(pack).unlink(missing_ok=True)
            sync_folder(self.packs_folder)

    def adopt(self, packs: Iterable[tuple[ObjectId, Toc]]) -> None:
        """Take packs that lie under their final names, and were verified, into the catalogue."""
        found = []
        for pack, toc in packs:
            with PackReader(self.pack_path(pack), pack) as reader:
                found.append((PackInfo(pack, reader.size, reader.pack_class(), len(toc)), toc))
        self._shelf.catalogue.add(found)

    def _publish(self, packs: list[FinishedPack]) -> None:
        self._shelf.catalogue.add((PackInfo(pack.id, pack.size, pack.kind, len(pack.toc)), pack.toc) for pack in packs)

    # --- asking -------------------------------------------------------------------------------------------------

    def has(self, wanted: ObjectId) -> bool:
        """Whether an object is here."""
        return self._shelf.catalogue.has(wanted)

    def absent(self, wanted: Collection[ObjectId]) -> list[ObjectId]:
        """Those of many objects that are not here."""
        return self._shelf.absent(wanted)

    def ensure(self, wanted: Iterable[ObjectId]) -> None:
        """Bring objects here that were left at a remote, all at once.

        Raises:
            ObjectMissing: if one of them cannot be had.
        """
        absent = self.absent([item for item in dict.fromkeys(wanted) if item != EMPTY_TREE_ID])
        if absent and self._supply is None:
            raise ObjectMissing(id=absent[0])
        if absent and self._supply is not None:
            self._supply(absent)

    def of_kind(self, kind: Kind) -> list[ObjectId]:
        """All objects of a kind."""
        return self._shelf.catalogue.of_kind(kind)

    def kind(self, wanted: ObjectId) -> Kind:
        """What kind of object an id names.

        Raises:
            ObjectMissing: if it is not here.
        """
        return self._shelf.locate(wanted)[0].kind

    def size(self, wanted: ObjectId) -> int:
        """The size of an object, in bytes.

        Raises:
            ObjectMissing: if it is not here.
        """
        return self._shelf.locate(wanted)[0].size

    def starting_with(self, prefix: str, limit: int = 20) -> list[tuple[ObjectId, Kind]]:
        """Up to `limit` objects whose hexadecimal id begins with `prefix`, with their kinds."""
        return self._shelf.catalogue.starting_with(prefix, limit)

    def packs(self) -> list[PackInfo]:
        """All packs."""
        return self._shelf.catalogue.packs()

    def pack_path(self, pack: ObjectId) -> Path:
        """Where a pack lies."""
        return self._shelf.path(pack)

    def chunked(self, pack: ObjectId) -> list[tuple[ObjectId, Location]]:
        """The chunked objects of a pack, in its order."""
        return self._shelf.catalogue.chunked(pack)

    def contents(self, pack: ObjectId) -> list[tuple[ObjectId, Location]]:
        """The entries of a pack, in its order."""
        return self._shelf.catalogue.contents(pack)

    def location(self, wanted: ObjectId) -> Location:
        """Where an object is.

        Raises:
            ObjectMissing: if it is not here.
        """
        return self._shelf.locate(wanted)[0]

    def locations(self, wanted: Collection[ObjectId]) -> dict[ObjectId, Location]:
        """Where many objects are.

        Raises:
            ObjectMissing: if one of them is not here.
        """
        return self._shelf.locations(wanted)

    def counts(self) -> dict[Kind, int]:
        """The number of objects of each kind."""
        return self._shelf.catalogue.counts()

    # --- reading ------------------------------------------------------------------------------------------------

    def read(self, wanted: ObjectId, kind: Kind) -> Data:
        """The verified bytes of an object, whole.

        Raises:
            ObjectMissing: if it is not here.
            IntegrityFailure: if no undamaged copy is here, or it is of another kind.
            StorageFailure: if the operating system cannot read any copy.
        """
        if kind is Kind.TREE and wanted == EMPTY_TREE_ID:
            return EMPTY_TREE.encode()
        try:
            return self._reader.read(wanted, kind)
        except ObjectMissing:
            # If it is here, a piece of it is not: that is damage.
            if self._supply is None or self.has(wanted):
                raise
            self._supply([wanted])
            return self._reader.read(wanted, kind)

    def read_entry(self, _: bytes, entry: TreeEntry) -> bytes:
        """The content of a file or link at a path, for whoever compares contents by path.

        Raises:
            ObjectMissing, IntegrityFailure: as for `read`.
        """
        return bytes(self.read(entry.id, Kind.BLOB))

    def stream(self, wanted: ObjectId) -> Iterator[Data]:
        """The bytes of a blob of any size, piece by piece, each verified before it is yielded.

        Raises:
            ObjectMissing: if it, or a piece of it, is not here.
            IntegrityFailure: at the damaged piece, or at the end if the whole has another hash.
        """
        if self._supply is not None:
            self.ensure([wanted])
        return self._reader.stream(wanted)

    def check_whole(self, wanted: ObjectId) -> None:
        """Check a chunked blob, as `stream` does; for packs that were verified, in half the time.

        Raises:
            ObjectMissing, IntegrityFailure: as for `stream`.
        """
        self._reader.check_whole(wanted)

    def read_many(self, wanted: Iterable[ObjectId]) -> Iterator[tuple[ObjectId, Data | None]]:
        """Many blobs, in the order in which they lie in the packs; None for those that are chunked (use `stream`).

        Raises:
            ObjectMissing, IntegrityFailure: as for `read`.
        """
        asked = set(wanted)
        if self._supply is not None:
            self.ensure(asked)
        places = self.locations(asked)
        yield from self.read_placed(
            sorted(((place, item) for item, place in places.items()), key=lambda pair: (pair[0].pack, pair[0].offset))
        )

    def read_placed(self, placed: Iterable[tuple[Location, ObjectId]]) -> Iterator[tuple[ObjectId, Data | None]]:
        """The same for blobs whose places are known, in the order given: that of the packs is fastest.

        Raises:
            ObjectMissing, IntegrityFailure: as for `read`.
        """
        return self._reader.read_placed(placed)

    def commit(self, wanted: ObjectId) -> Commit:
        """A commit. Where history was cut, without its parents."""
        commit = self.recorded_commit(wanted)
        return replace(commit, parents=()) if wanted in self.shallow else commit

    def recorded_commit(self, wanted: ObjectId) -> Commit:
        """A commit as it was recorded, whether its parents are here or not."""
        return Commit.decode(bytes(self.read(wanted, Kind.COMMIT)))

    def tree(self, wanted: ObjectId) -> Tree:
        """A tree. The most recent ones are kept in memory."""
        tree = self._trees.get(wanted)
        if tree is None:
            tree = self._trees[wanted] = Tree.decode(bytes(self.read(wanted, Kind.TREE)))
            self._kept += len(tree.entries)
            while self._kept > _KEPT_ENTRIES and len(self._trees) > 1:
                self._kept -= len(self._trees.popitem(last=False)[1].entries)
        else:
            self._trees.move_to_end(wanted)
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

    def raw_entry(self, location: Location, wanted: ObjectId) -> Data:
        """The payload of an object as a pack has it, to be copied into another pack. What can be verified is: the
        whole object, or if it is chunked, the form of its list.

        Raises:
            IntegrityFailure: if it is damaged.
        """
        return self._reader.raw_entry(location, wanted)

    def chunks(self, wanted: ObjectId) -> list[ObjectId]:
        """The ids of the blobs that a chunked object needs, the pieces of its list included; empty if it is whole."""
        return self._reader.chunks(wanted)

    def pieces(self, wanted: ObjectId) -> Iterator[ChunkRecord]:
        """The pieces of a blob in order, itself if it is not chunked.

        Raises:
            ObjectMissing, IntegrityFailure: as for `read`.
        """
        return self._reader.pieces(wanted)

    def read_raw(self, location: Location, buffer: memoryview) -> None:
        """Fill a buffer with an entry as the pack has it, header and payload, unverified.

        Raises:
            IntegrityFailure: if the pack is gone or too short.
        """
        self._shelf.reader(location.pack).read_into(buffer, location.offset)

    # --- upkeep -------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Bring the catalogue up to date with the packs that lie in the folder.

        Raises:
            StorageFailure: if the operating system cannot read the folder or a pack.
        """
        self._shelf.refresh()

    def rebuild(self) -> None:
        """Make the catalogue anew from the packs alone."""
        self._shelf.rebuild()
