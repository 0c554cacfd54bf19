"""The packs in one folder: what is in them, kept up to date, and the files that are open."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TypeVar

from sovrgit.errors import IntegrityFailure, ObjectMissing, SovrError, StorageFailure
from sovrgit.objects.ids import ObjectId
from sovrgit.store.catalogue import Catalogue, Location, PackInfo
from sovrgit.store.files import reporting, sync_folder
from sovrgit.store.format import Toc
from sovrgit.store.packreader import PackReader, salvage

_OPEN_PACKS = 64
"""Packs kept open: well below the usual limit of 1,024 descriptors a process."""

Result = TypeVar("Result")


class Shelf:
    """Packs, and where everything in them is.

    Args:
        packs: the folder that holds the packs.
        catalogue: the catalogue's file.
    """

    def __init__(self, packs: Path, catalogue: Path) -> None:
        self.folder = packs
        self._readers: OrderedDict[ObjectId, PackReader] = OrderedDict()
        self._rebuilt = False
        self.catalogue = Catalogue(catalogue, self.refresh)
        self.refresh()

    def close(self) -> None:
        """Let go of all files."""
        self._let_go(list(self._readers))
        self.catalogue.close()

    def path(self, pack: ObjectId) -> Path:
        """Where a pack lies."""
        return self.folder / f"{pack}.pack"

    def locate(self, wanted: ObjectId) -> list[Location]:
        """All places of an object.

        Raises:
            ObjectMissing: if it is not here.
        """
        found = self.catalogue.find(wanted)
        if not found:
            # Another process may have written it since the catalogue was opened.
            self.refresh()
            found = self.catalogue.find(wanted)
        if not found:
            raise ObjectMissing(id=wanted)
        return found

    def from_any_copy(self, wanted: ObjectId, attempt: Callable[[Location], Result]) -> Result:
        """What `attempt` makes of the first copy that it does not fail with."""
        try:
            return self._from_known_copies(wanted, attempt)
        except (IntegrityFailure, StorageFailure):
            # Perhaps packs were folded by another process, or it is the catalogue that is wrong.
            if self._rebuilt or self._present() != {info.id for info in self.catalogue.packs()}:
                self._let_go(list(self._readers))
                self.refresh()
            else:
                self.rebuild()
        return self._from_known_copies(wanted, attempt)

    def _from_known_copies(self, wanted: ObjectId, attempt: Callable[[Location], Result]) -> Result:
        failures: list[SovrError] = []
        for place in self.locate(wanted):
            try:
                return attempt(place)
            except (IntegrityFailure, ObjectMissing, StorageFailure) as error:
                failures.append(error)
        raise failures[0]

    def locations(self, wanted: Collection[ObjectId]) -> dict[ObjectId, Location]:
        """Where many objects are.

        Raises:
            ObjectMissing: if one of them is not here.
        """
        found = self.catalogue.find_many(wanted)
        if len(found) < len(wanted):
            for item in wanted:
                if item not in found:
                    found[item] = self.locate(item)[0]
        return found

    def absent(self, wanted: Collection[ObjectId]) -> list[ObjectId]:
        """Those of many objects that are not here."""
        found = self.catalogue.find_many(wanted)
        if len(found) < len(wanted):
            self.refresh()
            found = self.catalogue.find_many(wanted)
        return [item for item in wanted if item not in found]

    def reader(self, pack: ObjectId) -> PackReader:
        """An open pack. It stays open for as long as it is among those used last.

        Raises:
            IntegrityFailure: if the file is gone.
        """
        reader = self._readers.get(pack)
        if reader is None:
            try:
                reader = PackReader(self.path(pack), pack)
            except ObjectMissing:
                raise IntegrityFailure(what=f"pack {pack.short}", reason="the file is gone") from None
            self._readers[pack] = reader
            if len(self._readers) > _OPEN_PACKS:
                self._readers.popitem(last=False)[1].close()
        else:
            self._readers.move_to_end(pack)
        return reader

    def refresh(self) -> None:
        """Bring the catalogue up to date with the packs that lie in the folder.

        Raises:
            StorageFailure: if the operating system cannot read the folder or a pack.
        """
        # In this order: a pack that another process adds in between is looked at twice, and not dropped.
        known = {info.id for info in self.catalogue.packs()}
        present = self._present()
        if gone := known - present:
            self.catalogue.drop(gone)
            self._let_go(gone)
        if new := present - known:
            # A process that was killed may have named them and not made the names durable. From now on commits rely
            # on what is in them.
            with reporting(self.folder):
                sync_folder(self.folder)
        # Sorted, so that two rebuilt catalogues prefer the same copy.
        for pack in sorted(new):
            try:
                found = self._examine(pack)
            except ObjectMissing:
                continue  # Removed by another process since the folder was listed.
            self.catalogue.add([found])

    def _present(self) -> set[ObjectId]:
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return set()
        except OSError as error:
            raise StorageFailure(path=self.folder, reason=(error.strerror or str(error)).lower()) from error
        present = set()
        for name in names:
            stem, ending = os.path.splitext(name)
            if ending == ".pack":
                try:
                    present.add(ObjectId.parse(stem))
                except ValueError:
                    continue  # Not a name that any pack has had.
        return present

    def drop(self, packs: Collection[ObjectId]) -> None:
        """Forget packs that are about to go."""
        self.catalogue.drop(packs)
        self._let_go(packs)

    def rebuild(self) -> None:
        """Make the catalogue anew from the packs alone."""
        self._rebuilt = True
        self._let_go(list(self._readers))
        self.catalogue.reset()
        self.refresh()

    def _examine(self, pack: ObjectId) -> tuple[PackInfo, Toc]:
        with PackReader(self.path(pack), pack) as reader:
            try:
                toc = reader.toc()
                kind = reader.pack_class()
            except (IntegrityFailure, StorageFailure):
                toc, kind = salvage(reader)
            return PackInfo(pack, reader.size, kind, len(toc)), toc

    def _let_go(self, packs: Iterable[ObjectId]) -> None:
        for pack in packs:
            if reader := self._readers.pop(pack, None):
                reader.close()
