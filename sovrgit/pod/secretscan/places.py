"""Where blobs stand that are about to be sent: cost follows what is new, not what there is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.pod.secretscan.keyfiles import KeyFile, files_named, may_be_named
from sovrgit.store.store import ObjectStore


class Place(NamedTuple):
    """Where a blob stands: the path, the commit, run or tree that it was first seen in, and the rules for its name."""

    path: bytes
    holder: ObjectId
    key_files: list[KeyFile]


class Files(NamedTuple):
    """Files in some trees: all of them, and those for whose names there are rules."""

    all: set[ObjectId]
    named: set[ObjectId]


def files_in(store: ObjectStore, trees: Iterable[ObjectId]) -> Files:
    """The files that stand in trees themselves, not in folders below them. Where they stand is not found out, which is
    most of the work, and rarely needed."""
    found = Files(set(), set())
    for tree in trees:
        for name, kind, item, _ in store.tree(tree).entries:
            if kind is EntryKind.FILE or kind is EntryKind.EXECUTABLE:
                found.all.add(item)
                if may_be_named(name):
                    found.named.add(item)
    return found


class Places:
    """The places of blobs, gathered tree by tree.

    Args:
        store: where the trees are.
        allowed: paths that are left out: files, or folders with everything in them.
        is_new: tells whether a tree is new to the other side; every tree is if not given.
        is_wanted: tells whether the places of a blob are asked for; those of all are if not given.

    `blobs` has the places of each blob, and `named` the blobs for whose names there are rules.
    """

    def __init__(
        self,
        store: ObjectStore,
        allowed: Collection[bytes] = (),
        is_new: Callable[[ObjectId], bool] = lambda item: True,
        is_wanted: Callable[[ObjectId], bool] = lambda item: True,
    ) -> None:
        self._store = store
        self._allowed = allowed
        self._is_new = is_new
        self._is_wanted = is_wanted
        self._seen: set[tuple[bytes, ObjectId]] = set()
        self.blobs: dict[ObjectId, list[Place]] = {}
        self.named: set[ObjectId] = set()

    def allows(self, path: bytes) -> bool:
        """Whether a path need not be looked at."""
        return is_below(path, self._allowed)

    def add(self, path: bytes, blob: ObjectId, holder: ObjectId) -> None:
        """Take a blob into account."""
        if not self._is_wanted(blob) or (self._allowed and self.allows(path)):
            return
        places = self.blobs.setdefault(blob, [])
        if places and path in [place.path for place in places]:
            return
        key_files = files_named(path)
        places.append(Place(path, holder, key_files))
        if key_files:
            self.named.add(blob)

    def add_tree(self, tree: ObjectId, holder: ObjectId, near: Sequence[ObjectId] = ()) -> None:
        """Take what is new in a tree into account.

        What a tree in `near` has in the same folder is not new. That includes what has another name there: it was
        sent under that name.
        """
        is_new = self._is_new
        waiting: list[tuple[bytes, ObjectId, Sequence[ObjectId]]] = [(b"", tree, near)]
        while waiting:
            path, current, olds = waiting.pop()
            if current in olds or not is_new(current) or (path, current) in self._seen:
                continue
            self._seen.add((path, current))
            before = [self._store.tree(old).entries for old in olds]
            there = {entry.id for old in before for entry in old}
            for name, kind, item, size in self._store.tree(current).entries:
                # What is empty holds nothing, and a link only a path.
                if not size or item in there:
                    continue
                if kind is EntryKind.DIRECTORY:
                    waiting.append((path + name + b"/", item, _folders(name, before)))
                elif kind is not EntryKind.SYMLINK:
                    self.add(path + name, item, holder)

    def keep_only(self, wanted: Collection[ObjectId]) -> None:
        """Forget the places of all other blobs."""
        self.blobs = {item: places for item, places in self.blobs.items() if item in wanted}


def is_below(path: bytes, allowed: Collection[bytes]) -> bool:
    """Whether a path is one of some others, or in a folder that is."""
    return any(path == other or path.startswith(other.rstrip(b"/") + b"/") for other in allowed)


def _folders(name: bytes, before: Sequence[Sequence[TreeEntry]]) -> list[ObjectId]:
    """The folders of a name in trees."""
    return [entry.id for entries in before for entry in entries if entry.name == name and entry.is_directory]
