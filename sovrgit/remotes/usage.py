"""What of a pod's content is here, and what is only at remotes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from sovrgit.errors import PathNotFound
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.pod.pod import Pod
from sovrgit.pod.treediff import find, walk
from sovrgit.remotes.promises import Promises


@dataclass(frozen=True, slots=True)
class PathUsage:
    """A path of the commit that is checked out: bytes of its files, and how many of these have their content here."""

    path: bytes
    is_directory: bool
    size: int
    here: int


@dataclass(frozen=True, slots=True)
class Usage:
    """Paths with their sizes, and of all commits the bytes of packs here, and of content that is at remotes only."""

    paths: tuple[PathUsage, ...]
    packs: int
    remote: int
    remote_objects: int

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(path.size for path in self.paths)

    @property
    def here(self) -> int:
        """Bytes of those files whose content is here."""
        return sum(path.here for path in self.paths)


def usage(pod: Pod, path: bytes = b"") -> Usage:
    """What is where: of each name in a folder of the commit that is checked out, or of one file.

    Raises:
        PathNotFound: if the commit has nothing at the path.
    """
    store = pod.store
    entry = find(store, pod.head_tree(), path) if path else TreeEntry(b"", EntryKind.DIRECTORY, pod.head_tree(), 0)
    if entry is None:
        raise PathNotFound(path=os.fsdecode(path), where="the commit that is checked out")
    below = store.tree(entry.id).entries if entry.is_directory else (entry._replace(name=path.rpartition(b"/")[2]),)
    before = path + b"/" if path and entry.is_directory else path[: -len(entry.name)] if path else b""
    found = [_of(pod, before + child.name, child) for child in below]
    packs = sum(info.size for info in store.packs())
    remote = dict(_at_remotes(pod))
    return Usage(tuple(found), packs, sum(remote.values()), len(remote))


def _of(pod: Pod, path: bytes, entry: TreeEntry) -> PathUsage:
    files = [(item.id, item.size) for _, item in walk(pod.store, entry, path) if not item.is_directory]
    absent = set(pod.store.absent(list({item for item, _ in files})))
    here = sum(size for item, size in files if item not in absent)
    return PathUsage(path, entry.is_directory, sum(size for _, size in files), here)


def _at_remotes(pod: Pod) -> Iterator[tuple[ObjectId, int]]:
    """Objects that only remotes hold, with their bytes there."""
    if pod.is_partial:
        promised = {item: promise.place.stored for item, promise in Promises.of(pod).all()}
        yield from ((item, promised[item]) for item in pod.store.absent(list(promised)))
