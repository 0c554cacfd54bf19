"""Pushing: packs first, verified; then the manifest, if it is still the one that was seen."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from sovrgit.errors import RemoteStale
from sovrgit.objects.ids import ObjectId
from sovrgit.pod.history import is_ancestor
from sovrgit.pod.lock import locked
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import HEADS, REMOTES, RefChange
from sovrgit.progress import SILENT, Progress
from sovrgit.remotes.base import Remote, with_retries
from sovrgit.remotes.collect import Collector
from sovrgit.remotes.fetch import read_manifest
from sovrgit.remotes.manifest import REPOSITORY_ID_SIZE, Manifest, PackEntry
from sovrgit.remotes.packing import Packing, PackToSend
from sovrgit.remotes.state import RemoteState

_UPLOADS_AT_ONCE = 2
"""Packs in flight: one is read back while the next is sent."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push did: the refs that moved, and what was sent in bytes, packs and objects."""

    moved: tuple[RefChange, ...]
    sent_bytes: int
    sent_packs: int
    sent_objects: int
    generation: int


@dataclass(frozen=True, slots=True)
class PushRequest:
    """What to push.

    Args:
        name: the remote's name in this pod.
        refs: the refs to push, by full name; they have the same names there.
        time_ns: now, in nanoseconds since 1970.
        recipe: a summary of the pod for listings.
    """

    name: str
    refs: Sequence[str]
    time_ns: int
    recipe: Mapping[str, str]


def push(pod: Pod, remote: Remote, request: PushRequest, progress: Progress = SILENT) -> Pushed:
    """Bring refs of this pod to a remote, with everything that they need.

    An interrupted push loses nothing and is resumed by the next one: packs that are there already are not sent again.

    Raises:
        RemoteStale: if the remote has commits that this pod does not build upon.
        RemoteDiverged, RemoteDamaged, RemoteUnavailable: as the remote gives cause.
        Locked: if another process pushes to or fetches from the same remote.
    """
    with locked(pod.folder / "remotes" / f"{request.name}.lock"):
        state = RemoteState.load(pod.folder, request.name)
        current, raw = read_manifest(remote, state)
        targets = _targets(pod, request.refs)
        there = dict(current.refs) if current is not None else {}
        moves = [RefChange(name, there.get(name), new) for name, new in targets.items() if there.get(name) != new]
        for move in moves:
            _check_follows(pod, remote, move)
        if not moves and current is not None:
            _remember(pod, request, state, current)
            return Pushed((), 0, 0, 0, current.generation)
        collector = Collector(pod.store, [*there.values(), *_held(pod, current, state)])
        for move in moves:
            if move.new is not None:
                collector.add(move.new)
        held_there = {pack.id for pack in current.packs} if current is not None else set()
        wanted = [item for item in collector.wanted if pod.store.location(item).pack not in held_there]
        with Packing(pod.store, wanted) as packing:
            sent, state = _send(pod, remote, packing.packs, request, state, progress)
            manifest = _next(pod, request, current, there, moves, [pack.entry for pack in packing.packs])
            _publish(remote, manifest, raw)
            known = state.known | {pack.entry.id for pack in packing.packs}
            _remember(pod, request, RemoteState(manifest, known), manifest)
        return Pushed(tuple(moves), sum(sent), len(sent), len(wanted), manifest.generation)


def _targets(pod: Pod, names: Iterable[str]) -> dict[str, ObjectId]:
    refs = pod.refs.read()
    return {name: refs.values[name] for name in names if name in refs.values}


def _held(pod: Pod, current: Manifest | None, state: RemoteState) -> list[ObjectId]:
    """Commits that the remote is known to have: what it had when it was last seen, it still has."""
    if current is None or state.manifest is None or state.manifest.repository != current.repository:
        return []
    return list(state.manifest.refs.values())


def _check_follows(pod: Pod, remote: Remote, move: RefChange) -> None:
    if move.old is None or move.new is None or not move.name.startswith(HEADS):
        return
    if not pod.store.has(move.old) or not is_ancestor(pod.store, move.old, move.new):
        raise RemoteStale(remote=remote.describe())


def _send(
    pod: Pod,
    remote: Remote,
    packs: Sequence[PackToSend],
    request: PushRequest,
    state: RemoteState,
    progress: Progress,
) -> tuple[list[int], RemoteState]:
    """Upload what is not there; the sizes of what was sent, and the state with the packs remembered as uploaded."""
    uploaded = set(state.uploaded)
    sent: list[int] = []

    def upload(pack: PackToSend) -> int:
        entry = pack.entry
        if entry.id in state.uploaded and remote.has_pack(entry.id, entry.size):
            progress.advance(entry.size)
            return 0
        with_retries(lambda: remote.put_pack(entry.id, pack.path, progress.advance))
        return entry.size

    progress.begin("sending", sum(pack.entry.size for pack in packs), "bytes")
    try:
        # Threads, because verifying one pack and sending the next use different resources.
        with ThreadPoolExecutor(_UPLOADS_AT_ONCE, "sovr-push") as pool:
            futures = [(pack, pool.submit(upload, pack)) for pack in packs]
            try:
                for pack, future in futures:
                    if size := future.result():
                        sent.append(size)
                    uploaded.add(pack.entry.id)
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
                for pack, future in futures:
                    if future.done() and not future.cancelled() and future.exception() is None:
                        uploaded.add(pack.entry.id)
                state = replace(state, uploaded=frozenset(uploaded))
                if packs:
                    state.save(pod.folder, request.name)
    finally:
        progress.end()
    return sent, state


def _next(
    pod: Pod,
    request: PushRequest,
    current: Manifest | None,
    there: dict[str, ObjectId],
    moves: Sequence[RefChange],
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
    have = {pack.id for pack in current.packs}
    return replace(
        current,
        generation=current.generation + 1,
        chain=current.next_chain(),
        writer=_writer(),
        time=request.time_ns,
        refs=refs,
        packs=(*current.packs, *(pack for pack in packs if pack.id not in have)),
        recipe=request.recipe or current.recipe,
    )


def _writer() -> str:
    """Tells this push from every other one, so that two that say the same still differ."""
    return os.urandom(8).hex()


def _head(pod: Pod, refs: Mapping[str, ObjectId]) -> str:
    head = pod.refs.read().head
    return head if head in refs else min(refs)


def _publish(remote: Remote, manifest: Manifest, expected: bytes | None) -> None:
    encoded = manifest.encode()

    def attempt() -> None:
        # A lost answer leaves open whether the manifest was written: look before trying again.
        if remote.read_manifest() != encoded:
            remote.publish(encoded, expected)

    with_retries(attempt)
    if with_retries(remote.read_manifest) != encoded:
        raise RemoteStale(remote=remote.describe())


def _remember(pod: Pod, request: PushRequest, state: RemoteState, manifest: Manifest) -> None:
    """Keep what is known of the remote, in the state and in the refs that follow it."""
    replace(state, manifest=manifest).save(pod.folder, request.name)
    with pod.lock():
        values = pod.refs.read().values
        changes = []
        for name, value in manifest.refs.items():
            if name.startswith(HEADS):
                local = f"{REMOTES}{request.name}/{name[len(HEADS) :]}"
                if values.get(local) != value and pod.store.has(value):
                    changes.append(RefChange(local, values.get(local), value))
        if changes:
            pod.refs.update(changes, command="push", time_ns=request.time_ns)
