"""From Git's objects to ours."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator

from sovrgit.errors import GitDamaged
from sovrgit.gitexchange import lfs
from sovrgit.gitexchange.cache import PLAIN, Cache, Known
from sovrgit.gitexchange.commitform import commit_from_git, read_commit, read_tag, tag_from_git
from sovrgit.gitexchange.gathering import Gathered, Reader
from sovrgit.gitexchange.ids import EMPTY_GIT_TREE, GitId, GitKind
from sovrgit.gitexchange.oddities import NONE, Oddities, Oddity, collect, difference, inherited, submodules
from sovrgit.gitexchange.treeform import GitEntry, read_tree
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import EntryKind, Tree, TreeEntry
from sovrgit.progress import SILENT, Progress
from sovrgit.store.session import WriteSession

_ONE_BY_ONE = 50
"""Of so many objects in packs one may be wanted for it to be worthwhile to look for each file by itself."""

_KEPT_TREES = 64


class FromGit:
    """Stores what was gathered of a Git repository.

    `pointers` are the files that stand for larger ones kept by Git LFS, `submodules` the paths of submodules.
    """

    def __init__(self, reader: Reader, cache: Cache, session: WriteSession, progress: Progress = SILENT) -> None:
        self._reader = reader
        self._cache = cache
        self._session = session
        self._progress = progress
        self._odd_trees: dict[GitId, tuple[Known, Oddities]] = {}
        self._entries: OrderedDict[GitId, dict[bytes, GitEntry]] = OrderedDict()
        self.pointers: set[GitId] = set()
        self.submodules: set[bytes] = set()
        self.skipped: set[GitId] = set()

    def convert(self, gathered: Gathered) -> None:
        """Store everything, files first.

        Raises:
            GitDamaged, UnsafeName, Unsupported, ObjectInvalid: at the first object that cannot be taken.
            StorageFull, ReadOnly, StorageFailure: if it cannot be written.
        """
        self._steps("reading files", "files", len(gathered.blobs), self._convert_blobs(gathered.blobs))
        self._steps("reading folders", "folders", len(gathered.trees), map(self._convert_tree, gathered.trees))
        self._steps("reading commits", "commits", len(gathered.commits), map(self._convert_commit, gathered.commits))
        for tag in gathered.tags:
            self._convert_tag(tag)

    def _steps(self, label: str, unit: str, total: int, steps: Iterator[None]) -> None:
        self._progress.begin(label, total, unit)
        try:
            for _ in steps:
                self._progress.advance(1)
        finally:
            self._progress.end()

    def _convert_blobs(self, wanted: set[GitId]) -> Iterator[None]:
        objects = self._reader.objects
        if len(wanted) * _ONE_BY_ONE < objects.count():
            for identity in wanted:
                self._convert_blob(identity, objects.blob(identity))
                yield
            return
        for identity, _, data in objects.walk({GitKind.BLOB}, wanted):
            self._convert_blob(identity, data)
            yield

    def _convert_blob(self, identity: GitId, data: bytes | Iterator[bytes]) -> None:
        if isinstance(data, bytes):
            self._cache.add_content(identity, self._session.add(Kind.BLOB, data), len(data))
            if lfs.is_pointer(data):
                self.pointers.add(identity)
            return
        ours, size = self._session.add_stream(_readinto(data))
        self._cache.add_content(identity, ours, size)

    def _convert_tree(self, identity: GitId) -> None:
        own: dict[bytes, Oddity] = {}
        inner: list[tuple[bytes, Oddities]] = []
        entries = []
        size = 0
        for name, kind, target, mode in read_tree(identity, self._reader.read(identity, GitKind.TREE)):
            if kind is None:
                own[name] = Oddity(mode, target)
                continue
            if kind is EntryKind.DIRECTORY:
                known, odd = self._tree(target)
                if odd:
                    inner.append((name, odd))
                is_odd = mode != b"40000" or target == EMPTY_GIT_TREE
            else:
                known = self._content(target)
                is_odd = mode not in (b"100644", b"100755", b"120000")
            if is_odd:
                own[name] = Oddity(mode)
            entries.append(TreeEntry(name, kind, known.id, known.size))
            size += known.size
        ours = self._session.add(Kind.TREE, Tree.of(entries).encode())
        if own or inner:
            self._odd_trees[identity] = Known(ours, size), collect(own, inner)
        else:
            self._cache.add_content(identity, ours, size)

    def _convert_commit(self, identity: GitId) -> None:
        raw = self._reader.read(identity, GitKind.COMMIT)
        parts = read_commit(identity, raw)
        tree, odd = self._tree(parts.tree)
        parents = [self._history(parent) for parent in parts.parents]
        before = self._cache.oddities(parents[0]) if parents else NONE
        rows = difference(inherited(before, self._look(parts.tree)), odd) if odd or before else []
        ours = self._session.add(Kind.COMMIT, commit_from_git(identity, raw, tree.id, parents, rows).encode())
        self._cache.add(identity, ours, PLAIN, odd)
        self.submodules.update(submodules(odd))

    def _convert_tag(self, identity: GitId) -> None:
        raw = self._reader.read(identity, GitKind.TAG)
        target, kind = read_tag(identity, raw)
        if target in self.skipped or (kind is GitKind.TREE and target in self._odd_trees):
            # Beside a folder, nothing odd can be kept.
            self.skipped.add(identity)
            return
        if kind is GitKind.TREE:
            ours = self._tree(target)[0].id
        elif kind is GitKind.BLOB:
            ours = self._content(target).id
        else:
            ours = self._history(target)
        self._cache.add(identity, self._session.add(Kind.TAG, tag_from_git(identity, raw, ours).encode()), PLAIN)

    def _content(self, identity: GitId) -> Known:
        known = self._cache.content(identity)
        if known is None:
            raise GitDamaged(what=f"the object {identity.hex()}", reason="it is not the file that it should be")
        return known

    def _tree(self, identity: GitId) -> tuple[Known, Oddities]:
        odd = self._odd_trees.get(identity)
        return odd if odd is not None else (self._content(identity), NONE)

    def _history(self, identity: GitId) -> ObjectId:
        ours = self._cache.ours(identity)
        if ours is None:
            raise GitDamaged(what=f"the object {identity.hex()}", reason="it is not the commit that it should be")
        return ours

    def _look(self, root: GitId) -> Callable[[bytes], EntryKind | None]:
        """What is at a path of a tree of Git, with what we make of it: submodules are nothing."""

        def look(path: bytes) -> EntryKind | None:
            kind: EntryKind | None = EntryKind.DIRECTORY
            at = root
            for name in path.split(b"/"):
                entry = self._entries_of(at).get(name) if kind is EntryKind.DIRECTORY else None
                if entry is None:
                    return None
                kind, at = entry.kind, entry.id
            return kind

        return look

    def _entries_of(self, tree: GitId) -> dict[bytes, GitEntry]:
        known = self._entries.get(tree)
        if known is None:
            rows = read_tree(tree, self._reader.read(tree, GitKind.TREE))
            known = self._entries[tree] = {entry.name: entry for entry in rows}
            if len(self._entries) > _KEPT_TREES:
                self._entries.popitem(last=False)
        return known


def _readinto(pieces: Iterator[bytes]) -> Callable[[memoryview], int]:
    """What fills a buffer with the bytes of an iterator."""
    waiting = memoryview(b"")

    def readinto(view: memoryview) -> int:
        nonlocal waiting
        if not waiting:
            waiting = memoryview(next(pieces, b""))
        size = min(len(view), len(waiting))
        view[:size] = waiting[:size]
        waiting = waiting[size:]
        return size

    return readinto
