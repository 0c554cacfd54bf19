"""Dropping content that a remote is proven to hold: the proof first, then the files, then the objects."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

from sovrgit.errors import LocalChanges, NotProven, PathNotFound, RemoteDamaged, RemoteUnavailable
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.pod.checkout import apply_changes
from sovrgit.pod.lock import GC_LOCK, locked
from sovrgit.pod.mergestate import refuse_unfinished
from sovrgit.pod.overlay import selected
from sovrgit.pod.paths import is_within, outermost
from sovrgit.pod.pod import Pod
from sovrgit.pod.roots import Reach, roots
from sovrgit.pod.sparse import Sparse
from sovrgit.pod.treediff import Change, find, walk
from sovrgit.pod.worktree import WorkingTree, learn
from sovrgit.progress import SILENT, Progress
from sovrgit.remotes.base import Remote
from sovrgit.remotes.manifest import Manifest, PackEntry
from sovrgit.remotes.obtain import give_names
from sovrgit.remotes.promises import known_manifests
from sovrgit.remotes.ranges import Wanted, read_entries, read_table
from sovrgit.remotes.reading import read_manifest
from sovrgit.remotes.splitting import table_entry
from sovrgit.remotes.state import RemoteState
from sovrgit.remotes.supply import Supply
from sovrgit.store.catalogue import Location, PackInfo
from sovrgit.store.format import Codec, PackClass, Toc
from sovrgit.store.packwriter import FinishedPack, PackWriter
from sovrgit.store.repack import repack


@dataclass(frozen=True, slots=True)
class Dropped:
    """What went: files of the working tree, and objects with the bytes that they had in packs. `remote` holds them."""

    files: int
    size: int
    objects: int
    bytes: int
    remote: str


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to go: files at paths, and the objects that nothing else here needs."""

    sparse: Sparse
    files: list[tuple[bytes, TreeEntry]]
    contents: frozenset[ObjectId]
    objects: frozenset[ObjectId]


@dataclass(slots=True)
class _Proof:
    """Where a remote holds the objects, which were read back from there."""

    remote: str
    tables: dict[ObjectId, Toc] = field(default_factory=dict)


def drop(
    pod: Pod,
    paths: Sequence[bytes],
    supply: Supply,
    *,
    now_ns: int,
    remotes: Sequence[str] = (),
    progress: Progress = SILENT,
) -> Dropped:
    """Remove files and their content, which a remote is proven to hold: everything is read back from there first.

    Content that another file here has too stays. Folders and history stay as they are.

    Args:
        now_ns: now, in nanoseconds since 1970.
        remotes: those that are asked, all if none is named.

    Raises:
        PathNotFound: if the commit has nothing at a path.
        LocalChanges: if something there is not as it was committed.
        MergeUnfinished: if a merge waits.
        NotProven: if no remote is proven to hold all of it. Nothing is touched, as with everything above.
        Locked: if another command is at work; what could not go yet goes with the same command, repeated.
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    with pod.lock():
        plan = _plan(pod, paths, now_ns)
    proof = _prove(pod, plan, paths, supply, remotes, progress)
    with locked(pod.folder / GC_LOCK), pod.lock():
        again = _plan(pod, paths, now_ns)
        if again.files != plan.files:
            raise LocalChanges(paths=_named(paths), hint="the files changed meanwhile; repeat the command")
        # First it is written down that the files are left out: what is there all the same counts as there.
        again.sparse.write(pod.folder)
        changes = [Change(path, entry, None) for path, entry in again.files if _is_there(pod, path)]
        gone = {change.path for change in changes}
        size = sum(entry.size for path, entry in again.files if path in gone or entry.id in plan.contents)
        apply_changes(pod.store, pod.root, pod.temporary, changes)
        learn(pod)
        with pod.store.alone():
            objects, freed = _remove(pod, plan.objects & _plan(pod, paths, now_ns).objects, proof)
    written = sum(not change.is_directory for change in changes)
    return Dropped(written, size, objects, freed, proof.remote)


def _plan(pod: Pod, paths: Sequence[bytes], now_ns: int) -> _Plan:
    """What is to go, as things are now. The caller holds the pod's lock."""
    from sovrgit.pod.gc import KEPT_MOVES

    refuse_unfinished(pod)
    store = pod.store
    working = WorkingTree.look(pod)
    changed = [change.path for change in working.changes() if any(is_within(change.path, path) for path in paths)]
    if changed:
        raise LocalChanges(paths=_named(changed), hint="commit and push first; what was not pushed is not dropped")
    working.remember()
    files: list[tuple[bytes, TreeEntry]] = []
    for path in outermost(paths):
        entry = find(store, working.head_tree, path) if path else _root(working.head_tree)
        if entry is None:
            raise PathNotFound(path=os.fsdecode(path), where="the commit that is checked out")
        files += walk(store, entry, path)
    sparse = (working.sparse or Sparse()).with_paths(outermost(paths), out=True)
    kept = {entry.id for _, entry in selected(store, working.head_tree, sparse)}
    ids = dict.fromkeys(entry.id for _, entry in files if not entry.is_directory and entry.id not in kept)
    gone = set(store.absent(list(ids)))
    contents = frozenset(item for item in ids if item not in gone)
    reach = Reach(store)
    # By id, wherever it stands in history: what another commit has of it is at the remote as well.
    reach.seen |= contents
    reach.add(roots(pod, since_ns=now_ns - KEPT_MOVES))
    pieces = {piece for item in contents for piece in store.chunks(item)}
    return _Plan(sparse, sorted(files), contents, contents | {piece for piece in pieces if piece not in reach.seen})


