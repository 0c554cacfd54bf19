"""Opening a FairOS pod as a remote."""

from __future__ import annotations

from pathlib import Path
from tempfile import gettempdir

from blake3 import blake3

from sovrgit.errors import RemoteUnavailable
from sovrgit.pod.pod import Pod
from sovrgit.remotes.fairos.contents import Contents
from sovrgit.remotes.fairos.memory import Forgetful, Memory, PodMemory
from sovrgit.remotes.fairos.own import OwnPod
from sovrgit.remotes.fairos.place import FairosPlace
from sovrgit.remotes.fairos.sealed import SealedContents
from sovrgit.remotes.fairos.shared import SharedPod
from sovrgit.remotes.networks import Networks
from sovrgit.remotes.sealing.keeping import keep_key, need_key
from sovrgit.remotes.sealing.key import PodKey


def open_fairos(place: FairosPlace, networks: Networks, pod: Pod | None, key: str | None = None) -> SharedPod:
    """The remote at a place.

    Args:
        pod: the pod here that remembers references, if there is one already.
        key: the fingerprint of the key that the remote's files are sealed with, if that is known. Then nothing else
            is taken, and nothing is written unsealed.

    Raises:
        RemoteUnavailable: if the place is remembered by a reference that is not known here any more.
        KeyNeeded: if the key is not known here.
        ConfigInvalid: if the key that the place came with is none.
    """
    location = place.location

    def unlock(fingerprint: str) -> Contents:
        return SealedContents(need_key(networks.secrets, fingerprint, f"the pod at `{location}`"))

    contents = Contents()
    if place.key is not None:
        contents = SealedContents(PodKey.parse(place.key, "key in the reference"))
    elif key is not None:
        contents = unlock(key)
    memory: Memory = PodMemory(pod, location) if pod is not None else Forgetful()
    if place.pod is None:
        reference = place.reference or memory.get()
        if reference is None:
            raise RemoteUnavailable(
                location=location,
                reason="its sharing reference is not known here any more",
                hint="add it again: `sovr remote remove` and `sovr remote add NAME REFERENCE`",
            )
        known = place.reference is None
        return SharedPod(networks.connect(place.server), location, reference, contents, unlock, was_found=known)
    client = networks.connect(place.server)
    lock = None
    if networks.locks is not None:
        whose = blake3(f"{client.address.identity} {place.pod}".encode()).hexdigest()[:16]
        lock = networks.locks / f"fairos-{whose}.lock"
    temporary = pod.temporary if pod is not None else Path(gettempdir())
    return OwnPod(client, location, place.pod, contents, memory=memory, temporary=temporary, lock=lock, unlock=unlock)


def remember(pod: Pod, name: str, remote: SharedPod, networks: Networks) -> None:
    """Keep what leads to a remote: its reference in the pod, its key, if it has one, with the user's other secrets.

    Args:
        name: the remote's name in the pod.

    Raises:
        ConfigInvalid, StorageFull, ReadOnly, StorageFailure: if that cannot be done.
    """
    PodMemory(pod, remote.location).set(remote.reference())
    if isinstance(remote.contents, SealedContents):
        keep_key(networks.secrets, remote.contents.key)
        pod.config.set(f"remote.{name}.key", remote.contents.key.fingerprint)


def seal_remote(pod: Pod, name: str, networks: Networks) -> Contents:
    """Let everything that is pushed to a remote from now on be sealed, with a new key; how its files are kept then.

    Raises:
        ConfigInvalid, StorageFull, ReadOnly, StorageFailure: if the key cannot be kept.
    """
    key = PodKey.new()
    keep_key(networks.secrets, key)
    pod.config.set(f"remote.{name}.key", key.fingerprint)
    return SealedContents(key)
