"""From our objects to Git's."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from hashlib import sha1
from pathlib import Path
from typing import TYPE_CHECKING

from sovrgit.gitexchange.cache import PLAIN, Cache
from sovrgit.gitexchange.commitform import commit_to_git, kept_of, tag_to_git
from sovrgit.gitexchange.ids import EMPTY_GIT_TREE, GitId, GitKind, git_id
from sovrgit.gitexchange.largefiles import LargeFiles, Replaced, split
from sovrgit.gitexchange.oddities import NONE, Oddities, below
from sovrgit.gitexchange.outline import OddTrees, order
from sovrgit.gitexchange.treeform import MODES, Row, write_tree
from sovrgit.objects.ids import Data, Kind, ObjectId
from sovrgit.progress import SILENT, Progress

if TYPE_CHECKING:
    from sovrgit.gitexchange.sink import PackSink
    from sovrgit.store.store import ObjectStore


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
        self._form = large
        self._progress = progress
        self._odd = OddTrees(store, cache, large)
        self._large = LargeFiles(store, cache, large, repository, self._put_blob)
        self.commits = 0
        self.runs: list[ObjectId] = []
        self.changed: list[ObjectId] = []
        self.empty_folders = False

    @property
    def pointers(self) -> int:
        """How many files became pointers."""
        return len(self._large.pointers)

    def known(self, commit: ObjectId) -> GitId | None:
        """What a commit or tag is in Git, if that is known and Git has it."""
        pair = self._cache.git(commit, self._form)
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
        outlines = order(self._store, tips, lambda commit: self.known(commit) is not None)
        if outlines:
            self._large.leave_those_from_git(tips)
        commits = []
        others = list(others)
        trees = dict.fromkeys(item for item, kind in others if kind is Kind.TREE)
        blobs = {item for item, kind in others if kind is Kind.BLOB}
        for identity, outline in outlines.items():
            odd = self._odd.of(identity, outline)
            instead = {} if outline.is_from_git else self._large.instead_of(outline.tree)
            self._plain_parts(outline.tree, odd, instead, trees, blobs)
            commits.append((identity, odd, instead))
        plain = self._below(trees, blobs)
        self._convert_blobs(blobs)
        self._progress.begin("writing folders", len(plain), "folders")
        try:
            for tree in plain:
                self._convert_plain(tree)
                self._progress.advance(1)
        finally:
            self._progress.end()
        self._progress.begin("writing commits", len(commits), "commits")
        try:
            for identity, odd, instead in commits:
                self._convert_commit(identity, odd, instead)
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
            self._cache.add(git, item, self._form)
        return git

    def _target(self, target: ObjectId, kind: Kind) -> GitId:
        if kind is not Kind.COMMIT:
            git = self._content(target)
            if git == EMPTY_GIT_TREE:
                self._put(GitKind.TREE, git, b"")
            return git
        pair = self._cache.git(target, self._form)
        if pair is None:
            raise AssertionError(f"{target} was not converted")
        return pair[0]

    # --- what there is to do ------------------------------------------------------------------------------------

    def _plain_parts(
        self,
        tree: ObjectId,
        odd: Oddities,
        instead: Replaced,
        trees: dict[ObjectId, None],
        blobs: set[ObjectId],
    ) -> None:
        """Gather the parts of a tree that are converted as they are."""
        if not odd and not instead:
            trees.setdefault(tree)
            return
        _, inner = below(odd)
        own, inside = split(instead)
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
        # The empty one is left out of others, so it is stored where it is needed.
        if raw:
            self._put(GitKind.TREE, git, raw)

    def _convert_odd(self, tree: ObjectId, odd: Oddities, instead: Replaced) -> GitId:
        """A tree in which something is not as it is here."""
        if not odd and not instead:
            return self._content(tree)
        own, inner = below(odd)
        replaced, inside = split(instead)
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
            if git == EMPTY_GIT_TREE:
                self._put(GitKind.TREE, git, b"")
            rows.append((mode, entry.name, git))
        rows += [(oddity.mode, name, oddity.link) for name, oddity in own.items() if oddity.link]
        rows += [(MODES[file.kind], name, file.id) for name, file in replaced.items()]
        raw = write_tree(rows)
        git = git_id(GitKind.TREE, raw)
        self._put(GitKind.TREE, git, raw)
        return git

    def _convert_commit(self, identity: ObjectId, odd: Oddities, instead: Replaced) -> None:
        commit = self._store.commit(identity)
        tree = self._convert_odd(commit.tree, odd, instead)
        if tree == EMPTY_GIT_TREE:
            self._put(GitKind.TREE, tree, b"")
        parents = [self._target(parent, Kind.COMMIT) for parent in commit.parents]
        git, raw, came_from_git = commit_to_git(commit, tree, parents)
        if kept_of(commit.extra) and not came_from_git:
            self.changed.append(identity)
        self._put(GitKind.COMMIT, git, raw)
        self._cache.add(git, identity, self._form, odd)
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
