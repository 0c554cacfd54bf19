"""Collecting garbage: what nothing leads to goes, and many small packs become few.

Two phases. Without keeping anybody waiting, find out what is needed and write it into new packs where old ones are to
go. Then, for a moment, alone: look what has come since, and remove the old packs. New packs come first, so that a crash
at any point leaves everything that is needed, perhaps twice.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.pod.lock import GC_LOCK, PATIENCE, locked
from sovrgit.pod.paths import GIT_CACHE
from sovrgit.pod.pod import Pod
from sovrgit.pod.roots import Reach, roots
from sovrgit.progress import SILENT, Progress
from sovrgit.store.catalogue import Location, PackInfo
from sovrgit.store.files import reporting, sync_folder
from sovrgit.store.format import PackClass, Toc
from sovrgit.store.packwriter import FinishedPack
from sovrgit.store.repack import repack

DAY = 86_400 * 1_000_000_000

KEPT_MOVES = 90 * DAY
"""Nanoseconds for which the journal keeps what it names, as long as Git keeps reachable entries of its reflog."""

GRACE = 14 * DAY
"""Nanoseconds for which a pack that nothing leads to is left alone, as Git's `gc.pruneExpire`."""

SMALL = 4 << 20
"""Bytes below which a pack is worth folding into a larger one: an eighth of a full one."""

MANY = 50
"""Small packs that are worth folding without being asked, as many as Git's `gc.autoPackLimit`."""

_WASTE = 4
"""A large pack is written anew if at least this part of it, one in so many bytes, is of no use."""

_LEFTOVERS = ("pack-", "checkout-", "fetch-", "keep-", ".new-")
"""Beginnings of names of files in the making, which nobody needs once their process is gone."""


@dataclass(frozen=True, slots=True)
class GcRequest:
    """What to collect. Times are in nanoseconds.

    Args:
        now_ns: now, since 1970.
        grace_ns: packs younger than this keep what nothing leads to.
        kept_moves_ns: what the journal says that is younger than this is kept.
        few: the number of small packs up to which they stay as they are.
        dry_run: only say what would be done.
        patience: seconds to wait for another collection to end.
    """

    now_ns: int
    grace_ns: int = GRACE
    kept_moves_ns: int = KEPT_MOVES
    few: int = 1
    dry_run: bool = False
    patience: float = PATIENCE


@dataclass(slots=True)
class Collected:
    """What was done, or would be: objects and bytes that went, packs before and after, files in the making that went.

    `young` counts objects that nothing leads to, and that are still within the grace period.
    """

    objects: int = 0
    bytes: int = 0
    packs_before: int = 0
    packs_after: int = 0
    young: int = 0
    leftovers: int = 0


@dataclass(slots=True)
class _Plan:
    drop: set[ObjectId] = field(default_factory=set)
    rewrite: list[PackInfo] = field(default_factory=list)
    dead: dict[ObjectId, list[tuple[ObjectId, Location]]] = field(default_factory=dict)
    young: int = 0


def worthwhile(pod: Pod) -> bool:
    """Whether there are so many small packs that they should be folded. Cheap: it looks at sizes only."""
    with os.scandir(pod.store.packs_folder) as entries:
        small = sum(1 for entry in entries if entry.stat().st_size < SMALL)
    return small >= MANY


def collect(pod: Pod, request: GcRequest, progress: Progress = SILENT) -> Collected:
    """Remove what nothing leads to, and fold small packs.

    Raises:
        Locked: if another command is at work on this pod, or another collection, and does not finish; nothing is
            removed.
        IntegrityFailure: if it cannot be known what is needed, or something that is needed is damaged; nothing is
            removed.
        StorageFull, ReadOnly, StorageFailure: nothing is removed.
    """
    alone = contextlib.nullcontext() if request.dry_run else locked(pod.folder / GC_LOCK, patience=request.patience)
    with alone:
        return _collect(pod, request, progress)


