"""Pushing: packs first, verified; then the manifest, if it is still the one that was seen."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sovrgit.errors import HistoryDiverged, NotFetched, RemoteStale, RevisionNotFound
from sovrgit.objects.ids import ObjectId
from sovrgit.pod.history import is_ancestor
from sovrgit.pod.lock import locked
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import HEADS, REMOTES, RefChange
from sovrgit.pod.secretscan.find import refusal, secrets_to_send
from sovrgit.pod.secretscan.packs import looking_ahead
from sovrgit.progress import SILENT, Progress
from sovrgit.remotes.base import Remote
from sovrgit.remotes.collect import Collector
from sovrgit.remotes.manifest import REPOSITORY_ID_SIZE, Manifest, PackEntry
from sovrgit.remotes.packing import Packing
from sovrgit.remotes.promises import Promises
from sovrgit.remotes.publishing import publish
from sovrgit.remotes.reading import read_manifest
from sovrgit.remotes.sending import Sending
from sovrgit.remotes.state import RemoteState
from sovrgit.store.catalogue import Location


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push did: the refs that moved, and what was sent in bytes, packs and objects.

    `kept` names tags that the remote has with another meaning; they were left as they are.
    """

    moved: tuple[RefChange, ...]
    sent_bytes: int
    sent_packs: int
    sent_objects: int
    generation: int
    kept: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PushRequest:
    """What to push.

    Args:
        name: the remote's name in this pod.
        refs: the refs to push, by full name; they have the same names there.
        time_ns: now, in nanoseconds since 1970.
        recipe: a summary of the pod for listings.
        borrowed: packs of another place that readers may be sent to. Those that are needed are named in the manifest
            instead of being sent.
        full: name none in another place, and send also what was only named before.
        renamed: what refs are called there that have another name than here.
        allowed: paths of files that look like secrets and may be sent all the same.
    """

    name: str
    refs: Sequence[str]
    time_ns: int
    recipe: Mapping[str, str]
    borrowed: Sequence[PackEntry] = ()
    full: bool = False
    renamed: Mapping[str, str] = field(default_factory=dict, hash=False)
    allowed: Collection[bytes] = ()


def push(pod: Pod, remote: Remote, request: PushRequest, progress: Progress = SILENT) -> Pushed:
    """Bring refs of this pod to a remote, with everything that they need and nothing else.

    An interrupted push loses nothing and is resumed by the next one: packs that are there already are not sent again.

    Raises:
        RevisionNotFound: if there is no such ref here.
        RemoteStale: if the remote has commits that are not here.
        HistoryDiverged: if it has commits that this pod has fetched and does not build upon.
        SecretFound: if something that is to be sent looks like a secret. The remote is as it was.
        ObjectMissing, IntegrityFailure: if something is damaged here. The remote is as it was.
        RemoteDiverged, RemoteDamaged, RemoteUnavailable: as the remote gives cause.
        Locked: if another process pushes to or fetches from the same remote.
    """
    with locked(pod.folder / "remotes" / f"{request.name}.lock"), remote.writing():
        state = RemoteState.load(pod.folder, request.name)
        current, raw = read_manifest(remote, state)
        targets = _targets(pod, request)
        there = dict(current.refs) if current is not None else {}
        moves, kept = _moves(pod, remote, request.name, targets, there)
        held = [pack for pack in current.packs if not (request.full and pack.origin)] if current is not None else []
        if current is not None and not moves and len(held) == len(current.packs):
            _remember(pod, request, state, current, targets)
            return Pushed((), 0, 0, 0, current.generation, kept)
        wanted, borrowed = _to_send(pod, remote, request, moves, current, held, state)
        with Packing(pod.store, wanted) as packing:
            sent = Sending(pod, remote, request.name, state, progress).send(packing.packs)
            packs = [*borrowed, *(pack.entry for pack in packing.packs)]
            manifest = _next(pod, request, current, there, moves, held, packs)
            publish(remote, manifest, current, raw)
            here = {pack.id for pack in manifest.packs} & state.known | {pack.id for pack in packs}
            _remember(pod, request, RemoteState(state.manifest, frozenset(here)), manifest, targets)
        return Pushed(tuple(moves), sum(sent), len(sent), len(wanted), manifest.generation, kept)


def _to_send(
    pod: Pod,
    remote: Remote,
    request: PushRequest,
    moves: Sequence[RefChange],
    current: Manifest | None,
    held: Sequence[PackEntry],
    state: RemoteState,
) -> tuple[dict[ObjectId, Location], list[PackEntry]]:
    """The objects that have to be sent, none of which looks like a secret; the packs that are named instead.

    Args:
        held: packs that the remote has, and goes on having.

    Raises:
        SecretFound: if one of them does.
        RemoteStale: if all that the remote has is to be sent again, and some of it is not here.
    """
    there = dict(current.refs) if current is not None else {}
    tips = [move.new for move in moves if move.new is not None]
    known = [*there.values(), *_held(current, state)]
    if current is not None and len(held) < len(current.packs):
        # What was left to another place comes along: it is counted anew what everything that has a name needs.
        known = []
        tips += [value for name, value in there.items() if name not in {move.name for move in moves}]
        if not all(pod.store.has(tip) for tip in tips):
            raise RemoteStale(remote=remote.describe())
    ids = {pack.id for pack in held}
    with looking_ahead(pod.store, ids | {pack.id for pack in request.borrowed}) as ahead:
        collector, elsewhere = _collected(pod, known, tips, ids, {pack.id for pack in request.borrowed})
        needed = ({place.pack for place in collector.wanted.values()} | elsewhere) - ids
        borrowed = [pack for pack in request.borrowed if pack.id in needed]
        ids.update(pack.id for pack in borrowed)
        wanted = {item: place for item, place in collector.wanted.items() if place.pack not in ids}
        findings = secrets_to_send(pod.store, collector.wanted, request.allowed, sent=wanted, ahead=ahead)
    if findings:
        raise refusal(findings)
    return wanted, borrowed


