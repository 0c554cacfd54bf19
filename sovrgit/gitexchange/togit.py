"""From our objects to Git's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from sovrgit.gitexchange import lfs
from sovrgit.gitexchange.cache import PLAIN, Cache
from sovrgit.gitexchange.commitform import commit_to_git, entries_of, kept_of, tag_to_git
from sovrgit.gitexchange.ids import EMPTY_GIT_TREE, GitId, GitKind, git_id
from sovrgit.gitexchange.oddities import NONE, Oddities, applied, below, inherited
from sovrgit.gitexchange.treeform import MODES, Row, write_tree
from sovrgit.objects.commit import Commit
from sovrgit.objects.ids import Data, Kind, ObjectId
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.pod.treediff import find
from sovrgit.progress import SILENT, Progress

if TYPE_CHECKING:
    from sovrgit.gitexchange.sink import PackSink
    from sovrgit.store.store import ObjectStore

ATTRIBUTES_FILE = b".gitattributes"


class _Instead(NamedTuple):
    """What stands in Git's tree in the place of a file."""

    kind: EntryKind
    id: GitId


class _Outline(NamedTuple):
    """What of a commit is remembered until it is converted: histories are long."""

    tree: ObjectId
    parents: tuple[ObjectId, ...]
    is_from_git: bool
    entries: Sequence[Any]


_Replaced: TypeAlias = Mapping[bytes, _Instead]


