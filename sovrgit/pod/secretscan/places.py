"""Where the blobs stand that are about to be sent: cost follows what is new, not what there is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.pod.secretscan.keyfiles import KeyFile, files_named
from sovrgit.store.store import ObjectStore


class Place(NamedTuple):
    """Where a blob stands: the path, the commit, run or tree that it was first seen in, and the rules for its name."""

    path: bytes
    holder: ObjectId
    key_files: list[KeyFile]


class Places:
    """The places of blobs, gathered tree by tree.

    Args:
        store: where the trees are.
        allowed: paths that are left out: files, or folders with everything in them.
        is_new: tells whether a tree is new to the other side; every tree is if not given.
        is_sent: the same for blobs, of which some may be had from elsewhere; every blob is sent if not given.

    `blobs` has the places of each blob, and `named` the blobs for whose names there are rules.
    """

    def __init__(
        self,
        store: ObjectStore,
        allowed: Collection[bytes] = (),
        is_new: Callable[[ObjectId], bool] = lambda item: True,
        is_sent: Callable[[ObjectId], bool] = lambda item: True,
    ) -> None:
        self._store = store
        self._allowed = allowed
        self._is_new = is_new
        self._is_sent = is_sent
        self._seen: set[tuple[bytes, ObjectId]] = set()
        self.blobs: dict[ObjectId, list[Place]] = {}
        self.named: set[ObjectId] = set()

    def allows(self, path: bytes) -> bool:
        """Whether a path need not be looked at."""
        return is_below(path, self._allowed)

    def add(self, path: bytes, blob: ObjectId, holder: ObjectId) -> None:
        """Take a blob into account."""
        if not self._is_sent(blob) or (self._allowed and self.allows(path)):
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


def is_below(path: bytes, allowed: Collection[bytes]) -> bool:
    """Whether a path is one of some others, or in a folder that is."""
    return any(path == other or path.startswith(other.rstrip(b"/") + b"/") for other in allowed)


def _folders(name: bytes, before: Sequence[Sequence[TreeEntry]]) -> list[ObjectId]:
    """The folders of a name in trees."""
    return [entry.id for entries in before for entry in entries if entry.name == name and entry.is_directory]