def _collected(
    pod: Pod,
    known: Sequence[ObjectId],
    tips: Sequence[ObjectId],
    held: Collection[ObjectId],
    named: Collection[ObjectId],
) -> tuple[Collector, set[ObjectId]]:
    """What the tips need, and the packs that hold what of it is not here but where readers will find it.

    Args:
        held: packs that the remote has.
        named: packs of another place that readers may be sent to.

    Raises:
        NotFetched: if something is needed that was left at another remote, and cannot be had from there; or history
            that was cut.
    """
    promises = Promises.of(pod) if pod.is_partial else None
    while True:
        collector = Collector(pod.store, known, promises.find if promises is not None else None)
        for tip in tips:
            collector.add(tip)
        if not pod.store.shallow.isdisjoint(collector.wanted):
            # Whoever reads them there would look for their parents.
            raise NotFetched(id="older commits", hint="`sovr fetch --unshallow` gets them; then push")
        packs: set[ObjectId] = set()
        fetched = []
        for item, promise in promises.find(collector.left).items() if promises is not None else ():
            if promise.entry.id in held or promise.entry.id in named:
                packs.add(promise.entry.id)
            else:
                fetched.append(item)
        if not fetched:
            return collector, packs
        # To be sent it must be here.
        pod.store.ensure(fetched)


def _targets(pod: Pod, request: PushRequest) -> dict[str, ObjectId]:
    """What is to be pushed, by the names that it has there."""
    values = pod.refs.read().values
    targets = {}
    for name in request.refs:
        if name not in values:
            raise RevisionNotFound(revision=name)
        targets[request.renamed.get(name, name)] = values[name]
    return targets


def _held(current: Manifest | None, state: RemoteState) -> list[ObjectId]:
    """Commits that the remote is known to have: what it had when it was last seen, it still has."""
    if current is None or state.manifest is None or state.manifest.repository != current.repository:
        return []
    return list(state.manifest.refs.values())


def _moves(
    pod: Pod, remote: Remote, remote_name: str, targets: Mapping[str, ObjectId], there: Mapping[str, ObjectId]
) -> tuple[list[RefChange], tuple[str, ...]]:
    """The refs that have to move at the remote, and those that have lasting names and stay."""
    moves = []
    kept = []
    for name, new in targets.items():
        old = there.get(name)
        if old == new:
            continue
        if old is not None and not name.startswith(HEADS):
            kept.append(name)
            continue
        if old is not None:
            if not pod.store.has(old):
                raise RemoteStale(remote=remote.describe())
            if not is_ancestor(pod.store, old, new):
                branch = name.removeprefix(HEADS)
                raise HistoryDiverged(branch=branch, other=f"{remote_name}/{branch}")
        moves.append(RefChange(name, old, new))
    return moves, tuple(kept)


def _next(
    pod: Pod,
    request: PushRequest,
    current: Manifest | None,
    there: dict[str, ObjectId],
    moves: Sequence[RefChange],
    held: Sequence[PackEntry],
    packs: Sequence[PackEntry],
) -> Manifest:
    refs = {**there, **{move.name: move.new for move in moves if move.new is not None}}
    if current is None:
        return Manifest(
            repository=os.urandom(REPOSITORY_ID_SIZE),
            generation=1,
            chain=(),
            writer=_writer(),
            time=request.time_ns,
            head=_head(pod, refs),
            refs=refs,
            packs=tuple(packs),
            recipe=request.recipe,
        )
    have = {pack.id for pack in held}
    return replace(
        current,
        generation=current.generation + 1,
        chain=current.next_chain(),
        writer=_writer(),
        time=request.time_ns,
        head=current.head if current.head in refs else _head(pod, refs),
        refs=refs,
        packs=(*held, *(pack for pack in packs if pack.id not in have)),
        recipe=request.recipe or current.recipe,
    )


def _writer() -> str:
    """Tells this push from every other one, so that two that say the same still differ."""
    return os.urandom(8).hex()


def _head(pod: Pod, refs: Mapping[str, ObjectId]) -> str:
    """The branch that a clone checks out: the one that is checked out here, if it is there, else any."""
    head = pod.refs.read().head
    return head if head in refs else min((name for name in refs if name.startswith(HEADS)), default=head)


def _remember(
    pod: Pod, request: PushRequest, state: RemoteState, manifest: Manifest, targets: Mapping[str, ObjectId]
) -> None:
    """Keep what is known of the remote: in the state, and for the branches that were pushed in the refs that follow it.

    The other branches are left to `fetch`, because not all that they need may be here.
    """
    if state.manifest != manifest:
        replace(state, manifest=manifest).save(pod.folder, request.name)
    followed = {
        f"{REMOTES}{request.name}/{name.removeprefix(HEADS)}": value
        for name, value in targets.items()
        if name.startswith(HEADS) and manifest.refs.get(name) == value
    }
    with pod.lock():
        values = pod.refs.read().values
        changes = [
            RefChange(name, values.get(name), value) for name, value in followed.items() if values.get(name) != value
        ]
        if changes:
            pod.refs.update(changes, command="push", time_ns=request.time_ns)