def _root(tree: ObjectId) -> TreeEntry:
    return TreeEntry(b"-", EntryKind.DIRECTORY, tree, 0)


def _is_there(pod: Pod, path: bytes) -> bool:
    return os.path.lexists(os.path.join(os.fsencode(pod.root), path))


def _named(paths: Sequence[bytes]) -> str:
    return ", ".join(f"`{os.fsdecode(path)}`" for path in paths[:5])


# --- proving ----------------------------------------------------------------------------------------------------


def _prove(
    pod: Pod, plan: _Plan, paths: Sequence[bytes], supply: Supply, remotes: Sequence[str], progress: Progress
) -> _Proof:
    """Find a remote that holds everything, and read it back from there."""
    if not plan.objects:
        return _Proof("")
    reasons = []
    manifests = known_manifests(pod)
    with supply.opening() as opened:
        for name in remotes or manifests:
            if name not in manifests:
                reasons.append(f"nothing was pushed to or fetched from `{name}` yet")
                continue
            try:
                remote = opened(name)
                if not remote.keeps_chain:
                    reasons.append(f"`{name}` is a pod that somebody works in, and may drop it too")
                    continue
                return _prove_at(pod, plan, name, remote, manifests[name], progress)
            except (RemoteUnavailable, RemoteDamaged, NotProven) as error:
                reasons.append(
                    str(error.fields.get("reason", error.message)) if isinstance(error, NotProven) else error.message
                )
    reason = "; ".join(reasons) or "this pod has no remote"
    raise NotProven(path=", ".join(os.fsdecode(path) or "." for path in paths), reason=reason)


def _prove_at(pod: Pod, plan: _Plan, name: str, remote: Remote, known: Manifest, progress: Progress) -> _Proof:
    manifest, _ = read_manifest(remote, RemoteState.load(pod.folder, name))
    held = {pack.id for pack in manifest.packs} if manifest is not None else set()
    proof = _Proof(name)
    left = set(plan.objects)
    progress.begin(f"reading back from {name}", sum(pod.store.location(item).stored for item in left), "bytes")
    try:
        for pack in known.packs:
            if not left:
                break
            if pack.id not in held:
                continue
            rows = {item: place for item, place in _contents(pod, remote, pack) if item in left}
            if not rows:
                continue
            for entry in read_entries(pod, remote, pack, [Wanted(place, item) for item, place in rows.items()]):
                mine = pod.store.location(entry.id)
                if entry.codec is Codec.CHUNKS and (
                    mine.codec is not Codec.CHUNKS or bytes(pod.store.raw_entry(mine, entry.id)) != bytes(entry.payload)
                ):
                    # Another list may be as good. But its pieces are not those that were looked for here.
                    del rows[entry.id]
                    continue
                progress.advance(len(entry.payload))
            left -= rows.keys()
            proof.tables[pack.id] = _table(pack.id, rows)
    finally:
        progress.end()
    if left:
        raise NotProven(path="", reason=f"`{name}` does not hold all of it")
    return proof


def _contents(pod: Pod, remote: Remote, pack: PackEntry) -> Iterator[tuple[ObjectId, Location]]:
    """What is in a pack of a remote: known from here, if it is here, else read from its end."""
    here = pod.store.contents(pack.id)
    if here:
        yield from here
        return
    for digest, kind, codec, depth, offset, stored, size in read_table(pod, remote, pack).rows():
        yield ObjectId(digest), Location(Kind(kind), Codec(codec), depth, offset, stored, size, pack.id)


def _table(pack: ObjectId, rows: dict[ObjectId, Location]) -> Toc:
    table = replace(Toc.empty(), pack=pack)
    for item, place in sorted(rows.items(), key=lambda pair: pair[1].offset):
        table.append(place.kind, place.codec, place.depth, place.offset, place.stored, place.size, item)
    return table


# --- removing ---------------------------------------------------------------------------------------------------


def _remove(pod: Pod, objects: Collection[ObjectId], proof: _Proof) -> tuple[int, int]:
    """Write the packs that hold the objects anew without them. The caller is alone with the pod.

    What is promised from now on is written first, then what stays, and the old packs go last.
    """
    store = pod.store
    if not objects:
        return 0, 0
    series = PackWriter(pod.temporary, PackClass.METADATA)
    try:
        for table in proof.tables.values():
            series.add(table_entry(table))
        promised = series.finish()
    except BaseException:
        series.abandon()
        raise
    give_names(store, [promised])
    old: list[PackInfo] = []
    count = size = 0
    stays: list[tuple[Location, ObjectId]] = []
    for info in store.packs():
        contents = store.contents(info.id)
        going = [place for item, place in contents if item in objects]
        if not going:
            continue
        old.append(info)
        count += len(going)
        size += sum(place.stored for place in going)
        stays += [(place, item) for item, place in contents if item not in objects]
    made: list[FinishedPack] = repack(store, pod.temporary, stays) if stays else []
    give_names(store, made)
    new = {pack.id for pack in made}
    # Lists before their pieces: what is killed in between must not leave a list that lists nothing.
    old.sort(key=lambda info: info.kind)
    store.remove_packs([info.id for info in old if info.id not in new])
    return count, size
