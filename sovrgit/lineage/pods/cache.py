"""Commits and records of other pods: a repository of its own inside this pod's, which may be deleted at any time."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from sovrgit.errors import IntegrityFailure, NotAPod, PodExists, RemoteDamaged, RemoteUnavailable, Unsupported
from sovrgit.pod.pod import Pod
from sovrgit.progress import SILENT, Progress
from sovrgit.store.files import reporting

if TYPE_CHECKING:
    from sovrgit.remotes.base import Remote
    from sovrgit.remotes.manifest import Manifest

MAX_METADATA = 256 << 20
"""Bytes of commits, trees and records that are fetched of one pod: those of some million files."""

MAX_REFS = 100_000
"""Branches and records of one pod."""

NOTES = "pods.json"


def cache_folder(pod: Pod) -> Path:
    """Where a pod keeps what it knows of others."""
    return pod.folder / "lineage"


def open_cache(folder: Path, *, make: bool = False) -> Pod | None:
    """The repository for what comes from other pods; None if there is none yet. One that cannot be read is made anew.

    Args:
        make: make it if it is not there.

    Raises:
        StorageFull, ReadOnly, StorageFailure: if that cannot be done.
    """
    try:
        return Pod(folder)
    except NotAPod:
        pass
    except (IntegrityFailure, Unsupported):
        shutil.rmtree(folder, ignore_errors=True)
    if not make:
        return None
    with reporting(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(PodExists):
        return Pod.create(folder)
    # Another process was faster.
    return Pod(folder)


def fetch_metadata(cache: Pod, remote: Remote, key: str, time_ns: int, progress: Progress = SILENT) -> Manifest:
    """Bring commits, trees and records of a remote into the cache: what is new of them, and no content.

    A place that does not answer is asked once, and not again and again: the question is answered without it.

    Args:
        key: what the remote is called in the cache.

    Raises:
        RemoteUnavailable: if it cannot be read, or holds nothing.
        RemoteDiverged: if it does not continue what was seen before.
        RemoteDamaged: if it is not what it should be, or far too large.
        SovrError: as for `sovrgit.remotes.fetch.fetch`.
    """
    # Most answers ask nobody.
    from sovrgit.remotes.fetch import FetchRequest, fetch
    from sovrgit.remotes.manifest import check_continues
    from sovrgit.remotes.reading import decode_manifest
    from sovrgit.remotes.state import RemoteState
    from sovrgit.store.format import PackClass

    manifest = decode_manifest(remote, remote.read_manifest())
    if manifest is None:
        raise RemoteUnavailable(location=remote.describe(), reason="there is no pod, or nothing in it yet")
    state = RemoteState.load(cache.folder, key)
    if remote.keeps_chain and state.manifest is not None:
        check_continues(state.manifest, manifest, remote.describe())
    size = sum(pack.size for pack in manifest.packs if pack.kind is PackClass.METADATA)
    if size > MAX_METADATA or len(manifest.refs) > MAX_REFS:
        what = f"{size >> 20} MiB of commits and records under {len(manifest.refs)} names"
        raise RemoteDamaged(remote=remote.describe(), reason=f"it has {what}, which is too much to look into")
    if manifest != state.manifest:
        fetch(cache, remote, FetchRequest(key, time_ns, manifest=manifest, content=False), progress)
    return manifest
