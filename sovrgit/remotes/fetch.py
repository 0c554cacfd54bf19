"""Fetching: the manifest, the packs that are not here, each verified before it counts, and then the refs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from sovrgit.errors import (
    IntegrityFailure,
    ObjectInvalid,
    ObjectMissing,
    RemoteDamaged,
    RemoteDiverged,
    RemoteUnavailable,
    UnsafeName,
)
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.pod.lock import locked
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import HEADS, REMOTES, RUNS, TAGS, VERDICTS, RefChange, check_ref
from sovrgit.progress import SILENT, Progress, Repeatable
from sovrgit.remotes.base import Remote, doubt, with_retries
from sovrgit.remotes.collect import Collector
from sovrgit.remotes.manifest import Manifest, PackEntry, check_continues
from sovrgit.remotes.state import RemoteState
from sovrgit.store.extract import check_whole
from sovrgit.store.files import reporting, sync_folder, temporary_name
from sovrgit.store.format import Toc
from sovrgit.store.store import ObjectStore
from sovrgit.store.verify import verify_pack

_DOWNLOADS_AT_ONCE = 2
"""Packs in flight: one is verified while the next arrives."""

_KINDS = {
    "remotes": {Kind.COMMIT},
    "tags": {Kind.COMMIT, Kind.RUN, Kind.TAG, Kind.VERDICT},
    "runs": {Kind.RUN},
    "verdicts": {Kind.VERDICT},
}
"""What the refs that are taken over may lead to."""

_BROKEN = (IntegrityFailure, ObjectMissing, ObjectInvalid, UnsafeName)
"""What is wrong with data that came from outside."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch did: refs that moved here, and what was received in bytes and packs.

    `unchecked` are the chunked blobs that the request left to its maker.
    """

    moved: tuple[RefChange, ...]
    received_bytes: int
    received_packs: int
    manifest: Manifest
    unchecked: tuple[ObjectId, ...] = ()


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """What to fetch.

    Args:
        name: the remote's name in this pod.
        time_ns: now, in nanoseconds since 1970.
        accept_divergence: take the remote as it is, even if it does not continue what was seen before.
        leave_chunked: do not read chunked blobs once more to see that their pieces make them: the caller will.
    """

    name: str
    time_ns: int
    accept_divergence: bool = False
    leave_chunked: bool = False


def fetch(pod: Pod, remote: Remote, request: FetchRequest, progress: Progress = SILENT) -> Fetched:
    """Bring everything that a remote's refs name into this pod, under `refs/remotes/`.

    An interrupted fetch moves no ref and is resumed by the next one: packs that are here are not fetched again.

    Raises:
        RemoteUnavailable: if the remote cannot be read, or holds nothing.
        RemoteDiverged: if it does not continue what was seen before.
        RemoteDamaged: if a pack is not what the manifest says, or the refs are not what refs may be. No ref moves.
        Locked: if another process pushes to or fetches from the same remote.
        StorageFull, ReadOnly, StorageFailure: as the operating system reports. No ref moves.
    """
    with locked(pod.folder / "remotes" / f"{request.name}.lock"):
        state = RemoteState.load(pod.folder, request.name)
        manifest, _ = read_manifest(remote, RemoteState() if request.accept_divergence else state)
        if manifest is None:
            raise RemoteUnavailable(
                location=remote.describe(), reason="nothing has been pushed to it yet", hint="push something first"
            )
        names = _local_names(manifest, remote, request.name)
        # What an interrupted fetch, or another process, has brought since the store was opened.
        pod.store.refresh()
        present = {info.id for info in pod.store.packs()}
        absent = [pack for pack in manifest.packs if pack.id not in present]
        received = [pack for pack in absent if pack.id not in state.known]
        _receive(pod, remote, received, progress)
        # Those of an earlier attempt that was interrupted count as new.
        new = [pack for pack in manifest.packs if pack.id not in state.known]
        unchecked = _check_chunked(pod, remote, new, leave_blobs=request.leave_chunked)
        try:
            _check_connected(pod, names)
        except ObjectMissing:
            # What was known once may be gone since.
            lost = [pack for pack in absent if pack.id in state.known]
            _receive(pod, remote, lost, progress)
            _check_chunked(pod, remote, lost)
            received += lost
            with blaming(remote):
                _check_connected(pod, names)
        except _BROKEN as error:
            raise RemoteDamaged(remote=remote.describe(), reason=error.message) from error
        moved = _move_refs(pod, names, request)
        known = frozenset(pack.id for pack in manifest.packs)
        if (manifest, known) != (state.manifest, state.known):
            replace(state, manifest=manifest, known=known).save(pod.folder, request.name)
        size = sum(pack.size for pack in received)
        return Fetched(tuple(moved), size, len(received), manifest, tuple(unchecked))


def read_manifest(remote: Remote, state: RemoteState) -> tuple[Manifest | None, bytes | None]:
    """The manifest of a remote, checked against what was seen of it before; with its bytes.

    Raises:
        RemoteUnavailable: if the remote cannot be read.
        RemoteDamaged: if it is not a manifest.
        RemoteDiverged: if it does not continue the one in `state`.
    """
    seen = state.manifest if remote.keeps_chain else None

    def attempt() -> tuple[Manifest | None, bytes | None]:
        raw = remote.read_manifest()
        manifest = decode_manifest(remote, raw)
        if seen is not None:
            try:
                _check_follows(remote, seen, manifest)
            except RemoteDiverged as error:
                if manifest is None or manifest.generation < seen.generation:
                    raise doubt(remote, error) from error
                raise
        return manifest, raw

    return with_retries(attempt)


def decode_manifest(remote: Remote, raw: bytes | None) -> Manifest | None:
    """What a remote gave as its manifest.

    Raises:
        RemoteDamaged: if it is none.
    """
    try:
        return None if raw is None else Manifest.decode(raw)
    except ObjectInvalid as error:
        raise doubt(remote, RemoteDamaged(remote=remote.describe(), reason=error.message)) from error


def _check_follows(remote: Remote, seen: Manifest, found: Manifest | None) -> None:
    if found is not None:
        check_continues(seen, found, remote.describe())
        return
    # To push to it as to a new one would hide what others had pushed, if it is only out of sight.
    raise RemoteDiverged(
        remote=remote.describe(),
        reason=f"it is empty, and generation {seen.generation} has been seen",
        hint="is the disk attached? If it was emptied on purpose: `sovr remote remove` and `sovr remote add`",
    )


@contextlib.contextmanager
def blaming(remote: Remote) -> Iterator[None]:
    """Say of what is found to be damaged inside the block that it came from a remote."""
    try:
        yield
    except _BROKEN as error:
        raise RemoteDamaged(remote=remote.describe(), reason=error.message) from error


# --- packs ------------------------------------------------------------------------------------------------------


def _receive(pod: Pod, remote: Remote, wanted: Sequence[PackEntry], progress: Progress) -> None:
    """Download and verify packs, side by side. Each counts once it is verified, so that a fetch can be resumed."""
    if not wanted:
        return
    progress.begin("receiving", sum(pack.size for pack in wanted), "bytes")
    try:
        # Threads, because verifying one pack and receiving the next use different resources.
        with ThreadPoolExecutor(_DOWNLOADS_AT_ONCE, "sovr-fetch") as pool:
            futures = [pool.submit(_receive_pack, pod, remote, entry, progress) for entry in wanted]
            try:
                for entry, future in zip(wanted, futures, strict=True):
                    pod.store.adopt(entry.id, future.result())
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
        with reporting(pod.store.packs_folder):
            sync_folder(pod.store.packs_folder)
    finally:
        progress.end()


def _receive_pack(pod: Pod, remote: Remote, entry: PackEntry, progress: Progress) -> Toc:
    temporary = temporary_name(pod.temporary, "fetch")
    told = Repeatable(progress.advance)

    def attempt() -> Toc:
        # A new attempt begins anew: what a broken one left cannot be trusted.
        with reporting(pod.temporary):
            temporary.unlink(missing_ok=True)
        told.begin()
        remote.get_pack(entry.id, entry.size, temporary, told.advance)
        try:
            return verify_pack(temporary, entry.id, entry.size)
        except _BROKEN as error:
            raise doubt(remote, RemoteDamaged(remote=remote.describe(), reason=error.message)) from error

    try:
        toc = with_retries(attempt)
        with reporting(pod.store.packs_folder):
            _make_durable(temporary)
            os.rename(temporary, pod.store.pack_path(entry.id))
        return toc
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _make_durable(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_chunked(
    pod: Pod, remote: Remote, packs: Iterable[PackEntry], *, leave_blobs: bool = False
) -> list[ObjectId]:
    """Read every chunked object of new packs once, whole: its pieces were verified, and only now that they make it.

    A list of chunks that lies would otherwise stand in for an object that the user adds later. With `leave_blobs` the
    blobs among them are given back unread.

    Raises:
        RemoteDamaged: if one is not what it is said to be; its pack is removed again.
    """
    left: list[ObjectId] = []
    for pack in packs:
        try:
            for item, location in pod.store.chunked(pack.id):
                if leave_blobs and location.kind is Kind.BLOB:
                    left.append(item)
                else:
                    _read_whole(pod.store, item, location.kind)
        except _BROKEN as error:
            with reporting(pod.store.packs_folder):
                pod.store.pack_path(pack.id).unlink(missing_ok=True)
            pod.store.refresh()
            raise RemoteDamaged(remote=remote.describe(), reason=error.message) from error
    return left


def _read_whole(store: ObjectStore, item: ObjectId, kind: Kind) -> None:
    if kind is Kind.BLOB:
        check_whole(store, item)
    else:
        store.read(item, kind)


def _check_connected(pod: Pod, names: Mapping[str, ObjectId]) -> None:
    """Follow refs from what is new to what this pod's own refs reach: nothing broken gets a name here.

    Not to what a manifest named earlier: of that only a part may be here.
    """
    collector = Collector(pod.store, pod.refs.read().values.values())
    for name, value in names.items():
        kind = pod.store.kind(value)
        if kind not in _KINDS[name.split("/")[1]]:
            raise IntegrityFailure(what=f"`{name}`", reason=f"it leads to a {kind.label}")
        collector.add(value)


# --- refs -------------------------------------------------------------------------------------------------------


def _move_refs(pod: Pod, names: dict[str, ObjectId], request: FetchRequest) -> list[RefChange]:
    with pod.lock():
        values = pod.refs.read().values
        moved = [
            RefChange(name, values.get(name), value)
            for name, value in names.items()
            # Only what follows the remote moves; what has a lasting name keeps it.
            if values.get(name) != value and (name.startswith(REMOTES) or name not in values)
        ]
        if moved:
            pod.refs.update(moved, command="fetch", time_ns=request.time_ns)
    return moved


def _local_names(manifest: Manifest, remote: Remote, remote_name: str) -> dict[str, ObjectId]:
    """What the remote's refs are called here. Kinds of refs that are not known are left out.

    Raises:
        RemoteDamaged: if a name is too long here, or is not the one that a record has.
    """
    names = {}
    for name, value in manifest.refs.items():
        if name.startswith(HEADS):
            name = f"{REMOTES}{remote_name}/{name[len(HEADS) :]}"
        elif name.startswith((RUNS, VERDICTS)):
            if name.rpartition("/")[2] != str(value):
                raise RemoteDamaged(remote=remote.describe(), reason="a run or verdict has another one's name")
        elif not name.startswith(TAGS):
            continue
        try:
            names[check_ref(name)] = value
        except UnsafeName as error:
            raise RemoteDamaged(remote=remote.describe(), reason=error.message) from error
    return names
