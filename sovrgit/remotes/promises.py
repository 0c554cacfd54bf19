"""What remotes are known to hold that is not here: their manifests, with the tables of contents that came from them.

Nothing of this is kept in a file of its own. The tables are entries of metadata packs, and the manifests are in what is
remembered of each remote. A promise proves nothing: what comes from there is verified like everything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.pod.pod import Pod
from sovrgit.remotes.manifest import Manifest, PackEntry
from sovrgit.remotes.state import RemoteState
from sovrgit.store.catalogue import Location
from sovrgit.store.format import Codec, Toc, check_entry

PROMISED = "promised"
"""The folder of chunk lists whose pieces were left at a remote. They are not proven, so they stand in no pack here; if
they are lost, they are fetched again."""


class Promise(NamedTuple):
    """Where an object is: in which of a remote's packs, at which place in it."""

    place: Location
    remote: str
    entry: PackEntry


class Promises:
    """Looks up what remotes hold.

    Args:
        manifests: what the remotes hold, by their names here.
    """

    def __init__(self, pod: Pod, manifests: Mapping[str, Manifest]) -> None:
        self._pod = pod
        self._packs: dict[ObjectId, tuple[str, PackEntry]] = {}
        for name, manifest in manifests.items():
            for entry in manifest.packs:
                self._packs.setdefault(entry.id, (name, entry))
        self._tables: list[tuple[ObjectId, Toc]] | None = None

    @classmethod
    def of(cls, pod: Pod) -> Promises:
        """What all remotes hold, as far as they were last seen."""
        return cls(pod, known_manifests(pod))

    def find(self, wanted: Iterable[ObjectId]) -> dict[ObjectId, Promise]:
        """A place of each object that is promised."""
        asked = set(wanted)
        found: dict[ObjectId, Promise] = {}
        if not asked:
            return found
        for promise, digest in self._rows():
            if digest in asked:
                item = ObjectId(digest)
                found.setdefault(item, promise(item))
        return found

    def all(self) -> Iterator[tuple[ObjectId, Promise]]:
        """Everything that is promised, whether it is here or not."""
        for promise, digest in self._rows():
            item = ObjectId(digest)
            yield item, promise(item)

    def described(self) -> frozenset[ObjectId]:
        """The packs of which it is known what is in them."""
        return frozenset(pack for pack, _ in self._known_tables())

    def forget(self) -> None:
        """Read the tables again when they are next needed."""
        self._tables = None

    def _rows(self) -> Iterator[tuple[_Row, bytes]]:
        for pack, table in self._known_tables():
            name, entry = self._packs[pack]
            for digest, *row in table.rows():
                yield _Row(row, name, entry), digest

    def _known_tables(self) -> list[tuple[ObjectId, Toc]]:
        if self._tables is None:
            store = self._pod.store
            decoded = (Toc.decode(bytes(store.read(item, Kind.TOC))) for item in store.of_kind(Kind.TOC))
            self._tables = [
                (table.pack, table) for table in decoded if table.pack is not None and table.pack in self._packs
            ]
        return self._tables


class _Row(NamedTuple):
    row: list[int]
    remote: str
    entry: PackEntry

    def __call__(self, item: ObjectId) -> Promise:
        kind, codec, depth, offset, stored, size = self.row
        # Of somebody else's making, so far.
        check_entry(kind, codec, depth, stored, size, offset, f"the table of contents of pack {self.entry.id.short}")
        return Promise(
            Location(Kind(kind), Codec(codec), depth, offset, stored, size, self.entry.id), self.remote, self.entry
        )


def known_manifests(pod: Pod) -> dict[str, Manifest]:
    """The last manifest that was seen of each remote."""
    from sovrgit.remotes.locations import remotes

    names = [setting.name for setting in remotes(pod)]
    states = {name: RemoteState.load(pod.folder, name).manifest for name in names}
    return {name: manifest for name, manifest in states.items() if manifest is not None}
