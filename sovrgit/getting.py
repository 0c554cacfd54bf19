"""Getting somebody's pod by its reference: of whatever kind the place is, and whoever has stored it.

Like `sovrgit.actions`, shared by the command line and by `sovrgit.api`.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from sovrgit.actions import recipe_summary
from sovrgit.errors import Unsupported
from sovrgit.progress import SILENT, Progress

if TYPE_CHECKING:
    from sovrgit.objects.commit import Stamp
    from sovrgit.objects.ids import ObjectId
    from sovrgit.remotes.base import Remote
    from sovrgit.remotes.clone import Cloned, Obtained
    from sovrgit.remotes.firstcli.adopt import Adopted
    from sovrgit.remotes.manifest import Manifest
    from sovrgit.remotes.networks import Networks
    from sovrgit.remotes.selection import Selection


def get_pod(
    reference: str,
    base: Path,
    folder: Path | None,
    *,
    remote_name: str,
    time_ns: int,
    selection: Selection | None = None,
    networks: Networks | None = None,
    progress: Progress = SILENT,
) -> Cloned | Adopted:
    """Clone the pod that a reference names, and remember the reference.

    Args:
        base: what relative paths are relative to.
        folder: where to; a new folder in `base`, named like the pod, if None.
        selection: what of the content is to be here; everything if None.

    Raises:
        ReferenceUnknown, RemoteUnavailable: if the reference leads to no pod.
        Unsupported: if only a part is wanted of a pod of the first Sovr CLI.
        SovrError: as for `sovrgit.remotes.clone.clone`.
    """
    from sovrgit.remotes.clone import clone
    from sovrgit.remotes.fairos.place import is_fairos
    from sovrgit.remotes.locations import open_existing
    from sovrgit.remotes.reading import read_manifest
    from sovrgit.remotes.selection import EVERYTHING
    from sovrgit.remotes.state import RemoteState

    if is_fairos(reference) and not os.path.exists(base / reference):
        return _get_from_fairos(
            reference, base, folder, remote_name, time_ns, selection or EVERYTHING, networks, progress
        )
    with contextlib.closing(open_existing(reference, base)) as remote:
        manifest, _ = read_manifest(remote, RemoteState())
        target = base / (_folder_name(remote, manifest) if folder is None else folder)
        cloned = clone(
            remote,
            target,
            time_ns=time_ns,
            remote_name=remote_name,
            manifest=manifest,
            selection=selection or EVERYTHING,
            progress=progress,
        )
        cloned.pod.config.set("pod.origin", remote.describe())
        return cloned


def _get_from_fairos(
    reference: str,
    base: Path,
    folder: Path | None,
    remote_name: str,
    time_ns: int,
    selection: Selection,
    networks: Networks | None,
    progress: Progress,
) -> Cloned | Adopted:
    """The same for a pod on a FairOS server: one of ours, or one that the first Sovr CLI has stored."""
    from sovrgit.remotes.clone import clone
    from sovrgit.remotes.fairos.opening import remember
    from sovrgit.remotes.fairos.shared import SharedPod
    from sovrgit.remotes.firstcli.adopt import clone_first, folder_name
    from sovrgit.remotes.firstcli.look import FirstPod, OtherPod, look
    from sovrgit.remotes.firstcli.reading import ReferredPod
    from sovrgit.remotes.locations import open_location
    from sovrgit.remotes.reading import read_manifest
    from sovrgit.remotes.state import RemoteState

    with contextlib.closing(open_location(reference, base, networks)) as remote:
        assert isinstance(remote, SharedPod) and networks is not None
        manifest, _ = read_manifest(remote, RemoteState())
        if manifest is None:
            reader = ReferredPod(remote.client, remote.reference(), remote.location)
            found = look(reader)
            if isinstance(found, OtherPod):
                raise found.error(remote.describe())
            if isinstance(found, FirstPod):
                if not selection.is_whole:
                    raise Unsupported(
                        what="getting a part of a pod",
                        reason="it was stored by the first Sovr CLI, as one archive",
                        hint="clone all of it; `sovr push` to a place of your own, from which parts can be got",
                    )
                target = base / (folder_name(found) if folder is None else folder)
                return clone_first(reader, found, target, time_ns=time_ns, progress=progress)
        target = base / (_folder_name(remote, manifest) if folder is None else folder)
        cloned = clone(
            remote,
            target,
            time_ns=time_ns,
            remote_name=remote_name,
            manifest=manifest,
            selection=selection,
            progress=progress,
        )
        cloned.pod.config.set("pod.origin", remote.describe())
        remember(cloned.pod, remote_name, remote, networks)
        return cloned


def _folder_name(remote: Remote, manifest: Manifest | None) -> str:
    """The pod's own name, if that can be a folder's; else that of the place it comes from."""
    from sovrgit.pod.recipe_checks import check_name
    from sovrgit.pod.recipe_lines import Fault

    name = manifest.recipe.get("name", "") if manifest is not None else ""
    try:
        return check_name((), name)
    except Fault:
        return Path(remote.location).name.removesuffix(".sovr") if remote.kind != "fairos" else "pod"


def begin_fork(cloned: Obtained, reference: str, author: Stamp) -> ObjectId:
    """Make the first own commit of a fork, which names the pod, commit and reference that it comes from."""
    from sovrgit.remotes.clone import fork

    name = recipe_summary(cloned.pod).get("name") or Path(reference).name
    origin = cloned.pod.config.get("pod.origin") or reference
    return fork(cloned, origin, name, author, f"Fork {name} at {cloned.head.short}")
