"""Packs that a fork need not send, because its readers can get them from the pod that it was forked from."""

from __future__ import annotations

from sovrgit.pod.pod import Pod
from sovrgit.remotes.fairos.memory import PodMemory
from sovrgit.remotes.fairos.place import FairosPlace, is_fairos, parse_place
from sovrgit.remotes.locations import location_of, remotes
from sovrgit.remotes.manifest import PackEntry
from sovrgit.remotes.state import RemoteState


def borrowed_packs(pod: Pod, name: str) -> list[PackEntry]:
    """The packs of remotes that are shared by reference on the server of the remote `name`, each with that reference.

    Whoever is given the fork can then read what it was forked from, which they could anyway.

    Raises:
        RemoteUnknown: if the pod knows no such remote.
        StorageFailure: if what is remembered of remotes cannot be read.
    """
    target = _place(location_of(pod, name))
    if target is None or target.pod is None:
        return []
    found: dict[bytes, PackEntry] = {}
    for setting in remotes(pod):
        place = _place(setting.location)
        # What is sealed could not be read by those who have no key for it.
        is_open = pod.config.get(f"remote.{setting.name}.key") is None
        if is_open and place is not None and place.fingerprint is not None and place.server == target.server:
            for pack in _packs(pod, setting.name, place):
                found.setdefault(pack.id, pack)
    return list(found.values())


def _place(location: str) -> FairosPlace | None:
    return parse_place(location) if is_fairos(location) else None


def _packs(pod: Pod, name: str, place: FairosPlace) -> list[PackEntry]:
    reference = PodMemory(pod, place.location).get()
    manifest = RemoteState.load(pod.folder, name).manifest
    if reference is None or manifest is None:
        return []
    own = f"fairos:{reference.reveal()}"
    # A fork of a fork names the pod at the beginning, not the one between.
    return [pack if pack.origin else pack._replace(origin=own) for pack in manifest.packs]
