"""Finding out what a Git repository has that is not here, and reading it in the order that is fastest."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sovrgit.errors import GitDamaged
from sovrgit.gitexchange.cache import Cache
from sovrgit.gitexchange.commitform import read_commit, read_tag
from sovrgit.gitexchange.ids import GitId, GitKind
from sovrgit.gitexchange.objects import GitObjects
from sovrgit.gitexchange.treeform import DIRECTORY, GITLINK, kind_of, split_tree
from sovrgit.objects.tree import EntryKind
from sovrgit.progress import SILENT, Progress
from sovrgit.store.files import reporting, write_all

SPOOL_FROM = 500
"""New commits from which all commits and trees are read in the order of the packs: one by one, each takes as long as
all the differences that it is made of."""

MAX_DEPTH = 1_000
"""Folders in one another. A path of the usual file systems has room for twice as many, our other parts for as many."""

_MAX_TAGS = 50
"""Tags on tags."""

_BUFFER = 4 << 20


class Reader:
    """Reads a repository's objects; on demand through a temporary file that has all but the files.

    Args:
        temporary: a folder for that file.
    """

    def __init__(self, objects: GitObjects, temporary: Path) -> None:
        self.objects = objects
        self._temporary = temporary
        self._descriptor = -1
        self._places: dict[GitId, tuple[GitKind, int, int]] = {}

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)

    @property
    def is_spooled(self) -> bool:
        """Whether the temporary file is there."""
        return self._descriptor >= 0

    def read(self, identity: GitId, kind: GitKind) -> bytes:
        """An object.

        Raises:
            GitDamaged: if it is missing, of another kind or damaged.
        """
        place = self._places.get(identity)
        if place is None:
            return self.objects.read(identity, kind)
        found, offset, size = place
        if found is not kind:
            reason = f"it is a {found.label.decode()} and should be a {kind.label.decode()}"
            raise GitDamaged(what=f"the object {identity.hex()}", reason=reason)
        with reporting(self._temporary):
            return os.pread(self._descriptor, size, offset)

    def spool(self, progress: Progress) -> None:
        """Put all commits, tags and trees of the packs into the temporary file."""
        with reporting(self._temporary):
            # It has no name, so nothing of it can be left behind.
            with tempfile.TemporaryFile(dir=self._temporary) as file:
                self._descriptor = os.dup(file.fileno())
            buffer = bytearray()
            offset = 0
            progress.begin("reading history", 0, "objects")
            try:
                kinds = {GitKind.COMMIT, GitKind.TREE, GitKind.TAG}
                for identity, kind, data in self.objects.walk(kinds):
                    if isinstance(data, bytes) and identity not in self._places:
                        self._places[identity] = kind, offset, len(data)
                        offset += len(data)
                        buffer += data
                        if len(buffer) >= _BUFFER:
                            write_all(self._descriptor, buffer)
                            buffer.clear()
                    progress.advance(1)
                write_all(self._descriptor, buffer)
            finally:
                progress.end()


@dataclass(slots=True)
class Gathered:
    """What is not here: tags, commits and trees, each after what it refers to, and files."""

    tags: list[GitId] = field(default_factory=list)
    commits: list[GitId] = field(default_factory=list)
    trees: list[GitId] = field(default_factory=list)
    blobs: set[GitId] = field(default_factory=set)


def gather(reader: Reader, cache: Cache, tips: Iterable[GitId], progress: Progress = SILENT) -> Gathered:
    """What tips lead to that is not here.

    Raises:
        GitDamaged: if something of it is missing, or damaged.
    """
    found = Gathered()
    commits: list[GitId] = []
    roots: list[GitId] = []
    for tip in tips:
        _follow_tags(reader, cache, tip, found, commits, roots)
    for tree in _commits(reader, cache, commits, found, progress):
        roots.append(tree)
    _trees(reader, cache, roots, found)
    return found


def _follow_tags(
    reader: Reader, cache: Cache, tip: GitId, found: Gathered, commits: list[GitId], roots: list[GitId]
) -> None:
    chain: list[GitId] = []
    kind = reader.objects.kind(tip)
    while kind is GitKind.TAG:
        if cache.ours(tip) is None and tip not in chain:
            chain.append(tip)
        if len(chain) > _MAX_TAGS:
            raise GitDamaged(what=f"the tag {tip.hex()}", reason="tags on tags without end")
        tag = read_tag(tip, reader.read(tip, GitKind.TAG))
        tip, kind = tag.target, tag.kind
    found.tags += [tag for tag in reversed(chain) if tag not in found.tags[-_MAX_TAGS:]]
    if kind is GitKind.COMMIT:
        commits.append(tip)
    elif kind is GitKind.TREE:
        roots.append(tip)
    elif cache.content(tip) is None:
        found.blobs.add(tip)


def _commits(
    reader: Reader, cache: Cache, tips: Iterable[GitId], found: Gathered, progress: Progress
) -> Iterator[GitId]:
    """Gather the commits; their trees, in the same order."""
    trees: dict[GitId, GitId] = {}
    stack = [(tip, False) for tip in tips]
    while stack:
        identity, is_ready = stack.pop()
        if is_ready:
            found.commits.append(identity)
        elif identity not in trees and cache.ours(identity) is None:
            if len(trees) == SPOOL_FROM and not reader.is_spooled:
                reader.spool(progress)
            parts = read_commit(identity, reader.read(identity, GitKind.COMMIT))
            trees[identity] = parts.tree
            stack.append((identity, True))
            stack += [(parent, False) for parent in reversed(parts.parents) if parent not in trees]
    return (trees[identity] for identity in found.commits)


def _trees(reader: Reader, cache: Cache, roots: Iterable[GitId], found: Gathered) -> None:
    """Gather the trees below roots, the inner ones first, and the files in them."""
    done: set[GitId] = set()
    for root in roots:
        stack = [(root, 0)]
        while stack:
            tree, depth = stack.pop()
            if depth < 0:
                found.trees.append(tree)
                continue
            if tree in done or cache.content(tree) is not None:
                continue
            if depth > MAX_DEPTH:
                raise GitDamaged(what=f"the tree {root.hex()}", reason=f"more than {MAX_DEPTH} folders in one another")
            done.add(tree)
            stack.append((tree, -1))
            for mode, _, target in split_tree(tree, reader.read(tree, GitKind.TREE)):
                if mode == DIRECTORY or kind_of(mode) is EntryKind.DIRECTORY:
                    if target not in done:
                        stack.append((target, depth + 1))
                elif target not in found.blobs and mode.lstrip(b"0") != GITLINK and cache.content(target) is None:
                    found.blobs.add(target)
