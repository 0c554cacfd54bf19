"""What a recipe wants of other pods, and what that was found to be: looked up, locked, got."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple, TypeAlias

from sovrgit.errors import (
    LoginNeeded,
    NotAPod,
    ObjectMissing,
    PathNotFound,
    PayloadChanged,
    PayloadUnavailable,
    PodUnrecognised,
    ReferenceUnknown,
    RemoteUnavailable,
    RemoteUnknown,
)
from sovrgit.lockfile import Lock, LockedPayload
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.payloads.bring import bring, is_here
from sovrgit.payloads.filesource import FileSource
from sovrgit.payloads.opening import opened
from sovrgit.payloads.reference import Reference, parse_reference
from sovrgit.payloads.source import Access, Found, Source
from sovrgit.payloads.unpacking import is_archive, store_archive
from sovrgit.pod.pod import Pod
from sovrgit.pod.recipe import Recipe
from sovrgit.pod.supplies import Ready, Supplies, read_supplies, write_supplies

State: TypeAlias = Literal["same", "added", "newer", "moved", "gone"]
"""Newer is another commit with the same content. If that is not locked, `new` of the change is still the old one."""

_NOT_THERE = (RemoteUnavailable, ReferenceUnknown, RemoteUnknown, PodUnrecognised, NotAPod, ObjectMissing)
"""What is said of a reference that leads nowhere."""


class Wanted(NamedTuple):
    """A file or folder of another pod; its path from that pod's root, `.` for all of it."""

    reference: Reference
    path: str


class Change(NamedTuple):
    """What has become of a payload since it was locked; `old` or `new` is None if it was not, or is no longer, used."""

    reference: str
    path: str
    state: State
    old: LockedPayload | None
    new: LockedPayload | None


def wanted_by(pod: Pod, recipe: Recipe) -> tuple[Wanted, ...]:
    """What a recipe wants of other pods, each once.

    Raises:
        ReferenceUnknown, ConfigInvalid, UnsafeName: if a reference cannot be one.
    """
    external = recipe.golem.external if recipe.golem is not None else recipe.external
    found = [Wanted(parse_reference(pod, entry.ref), entry.path) for entry in external]
    return tuple({(item.reference.label, item.path): item for item in found}.values())


def locked_as(lock: Lock, item: Wanted) -> LockedPayload | None:
    """What a payload was locked as."""
    there = (entry for entry in lock.payload if (entry.reference, entry.path) == (item.reference.label, item.path))
    return next(there, None)


def look_up(
    access: Access, items: Iterable[Wanted], commits: Mapping[str, ObjectId], *, get: bool = False
) -> dict[Wanted, LockedPayload]:
    """What payloads are: in these commits of the pods, by what these are called, or as they are now.

    Args:
        get: make them ready too.

    Raises:
        PayloadUnavailable: if one cannot be had.
        PathNotFound: if a pod has no such path.
        ArchiveInvalid, UnsafeName: if one is an archive that is not to be unpacked.
        SovrError: as the remotes give cause.
    """
    by_reference: dict[str, list[Wanted]] = {}
    for item in items:
        by_reference.setdefault(item.reference.label, []).append(item)
    answers = {}
    for label, group in by_reference.items():
        with explaining(group[0]), opened(access, group[0].reference) as source:
            for item in group:
                with explaining(item):
                    with _explaining_lock(label, commits, get=get):
                        found = source.find(item.path, commits.get(label))
                    # What lies in no pack comes as a whole, and is kept at once.
                    if get or isinstance(source, FileSource):
                        _make_ready(access, source, found, item.path)
                kind, identity = found.entry.kind, found.entry.id
                answers[item] = LockedPayload(label, item.path, found.commit, identity, kind)
    return answers


def get_locked(access: Access, items: Mapping[Wanted, LockedPayload]) -> None:
    """Make payloads ready as they were locked.

    Raises:
        PayloadChanged: if the lock says something else than the other pod.
        SovrError: as for `look_up`.
    """
    groups: dict[ObjectId, list[Wanted]] = {}
    for item, locked in items.items():
        groups.setdefault(locked.commit, []).append(item)
    for commit, group in groups.items():
        commits = {item.reference.label: commit for item in group}
        for item, found in look_up(access, group, commits, get=True).items():
            _check(items[item], found.id, found.kind)


def _check(locked: LockedPayload, identity: ObjectId, kind: EntryKind) -> None:
    """Make sure that a lock tells the truth.

    Raises:
        PayloadChanged: if it does not.
    """
    if (locked.id, locked.kind) != (identity, kind):
        raise PayloadChanged(
            path=locked.path,
            reason=f"in commit {locked.commit.short} of that pod it is {identity.short}, not {locked.id.short}",
        )