def _collect(pod: Pod, request: GcRequest, progress: Progress) -> Collected:
    store = pod.store
    store.refresh()
    before = store.packs()
    since = request.now_ns - request.kept_moves_ns
    progress.begin("looking what is needed", len(before), "packs")
    try:
        reach = Reach(store)
        reach.add(roots(pod, since_ns=since))
        plan = _plan(pod, before, reach, request)
    finally:
        progress.end()
    done = Collected(packs_before=len(before), packs_after=len(before), young=plan.young)
    if request.dry_run:
        _count(done, plan.dead.values())
        done.packs_after -= len(plan.drop)
        return done
    made = _write(pod, plan, reach) if plan.rewrite else []
    # In this order: who has the lock of the pod may be about to write.
    with pod.lock(), store.alone():
        # What has become needed while this was going on lies in packs that are kept, or in one that must not go.
        reach.add(roots(pod, since_ns=since))
        going = _still_useless(pod, plan, reach, made)
        _count(done, (plan.dead.get(pack, []) for pack in going))
        if done.objects:
            # It says what is here, and what is not asked for again.
            (pod.folder / GIT_CACHE).unlink(missing_ok=True)
        store.remove_packs(going)
        done.leftovers = _remove_leftovers(pod.temporary)
    done.packs_after = len(store.packs())
    return done


def _plan(pod: Pod, packs: list[PackInfo], reach: Reach, request: GcRequest) -> _Plan:
    """Which packs go, and which are written anew."""
    store, plan = pod.store, _Plan()
    small: list[PackInfo] = []
    for info in packs:
        objects = [entry for entry in store.contents(info.id) if entry[1].kind is not Kind.TOC]
        dead = [(item, place) for item, place in objects if item not in reach.seen]
        if dead and _age(store.pack_path(info.id), request.now_ns) < request.grace_ns:
            plan.young += len(dead)
            continue
        # A pack with nothing but tables of contents of others is folded with the other small ones.
        if dead and len(dead) == len(objects):
            plan.drop.add(info.id)
            plan.dead[info.id] = dead
            continue
        wasted = sum(place.stored for _, place in dead)
        if dead and (info.size < SMALL or wasted * _WASTE >= info.size):
            plan.rewrite.append(info)
            plan.dead[info.id] = dead
        elif info.size < SMALL:
            small.append(info)
    for kind in PackClass:
        alike = [info for info in small if info.kind is kind]
        if len(alike) > request.few:
            plan.rewrite += alike
    plan.drop |= {info.id for info in plan.rewrite}
    return plan


def _write(pod: Pod, plan: _Plan, reach: Reach) -> list[FinishedPack]:
    """Write what is needed of packs that are to go into new ones, which get their names."""
    store = pod.store
    dead = {item for entries in plan.dead.values() for item, _ in entries}
    wanted: dict[ObjectId, Location] = {}
    described: list[FinishedPack] = []
    here = {info.id for info in store.packs()}
    for info in plan.rewrite:
        for item, place in store.contents(info.id):
            if place.kind is Kind.TOC:
                table = Toc.decode(bytes(store.read(item, Kind.TOC)))
                if pod.is_partial and table.pack not in here:
                    # It says what was left at a remote, and where.
                    wanted[item] = place
                elif table.pack is not None and table.pack not in plan.drop and store.pack_path(table.pack).exists():
                    described.append(FinishedPack(table.pack, Path(), 0, PackClass.CONTENT, table))
            elif item not in dead and item not in wanted:
                wanted[item] = place
    made = repack(store, pod.temporary, ((place, item) for item, place in wanted.items()), described)
    with reporting(store.packs_folder):
        for pack in sorted(made, key=lambda pack: pack.kind, reverse=True):
            os.rename(pack.path, store.pack_path(pack.id))
        sync_folder(store.packs_folder)
    store.adopt((pack.id, pack.toc) for pack in made)
    return made


def _still_useless(pod: Pod, plan: _Plan, reach: Reach, made: Iterable[FinishedPack]) -> set[ObjectId]:
    """The packs to be removed: those in which nothing has become needed that was not copied."""
    new = {pack.id for pack in made}
    going = set()
    for pack in plan.drop - new:
        needed_now = any(item in reach.seen for item, _ in plan.dead.get(pack, ()))
        if not needed_now:
            going.add(pack)
    return going


def _count(done: Collected, groups: Iterable[list[tuple[ObjectId, Location]]]) -> None:
    for entries in groups:
        done.objects += len(entries)
        done.bytes += sum(place.stored for _, place in entries)


def _age(path: Path, now_ns: int) -> int:
    try:
        return now_ns - path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _remove_leftovers(folder: Path) -> int:
    """Remove what killed processes have left. No other one is at work, and outputs that a run put aside stay."""
    count = 0
    with reporting(folder):
        for entry in os.scandir(folder):
            if not entry.name.startswith(_LEFTOVERS):
                continue
            count += 1
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                os.unlink(entry.path)
    return count