class ToGit:
    """Converts commits with all that they need, and hands what Git does not have to a sink.

    Args:
        sink: takes the objects; without one, only ids are found out.
        large: files of more bytes than this become pointers, if `repository` is given, where the rest goes; those that
            have come from Git stay as they are.
    """

    def __init__(
        self,
        store: ObjectStore,
        cache: Cache,
        sink: PackSink | None = None,
        *,
        large: int = PLAIN,
        repository: Path | None = None,
        progress: Progress = SILENT,
    ) -> None:
        self._store = store
        self._cache = cache
        self._sink = sink
        self._large = large
        self._repository = repository
        self._progress = progress
        self._from_git: set[ObjectId] = set()
        self._larger: dict[ObjectId, list[tuple[bytes, TreeEntry]]] = {}
        self._odd: dict[ObjectId, Oddities] = {}
        self._written: set[GitId] = set()
        self.commits = 0
        self.runs: list[ObjectId] = []
        self.changed: list[ObjectId] = []
        self.pointers: set[ObjectId] = set()
        self.empty_folders = False

    def known(self, commit: ObjectId) -> GitId | None:
        """What a commit or tag is in Git, if that is known and Git has it."""
        pair = self._cache.git(commit, self._large)
        return pair[0] if pair is not None and self._has(pair[0]) else None

    def convert(self, tips: Iterable[ObjectId], others: Iterable[tuple[ObjectId, Kind]] = ()) -> None:
        """Convert commits, and all before them.

        Args:
            others: files and folders that tags name.

        Raises:
            ObjectMissing, IntegrityFailure: if something that they need is not here, or damaged.
            StorageFull, ReadOnly, StorageFailure: if the sink or LFS cannot write.
        """
        tips = list(tips)
        order = self._order(tips)
        if self._large and order:
            self._find_files_from_git(tips)
        commits = []
        others = list(others)
        trees = dict.fromkeys(item for item, kind in others if kind is Kind.TREE)
        blobs = {item for item, kind in others if kind is Kind.BLOB}
        for identity, commit in order.items():
            odd = self._oddities(identity, commit)
            instead = {} if commit.is_from_git else self._instead_of_large(commit.tree)
            self._plain_parts(commit.tree, odd, instead, trees, blobs)
            commits.append((identity, instead))
        plain = self._below(trees, blobs)
        self._convert_blobs(blobs)
        for tree in plain:
            self._convert_plain(tree)
        self._progress.begin("writing commits", len(commits), "commits")
        try:
            for identity, instead in commits:
                self._convert_commit(identity, instead)
                self._progress.advance(1)
        finally:
            self._progress.end()

    def convert_tag(self, identity: ObjectId) -> GitId:
        """Convert a tag, what it names having been converted."""
        chain = [identity]
        tag = self._store.tag(identity)
        while tag.kind is Kind.TAG:
            chain.append(tag.target)
            tag = self._store.tag(tag.target)
        git = self._target(tag.target, tag.kind)
        for item in reversed(chain):
            git, raw = tag_to_git(self._store.tag(item), git)
            self._put(GitKind.TAG, git, raw)
            self._cache.add(git, item, self._large)
        return git

    def _target(self, target: ObjectId, kind: Kind) -> GitId:
        if kind is Kind.COMMIT:
            pair = self._cache.git(target, self._large)
            return pair[0] if pair is not None else b""
        return self._cache.git_content(target) or b""

    # --- what there is to do ------------------------------------------------------------------------------------

    def _order(self, tips: Iterable[ObjectId]) -> dict[ObjectId, _Outline]:
        """The commits that Git does not have, parents first."""
        order: dict[ObjectId, _Outline] = {}
        done: dict[ObjectId, _Outline] = {}
        stack = [(tip, False) for tip in dict.fromkeys(tips)]
        while stack:
            item, is_ready = stack.pop()
            if is_ready:
                order[item] = done[item]
            elif item not in done and self.known(item) is None:
                done[item] = outline = _outline(self._store.commit(item))
                stack.append((item, True))
                stack += [(parent, False) for parent in outline.parents if parent not in done]
        return order

    def _oddities(self, identity: ObjectId, commit: _Outline) -> Oddities:
        """What is odd in a commit's tree; computed with its ancestors' if that is not known."""
        chain = []
        item, value = identity, commit
        while (found := self._known_oddities(item)) is None:
            chain.append((item, value))
            if not value.parents:
                found = NONE
                break
            item = value.parents[0]
            value = _outline(self._store.commit(item))
        odd = found
        for item, value in reversed(chain):
            odd = applied(inherited(odd, self._look(value.tree)), value.entries)
            self._odd[item] = odd
        self._odd[identity] = odd
        return odd

    def _known_oddities(self, identity: ObjectId) -> Oddities | None:
        known = self._odd.get(identity)
        if known is None:
            pair = self._cache.git(identity, self._large)
            known = pair[1] if pair is not None else None
        return known

    def _look(self, tree: ObjectId) -> Callable[[bytes], EntryKind | None]:
        def look(path: bytes) -> EntryKind | None:
            entry = find(self._store, tree, path)
            return None if entry is None else entry.kind

        return look

    def _plain_parts(
        self,
        tree: ObjectId,
        odd: Oddities,
        instead: _Replaced,
        trees: dict[ObjectId, None],
        blobs: set[ObjectId],
    ) -> None:
        """Gather the parts of a tree that are converted as they are."""
        if not odd and not instead:
            trees.setdefault(tree)
            return
        _, inner = below(odd)
        own, inside = _split(instead)
        for entry in self._store.tree(tree).entries:
            if entry.is_directory:
                self._plain_parts(entry.id, inner.get(entry.name, NONE), inside.get(entry.name, {}), trees, blobs)
            elif entry.name not in own:
                blobs.add(entry.id)

    def _below(self, roots: Iterable[ObjectId], blobs: set[ObjectId]) -> list[ObjectId]:
        """The trees that Git does not have, the inner ones first; the files in them are added to `blobs`."""
        order: list[ObjectId] = []
        done: set[ObjectId] = set()
        stack = [(root, False) for root in roots]
        while stack:
            tree, is_ready = stack.pop()
            if is_ready:
                order.append(tree)
            elif tree not in done:
                done.add(tree)
                git = self._cache.git_content(tree)
                if git is not None and self._has(git):
                    continue
                stack.append((tree, True))
                for entry in self._store.tree(tree).entries:
                    if entry.is_directory:
                        stack.append((entry.id, False))
                    else:
                        blobs.add(entry.id)
        return order

    # --- files that become pointers -----------------------------------------------------------------------------

    def _find_files_from_git(self, tips: Iterable[ObjectId]) -> None:
        """The large files of all commits that came from Git: they stay files, or the ids would not come back."""
        done: set[ObjectId] = set()
        stack = list(tips)
        while stack:
            item = stack.pop()
            if item not in done:
                done.add(item)
                commit = self._store.commit(item)
                stack += commit.parents
                if kept_of(commit.extra):
                    self._from_git.update(entry.id for _, entry in self._larger_files(commit.tree))

    def _larger_files(self, tree: ObjectId) -> list[tuple[bytes, TreeEntry]]:
        known = self._larger.get(tree)
        if known is None:
            known = []
            for entry in self._store.tree(tree).entries:
                if entry.size <= self._large or entry.kind is EntryKind.SYMLINK:
                    continue
                if entry.is_directory:
                    known += [(entry.name + b"/" + path, file) for path, file in self._larger_files(entry.id)]
                else:
                    known.append((entry.name, entry))
            self._larger[tree] = known
        return known

    def _instead_of_large(self, tree: ObjectId) -> dict[bytes, _Instead]:
        if not self._large or self._repository is None:
            return {}
        files = {path: file for path, file in self._larger_files(tree) if file.id not in self._from_git}
        # Without its attributes nothing is a pointer: they are never one themselves.
        files.pop(ATTRIBUTES_FILE, None)
        if not files:
            return {}
        instead = {path: _Instead(file.kind, self._pointer(file, self._repository)) for path, file in files.items()}
        present = find(self._store, tree, ATTRIBUTES_FILE)
        if present is None or present.kind in (EntryKind.FILE, EntryKind.EXECUTABLE):
            before = b"" if present is None else bytes(self._store.read(present.id, Kind.BLOB))
            after = lfs.attributes(before, files)
            if after != before:
                instead[ATTRIBUTES_FILE] = _Instead(
                    present.kind if present is not None else EntryKind.FILE, self._put_blob(after)
                )
        return instead

    def _pointer(self, file: TreeEntry, repository: Path) -> GitId:
        self.pointers.add(file.id)
        digest = self._cache.pointer(file.id)
        if digest is None or not lfs.place_of(repository, digest).is_file():
            digest = lfs.store(repository, self._store.stream(file.id))
            self._cache.add_pointer(file.id, digest)
        return self._put_blob(lfs.pointer(digest, file.size))

    # --- converting ---------------------------------------------------------------------------------------------

    def _convert_blobs(self, blobs: Collection[ObjectId]) -> None:
        needed = []
        for item in blobs:
            git = self._cache.git_content(item)
            if git is None or not self._has(git):
                needed.append(item)
        self._progress.begin("reading files", len(needed), "files")
        try:
            for item, data in self._store.read_many(needed):
                if data is None:
                    self._convert_large(item)
                else:
                    raw = bytes(data)
                    git = git_id(GitKind.BLOB, raw)
                    self._cache.add_content(git, item, len(raw))
                    self._put(GitKind.BLOB, git, raw)
                self._progress.advance(1)
        finally:
            self._progress.end()

    def _convert_large(self, item: ObjectId) -> None:
        """A file that is not held in memory: read once for its id, and again to be written."""
        from hashlib import sha1

        size = self._store.size(item)
        digest = sha1(b"blob %d\0" % size, usedforsecurity=False)
        for piece in self._store.stream(item):
            digest.update(piece)
        git = digest.digest()
        self._cache.add_content(git, item, size)
        if self._sink is not None:
            self._sink.add(GitKind.BLOB, git, size, self._store.stream(item))

    def _convert_plain(self, tree: ObjectId) -> None:
        rows: list[Row] = []
        content = self._store.tree(tree)
        for entry in content.entries:
            git = self._content(entry.id)
            if entry.is_directory and git == EMPTY_GIT_TREE:
                self.empty_folders = True
            else:
                rows.append((MODES[entry.kind], entry.name, git))
        raw = write_tree(rows)
        git = git_id(GitKind.TREE, raw)
        self._cache.add_content(git, tree, content.size)
        self._put(GitKind.TREE, git, raw)

    def _convert_odd(self, tree: ObjectId, odd: Oddities, instead: _Replaced) -> GitId:
        """A tree in which something is not as it is here."""
        if not odd and not instead:
            return self._content(tree)
        own, inner = below(odd)
        replaced, inside = _split(instead)
        rows: list[Row] = []
        for entry in self._store.tree(tree).entries:
            mode = own[entry.name].mode if entry.name in own else MODES[entry.kind]
            if entry.name in replaced:
                git = replaced.pop(entry.name).id
            elif entry.is_directory:
                git = self._convert_odd(entry.id, inner.get(entry.name, NONE), inside.get(entry.name, {}))
                if git == EMPTY_GIT_TREE and entry.name not in own:
                    self.empty_folders = True
                    continue
            else:
                git = self._content(entry.id)
            rows.append((mode, entry.name, git))
        rows += [(oddity.mode, name, oddity.link) for name, oddity in own.items() if oddity.link]
        rows += [(MODES[file.kind], name, file.id) for name, file in replaced.items()]
        raw = write_tree(rows)
        git = git_id(GitKind.TREE, raw)
        self._put(GitKind.TREE, git, raw)
        return git

    def _convert_commit(self, identity: ObjectId, instead: _Replaced) -> None:
        commit = self._store.commit(identity)
        odd = self._odd[identity]
        tree = self._convert_odd(commit.tree, odd, instead)
        parents = [self._target(parent, Kind.COMMIT) for parent in commit.parents]
        git, raw, came_from_git = commit_to_git(commit, tree, parents)
        if kept_of(commit.extra) and not came_from_git:
            self.changed.append(identity)
        self._put(GitKind.COMMIT, git, raw)
        self._cache.add(git, identity, self._large, odd)
        if commit.run is not None and not came_from_git:
            self.runs.append(identity)
        self.commits += 1

    def _content(self, item: ObjectId) -> GitId:
        git = self._cache.git_content(item)
        if git is None:
            raise AssertionError(f"{item} was not converted")
        return git

    def _put_blob(self, data: bytes) -> GitId:
        git = git_id(GitKind.BLOB, data)
        self._put(GitKind.BLOB, git, data)
        return git

    def _put(self, kind: GitKind, git: GitId, raw: Data) -> None:
        if self._sink is not None:
            self._sink.add(kind, git, len(raw), (raw,))

    def _has(self, git: GitId) -> bool:
        """Whether Git has an object, and with it all that it needs."""
        return self._sink is None or git in self._sink


def _outline(commit: Commit) -> _Outline:
    return _Outline(commit.tree, commit.parents, bool(kept_of(commit.extra)), entries_of(commit.extra))


def _split(instead: _Replaced) -> tuple[dict[bytes, _Instead], dict[bytes, dict[bytes, _Instead]]]:
    own: dict[bytes, _Instead] = {}
    inner: dict[bytes, dict[bytes, _Instead]] = {}
    for path, file in instead.items():
        name, slash, rest = path.partition(b"/")
        if slash:
            inner.setdefault(name, {})[rest] = file
        else:
            own[name] = file
    return own, inner