def ready(pod: Pod, supplies: Supplies, locked: LockedPayload) -> TreeEntry | None:
    """What is placed for a payload, if it is all here and was seen in the commit that the lock names.

    Raises:
        PayloadChanged: if it was seen there as something else.
    """
    known = supplies.ready.get((locked.commit, locked.path))
    if known is None:
        return None
    _check(locked, known.found.id, known.found.kind)
    return known.placed if is_here(pod.store, known.placed) else None


def lock_again(
    access: Access, wanted: Sequence[Wanted], lock: Lock, only: Collection[Wanted] | None = None
) -> tuple[Lock, list[Change]]:
    """Look payloads up anew: the lock as it should be, and what has changed. What nobody wants any more goes.

    The lock is an input of runs, so that one that names another commit with the same content would make them compute
    everything again for nothing. Of a pod that has moved on, and of whose payload nothing is different, it keeps the
    commit, if that can still be had.

    Args:
        only: these, of which the newest commit is locked in any case; all, if it is None. Those that were never locked
            are looked up in any case.

    Raises:
        SovrError: as for `look_up`.
    """
    old = {item: locked_as(lock, item) for item in wanted}
    asked = [item for item in wanted if only is None or item in only or old[item] is None]
    new = look_up(access, asked, {})
    states = {item: _state(old[item], new[item]) for item in asked}
    if only is None:
        new |= _still_good(access, old, states)
    changes = []
    for item in asked:
        before, after = old[item], new[item]
        changes.append(Change(item.reference.label, item.path, states[item], before, after))
    kept = {(item.reference.label, item.path) for item in wanted}
    gone = [entry for entry in lock.payload if (entry.reference, entry.path) not in kept]
    changes += [Change(entry.reference, entry.path, "gone", entry, None) for entry in gone]
    payload = tuple(entry for item in wanted if (entry := new.get(item) or old[item]) is not None)
    return replace(lock, payload=payload), changes


def _still_good(
    access: Access, old: Mapping[Wanted, LockedPayload | None], states: Mapping[Wanted, State]
) -> dict[Wanted, LockedPayload]:
    """What is locked of pods that have moved on without a difference."""
    groups: dict[str, list[Wanted]] = {}
    for item in states:
        groups.setdefault(item.reference.label, []).append(item)
    good: dict[Wanted, LockedPayload] = {}
    for label, group in groups.items():
        found = {states[item] for item in group}
        locked = {item: entry for item in group if (entry := old[item]) is not None}
        commits = {entry.commit for entry in locked.values()}
        if not found <= {"same", "newer"} or found == {"same"} or len(commits) > 1:
            continue
        with contextlib.suppress(PayloadUnavailable, PathNotFound):
            if look_up(access, group, {label: commits.pop()}) == locked:
                good |= locked
    return good


def _state(before: LockedPayload | None, after: LockedPayload) -> State:
    if before is None:
        return "added"
    if (before.id, before.kind) != (after.id, after.kind):
        return "moved"
    return "same" if before == after else "newer"


def _make_ready(access: Access, source: Source, found: Found, path: str) -> TreeEntry:
    """Bring a payload into the pod's own store, unpacked if it is an archive, and note it; what is placed."""
    pod = access.pod
    source.get(found)
    placed = found.entry._replace(name=b"")
    if is_archive(path, found.entry):
        placed = store_archive(found.store, found.entry.id, pod, path, progress=access.progress)
    else:
        bring(found.store, pod, found.entry)
    supplies = read_supplies(pod.folder)
    entry = Ready(found.entry._replace(name=b""), placed)
    write_supplies(pod.folder, replace(supplies, ready={**supplies.ready, (found.commit, path): entry}))
    return placed


@contextlib.contextmanager
def _explaining_lock(label: str, commits: Mapping[str, ObjectId], *, get: bool) -> Iterator[None]:
    """Say what to do if something more is wanted from a pod, and the commit that is locked does not have it."""
    try:
        yield
    except PathNotFound as error:
        if get or label not in commits:
            raise
        hint = f"this commit is locked; `sovr payload update {label}` locks the newest one, which may have it"
        raise PathNotFound(path=error.fields["path"], where=error.fields["where"], hint=hint) from None


@contextlib.contextmanager
def explaining(item: Wanted) -> Iterator[None]:
    """Say of which payload something is that goes wrong inside the block."""
    try:
        yield
    except PayloadUnavailable as error:
        if error.fields["path"] != item.reference.label:
            raise
        reason = f"in `{item.reference.label}` {error.fields['reason']}"
        raise PayloadUnavailable(path=item.path, reason=reason, hint=error.hint) from None
    except LoginNeeded as error:
        if not item.reference.is_name:
            raise
        reason = f"`{item.reference.label}` is neither a remote nor a folder here, and your account was not asked"
        raise PayloadUnavailable(path=item.path, reason=reason, hint=error.hint) from error.__cause__
    except _NOT_THERE as error:
        raise PayloadUnavailable(path=item.path, reason=error.message, hint=error.hint) from error.__cause__
