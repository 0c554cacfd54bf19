"""Fetching: the manifest, the packs that are not here, each verified before it counts, and then the refs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from sovrgit.errors import IntegrityFailure, ObjectInvalid, ObjectMissing, RemoteDamaged, RemoteUnavailable
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.pod.history import ancestors
from sovrgit.pod.lock import locked
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import HEADS, REMOTES, RUNS, TAGS, VERDICTS, RefChange
from sovrgit.progress import SILENT, Progress
from sovrgit.remotes.base import Remote, with_retries
from sovrgit.remotes.collect import Collector
from sovrgit.remotes.manifest import Manifest, PackEntry, check_continues
from sovrgit.remotes.state import RemoteState
from sovrgit.store.files import reporting, sync_folder, temporary_name
from sovrgit.store.format import Toc
from sovrgit.store.verify import verify_pack

_DOWNLOADS_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch did: refs that moved here, new commits, and what was received in bytes and packs."""

    moved: tuple[RefChange, ...]
    received_bytes: int
    received_packs: int
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """What to fetch.

    Args:
        name: the remote's name in this pod.
        time_ns: now, in nanoseconds since 1970.
        accept_divergence: take the remote as it is, even if it does not continue what was seen before.
    """

    name: str
    time_ns: int
    accept_divergence: bool = False


def fetch(pod: Pod, remote: Remote, request: FetchRequest, progress: Progress = SILENT) -> Fetched:
    """Bring everything that a remote's refs name into this pod, under `refs/remotes/`.

    Raises:
        RemoteUnavailable: if the remote cannot be read, or holds nothing.
        RemoteDiverged: if it does not continue what was seen before.
        RemoteDamaged: if a pack is not what the manifest says. Nothing of it is kept.
    """
    with locked(pod.folder / "remotes" / f"{request.name}.lock"):
        state = RemoteState.load(pod.folder, request.name)
        manifest, _ = read_manifest(remote, RemoteState() if request.accept_divergence else state)
        if manifest is None:
            raise RemoteUnavailable(
                location=remote.describe(), reason="nothing has been pushed to it yet", hint="push something first"
            )
        present = {info.id for info in pod.store.packs()}
        wanted = [pack for pack in manifest.packs if pack.id not in present and pack.id not in state.known]
        _receive(pod, remote, wanted, progress)
        _check_connected(pod, remote, manifest, state)
        moved = _move_refs(pod, manifest, request)
        known = state.known | {pack.id for pack in manifest.packs}
        replace(state, manifest=manifest, known=known).save(pod.folder, request.name)
        return Fetched(tuple(moved), sum(pack.size for pack in wanted), len(wanted), manifest)


def read_manifest(remote: Remote, state: RemoteState) -> tuple[Manifest | None, bytes | None]:
    """The manifest of a remote, checked against what was seen of it before; with its bytes.

    Raises:
        RemoteDamaged: if it is not a manifest.
        RemoteDiverged: if it does not continue the one in `state`.
    """
    raw = with_retries(remote.read_manifest)
    if raw is None:
        return None, None
    try:
        manifest = Manifest.decode(raw)
    except ObjectInvalid as error:
        raise RemoteDamaged(remote=remote.describe(), reason=error.message) from error
    if state.manifest is not None and remote.keeps_chain:
        check_continues(state.manifest, manifest, remote.describe())
    return manifest, raw


def _receive(pod: Pod, remote: Remote, wanted: list[PackEntry], progress: Progress) -> None:
    """Download and verify packs, side by side. Each counts once it is verified, so that a fetch can be resumed."""

    def receive(entry: PackEntry) -> tuple[ObjectId, Toc]:
        temporary = temporary_name(pod.temporary, "fetch")
        try:
            with_retries(lambda: _download(remote, entry, temporary, progress))
            try:
                toc = verify_pack(temporary, entry.id, entry.size)
            except (IntegrityFailure, ObjectMissing, ObjectInvalid) as error:
                raise RemoteDamaged(remote=remote.describe(), reason=error.message) from error
            with reporting(pod.store.packs_folder):
                os.rename(temporary, pod.store.pack_path(entry.id))
            return entry.id, toc
        finally:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()

    progress.begin("receiving", sum(pack.size for pack in wanted), "bytes")
    try:
        with ThreadPoolExecutor(_DOWNLOADS_AT_ONCE, "sovr-fetch") as pool:
            futures = [pool.submit(receive, entry) for entry in wanted]
            try:
                for future in futures:
                    pack, toc = future.result()
                    pod.store.adopt(pack, toc)
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
        if wanted:
            with reporting(pod.store.packs_folder):
                sync_folder(pod.store.packs_folder)
    finally:
        progress.end()


def _download(remote: Remote, entry: PackEntry, target: Path, progress: Progress) -> None:
    # A new attempt begins anew: what a broken one left cannot be trusted.
    target.unlink(missing_ok=True)
    remote.get_pack(entry.id, entry.size, target, progress.advance)


def _check_connected(pod: Pod, remote: Remote, manifest: Manifest, state: RemoteState) -> None:
    """Refuse refs whose commits, trees or records are not all there: nothing broken gets a name here."""
    before = [*pod.refs.read().values.values(), *(state.manifest.refs.values() if state.manifest else ())]
    try:
        collector = Collector(pod.store, before)
        for value in manifest.refs.values():
            collector.add(value)
        for item in collector.wanted:
            if not pod.store.has(item):
                raise ObjectMissing(id=item)
    except (ObjectMissing, IntegrityFailure, ObjectInvalid) as error:
        raise RemoteDamaged(remote=remote.describe(), reason=error.message) from error


def _move_refs(pod: Pod, manifest: Manifest, request: FetchRequest) -> list[RefChange]:
    with pod.lock():
        values = pod.refs.read().values
        wanted = dict(_local_names(manifest, request.name, values))
        moved = [
            RefChange(name, values.get(name), value) for name, value in wanted.items() if values.get(name) != value
        ]
        if moved:
            pod.refs.update(moved, command="fetch", time_ns=request.time_ns)
    return moved


def _local_names(manifest: Manifest, remote: str, values: Mapping[str, ObjectId]) -> Iterable[tuple[str, ObjectId]]:
    for name, value in manifest.refs.items():
        if name.startswith(HEADS):
            yield f"{REMOTES}{remote}/{name[len(HEADS) :]}", value
        elif name.startswith((RUNS, VERDICTS)) or (name.startswith(TAGS) and name not in values):
            yield name, value


def new_commits(pod: Pod, change: RefChange) -> int:
    """How many commits a ref gained."""
    if change.new is None or pod.store.kind(change.new) is not Kind.COMMIT:
        return 0
    before = ancestors(pod.store, [change.old]) if change.old is not None else set()
    return len(ancestors(pod.store, [change.new]) - before)
