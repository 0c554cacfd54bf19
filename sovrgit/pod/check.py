"""Checking a pod: every object against its hash, and everything that a ref leads to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from sovrgit.errors import ObjectMissing, SignatureInvalid, SovrError
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import EMPTY_TREE_ID
from sovrgit.pod.links import links_of
from sovrgit.pod.pod import Pod
from sovrgit.pod.reflog import moves
from sovrgit.pod.refs import HEADS, REMOTES, RUNS, VERDICTS
from sovrgit.progress import SILENT, Progress
from sovrgit.signing.checking import SIGNED_KINDS, check_signature, read_signed
from sovrgit.store.catalogue import PackInfo
from sovrgit.store.verify import verify_pack

_AT_ONCE = 2
"""Packs that are verified at the same time. Each of them takes as much memory as it has bytes."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found: problems in words, and how much was looked at.

    `damaged` are packs that are not what they should be, `missing` objects that something leads to and that cannot be
    read. `promised` counts objects that are not here, and that a remote is known to have.
    """

    problems: tuple[str, ...]
    packs: int
    objects: int
    size: int
    damaged: tuple[ObjectId, ...] = ()
    missing: tuple[ObjectId, ...] = ()
    promised: int = 0

    @property
    def is_sound(self) -> bool:
        """Whether everything is as it should be."""
        return not self.problems


def check_pod(pod: Pod, progress: Progress = SILENT, promised: Promised | None = None, *, since_ns: int = 0) -> Checked:
    """Read and hash everything in the store, and follow everything that refs and the reflog name. Changes nothing.

    Damage is told in the result. An error is raised only where looking itself fails.

    Args:
        promised: tells which of some files that are not here were left at a remote.
        since_ns: of the reflog, what moved from this time on; what is older may have been collected.
    """
    problems: list[str] = []
    damaged: list[ObjectId] = []
    packs = pod.store.packs()
    progress.begin("checking packs", sum(pack.size for pack in packs), "bytes")
    try:
        for pack, problem in zip(packs, _verified(pod, packs), strict=True):
            if problem is not None:
                problems.append(problem.message)
                damaged.append(pack.id)
            progress.advance(pack.size)
    finally:
        progress.end()
    # Before anything is looked up: a read that fails makes the catalogue anew without a word.
    problems += _check_catalogue(pod)
    followed = _Follower(pod)
    first: dict[ObjectId, str] = {}
    try:
        refs = pod.refs.read().values
    except SovrError as error:
        problems.append(error.message)
    else:
        for name, value in refs.items():
            problems += [f"{name}: {problem}" for problem in followed.follow(value, _kinds_of(name))]
            for item in followed.absent:
                first.setdefault(item, name)
    objects = len(followed.seen)
    problems += _check_reflog(pod, followed, since_ns)
    problems += followed.forged
    for item in followed.absent:
        first.setdefault(item, "reflog")
    left = set(promised(followed.absent)) if promised is not None and followed.absent else set[ObjectId]()
    problems += [f"{first[item]}: {problem}" for item, problem in followed.absent.items() if item not in left]
    missing = [item for item, found in followed.seen.items() if found is None and item not in left]
    missing += [item for item in followed.absent if item not in left and item not in missing]
    return Checked(
        tuple(problems),
        len(packs),
        objects - len(left),
        sum(pack.size for pack in packs),
        tuple(damaged),
        tuple(missing),
        len(left),
    )


def _verified(pod: Pod, packs: list[PackInfo]) -> Iterator[SovrError | None]:
    """What is wrong with each pack, in order. Reading, hashing and decompressing let other threads run."""

    def verify(pack: PackInfo) -> SovrError | None:
        try:
            verify_pack(pod.store.pack_path(pack.id), pack.id, pack.size)
        except SovrError as error:
            return error
        return None

    pool = ThreadPoolExecutor(_AT_ONCE, "sovr-check")
    try:
        yield from pool.map(verify, packs)
    finally:
        pool.shutdown(cancel_futures=True)


def _check_catalogue(pod: Pod) -> list[str]:
    """Whether the catalogue says what the packs do."""
    from sovrgit.store.packreader import PackReader

    problems = []
    for info in pod.store.packs():
        try:
            with PackReader(pod.store.pack_path(info.id), info.id) as reader:
                toc = reader.toc()
        except SovrError:
            continue  # told of the pack already
        places = {(item, place.offset) for item, place in pod.store.contents(info.id)}
        rows = {(ObjectId(digest), offset) for digest, _, _, _, offset, _, _ in toc.rows()}
        # An object that is in a pack twice is in the catalogue once.
        if not places <= rows or {item for item, _ in places} != {item for item, _ in rows}:
            problems.append(f"the catalogue differs from pack {info.id.short}; `sovr fsck --repair` makes it anew")
    return problems


def _check_reflog(pod: Pod, followed: _Follower, since_ns: int) -> list[str]:
    """What the reflog names, as far back as it is kept."""
    problems = []
    told: set[ObjectId] = set()
    for move in moves(pod):
        if move.time_ns < since_ns:
            continue
        for change in move.changes:
            for value in (change.old, change.new):
                if value is None or value in told:
                    continue
                told.add(value)
                if value in followed.seen:
                    continue
                found = followed.follow(value, _kinds_of(change.name))
                problems += [f"reflog of {change.name}: {problem}" for problem in found]
    return problems


Promised: TypeAlias = Callable[[Collection[ObjectId]], Collection[ObjectId]]

_ANY = frozenset(Kind)
_REF_KINDS = {HEADS: {Kind.COMMIT}, REMOTES: {Kind.COMMIT}, RUNS: {Kind.RUN}, VERDICTS: {Kind.VERDICT}}


def _kinds_of(ref: str) -> Collection[Kind]:
    return next((kinds for prefix, kinds in _REF_KINDS.items() if ref.startswith(prefix)), _ANY)


_FOLDER, _FILE = frozenset({Kind.TREE}), frozenset({Kind.BLOB})


class _Link(NamedTuple):
    """What one object says of another. `size` is in bytes, None if nothing is said of it."""

    target: ObjectId
    kinds: Collection[Kind]
    source: ObjectId | None = None
    name: bytes | None = None
    size: int | None = None

    def describe(self, problem: str) -> str:
        """A problem with the target, and where the link stands."""
        if self.source is None:
            return problem
        place = "" if self.name is None else f"`{self.name.decode('utf-8', 'backslashreplace')}` in "
        return f"{place}{self.source.short}: {problem}"


class _Follower:
    """Follows every link once. `seen` holds the kind and size of everything that was reached, None for what is not
    here or damaged; `absent` the files that are not here, with the words for it. `forged` tells of signatures that are
    not what they seem: such objects are whole all the same."""

    def __init__(self, pod: Pod) -> None:
        self._store = pod.store
        self.absent: dict[ObjectId, str] = {}
        self.seen: dict[ObjectId, tuple[Kind, int] | None] = {}
        self.forged: list[str] = []

    def follow(self, start: ObjectId, kinds: Collection[Kind]) -> list[str]:
        problems = []
        stack = [_Link(start, kinds)]
        while stack:
            link = stack.pop()
            if link.target not in self.seen:
                try:
                    self.seen[link.target], below = self._look(link.target)
                    stack += below
                except ObjectMissing as error:
                    self.seen[link.target] = None
                    if link.kinds == _FILE and not self._store.has(link.target):
                        self.absent[link.target] = link.describe(error.message)
                    else:
                        problems.append(link.describe(error.message))
                except SovrError as error:
                    self.seen[link.target] = None
                    problems.append(link.describe(error.message))
            found = self.seen[link.target]
            if found is None:
                continue
            kind, size = found
            if kind not in link.kinds:
                problems.append(link.describe(f"{link.target.short} is a {kind.label}, which has no place here"))
            elif link.size is not None and link.size != size:
                problems.append(link.describe(f"{link.target.short} has {size} bytes, not {link.size}"))
        return problems

    def _look(self, item: ObjectId) -> tuple[tuple[Kind, int], list[_Link]]:
        store = self._store
        # The empty tree is known to every store, in a pack or not.
        kind = Kind.TREE if item == EMPTY_TREE_ID else store.kind(item)
        if kind is Kind.TREE:
            tree = store.tree(item)
            below = [
                _Link(entry.id, _FOLDER if entry.is_directory else _FILE, item, entry.name, entry.size)
                for entry in tree.entries
            ]
            return (kind, tree.size), below
        if kind is Kind.BLOB and store.chunks(item):
            store.check_whole(item)
        if kind in SIGNED_KINDS:
            try:
                check_signature(read_signed(store, item, kind), item)
            except SignatureInvalid as error:
                self.forged.append(error.message)
        return (kind, store.size(item)), [_Link(target, kinds, item) for target, kinds in links_of(store, item, kind)]
