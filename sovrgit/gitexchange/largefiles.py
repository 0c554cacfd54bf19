"""Which files become pointers of Git LFS on their way to Git, and what then stands in the trees."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sovrgit.gitexchange import lfs
from sovrgit.gitexchange.cache import Cache
from sovrgit.gitexchange.commitform import kept_of
from sovrgit.gitexchange.ids import GitId
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.pod.treediff import find

if TYPE_CHECKING:
    from sovrgit.store.store import ObjectStore

_ATTRIBUTES_FILE = b".gitattributes"


class Instead(NamedTuple):
    """What stands in Git's tree in the place of a file."""

    kind: EntryKind
    id: GitId


Replaced: TypeAlias = Mapping[bytes, Instead]
"""By path, from the folder they belong to."""


class LargeFiles:
    """Finds large files, and puts them where LFS looks for them.

    Args:
        limit: files of more bytes become pointers; 0 for none.
        repository: where the files go.
        put: stores a blob in Git.
    """

    def __init__(
        self, store: ObjectStore, cache: Cache, limit: int, repository: Path | None, put: Callable[[bytes], GitId]
    ) -> None:
        self._store = store
        self._cache = cache
        self._limit = limit if repository is not None else 0
        self._repository = repository or Path()
        self._put = put
        self._from_git: set[ObjectId] = set()
        self._larger: dict[ObjectId, list[tuple[bytes, TreeEntry]]] = {}
        self.pointers: set[ObjectId] = set()

    def leave_those_from_git(self, tips: Iterable[ObjectId]) -> None:
        """Find the large files of all commits that came from Git: they stay files, or the ids would not come back."""
        if not self._limit:
            return
        done: set[ObjectId] = set()
        stack = list(tips)
        while stack:
            item = stack.pop()
            if item not in done:
                done.add(item)
                commit = self._store.commit(item)
                stack += commit.parents
                if kept_of(commit.extra):
                    self._from_git.update(entry.id for _, entry in self._below(commit.tree))

    def instead_of(self, tree: ObjectId) -> Replaced:
        """What stands in the place of the large files of a tree, and of the attributes by which LFS knows them."""
        if not self._limit:
            return {}
        files = {path: file for path, file in self._below(tree) if file.id not in self._from_git}
        # Without its attributes nothing is a pointer: they are never one themselves.
        files.pop(_ATTRIBUTES_FILE, None)
        if not files:
            return {}
        instead = {path: Instead(file.kind, self._pointer(file)) for path, file in files.items()}
        present = find(self._store, tree, _ATTRIBUTES_FILE)
        if present is None or present.kind in (EntryKind.FILE, EntryKind.EXECUTABLE):
            before = b"" if present is None else bytes(self._store.read(present.id, Kind.BLOB))
            after = lfs.attributes(before, files)
            if after != before:
                kind = EntryKind.FILE if present is None else present.kind
                instead[_ATTRIBUTES_FILE] = Instead(kind, self._put(after))
        return instead

    def _below(self, tree: ObjectId) -> list[tuple[bytes, TreeEntry]]:
        """The large files of a tree. The sizes of folders say where there can be none."""
        known = self._larger.get(tree)
        if known is None:
            known = []
            for entry in self._store.tree(tree).entries:
                if entry.size <= self._limit or entry.kind is EntryKind.SYMLINK:
                    continue
                if entry.is_directory:
                    known += [(entry.name + b"/" + path, file) for path, file in self._below(entry.id)]
                else:
                    known.append((entry.name, entry))
            self._larger[tree] = known
        return known

    def _pointer(self, file: TreeEntry) -> GitId:
        self.pointers.add(file.id)
        digest = self._cache.pointer(file.id)
        if digest is None or not lfs.place_of(self._repository, digest).is_file():
            digest = lfs.store(self._repository, self._store.stream(file.id))
            self._cache.add_pointer(file.id, digest)
        return self._put(lfs.pointer(digest, file.size))


def split(instead: Replaced) -> tuple[dict[bytes, Instead], dict[bytes, Replaced]]:
    """Those of a folder's own entries, and those within each of its folders."""
    own: dict[bytes, Instead] = {}
    inner: dict[bytes, dict[bytes, Instead]] = {}
    for path, file in instead.items():
        name, slash, rest = path.partition(b"/")
        if slash:
            inner.setdefault(name, {})[rest] = file
        else:
            own[name] = file
    return own, dict(inner)
