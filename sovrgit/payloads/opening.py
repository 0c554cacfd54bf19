"""Opening another pod as a source of payload: of whatever kind the place is, and whoever has stored it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from sovrgit.errors import RemoteUnavailable
from sovrgit.objects.ids import ObjectId
from sovrgit.payloads.filesource import FileSource
from sovrgit.payloads.podsource import PodSource
from sovrgit.payloads.reference import Reference
from sovrgit.payloads.source import Access, Source
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import HEADS
from sovrgit.remotes.base import Remote
from sovrgit.remotes.firstcli.reading import PodReader
from sovrgit.remotes.reading import read_manifest
from sovrgit.remotes.state import RemoteState
from sovrgit.store.files import reporting, temporary_name


@contextlib.contextmanager
def opened(access: Access, reference: Reference) -> Iterator[Source]:
    """Open another pod for the length of a block.

    Raises:
        RemoteUnavailable, PodUnrecognised: if there is no pod.
        Locked: if another process is collecting garbage and does not finish.
        SovrError: as for `Reference.open`.
    """
    # A collection of garbage, which removes what others have left, does not take it away.
    access.pod.store.hold()
    folder = temporary_name(access.pod.temporary, "external")
    try:
        with reporting(folder), contextlib.closing(reference.open(access.pod, access.networks)) as remote:
            folder.mkdir()
            manifest, _ = read_manifest(remote, RemoteState())
            if manifest is not None:
                with contextlib.closing(Pod.create(folder / "pod", unfinished=True)) as side:
                    yield PodSource(side, remote, manifest, reference, access)
                return
            reader = _reader(remote)
            if reader is None:
                raise RemoteUnavailable(
                    location=remote.describe(), reason="it is neither a pod nor a remote that was pushed to"
                )
            with contextlib.closing(FileSource(folder, reader, remote.describe(), access)) as source:
                yield source
    finally:
        _clear(folder)


def offered(access: Access, reference: Reference) -> ObjectId | None:
    """The commit that a reference means now, if a look at what the pod offers is enough to know it; else None.

    Raises:
        SovrError: as for `opened`.
    """
    with contextlib.closing(reference.open(access.pod, access.networks)) as remote:
        manifest, _ = read_manifest(remote, RemoteState())
    if manifest is None:
        return None
    return manifest.refs.get(HEADS + reference.revision if reference.revision else manifest.head)


def _reader(remote: Remote) -> PodReader | None:
    """What reads the files of a pod that is none of ours, on a network."""
    from sovrgit.remotes.fairos.shared import SharedPod
    from sovrgit.remotes.firstcli.reading import ReferredPod

    if not isinstance(remote, SharedPod):
        return None
    return ReferredPod(remote.client, remote.reference(), remote.location)


def _clear(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
