"""What is remembered of pods on FairOS servers: their sharing references, in a file that only its owner can read."""

from __future__ import annotations

from typing import Protocol

from sovrgit.credentials.filestore import FileStore
from sovrgit.pod.pod import Pod
from sovrgit.remotes.fairos.reference import SharingReference

_NAMESPACE = "fairos reference"
_SECRETS = "secrets"


class Memory(Protocol):
    """What is remembered of a pod between commands."""

    def get(self) -> SharingReference | None:
        """The pod's sharing reference, if it was there once."""

    def set(self, reference: SharingReference) -> None:
        """Remember it."""


class Forgetful:
    """Remembers nothing: for a pod that is looked at once."""

    def get(self) -> SharingReference | None:
        return None

    def set(self, reference: SharingReference) -> None:
        return None


class PodMemory:
    """The sharing reference of one place, kept in a pod's repository, which never travels."""

    def __init__(self, pod: Pod, location: str) -> None:
        self._store = FileStore(pod.folder / _SECRETS)
        self._location = location

    def get(self) -> SharingReference | None:
        found = self._store.get(_NAMESPACE, self._location)
        return SharingReference.parse(found) if found is not None else None

    def set(self, reference: SharingReference) -> None:
        self._store.set(_NAMESPACE, self._location, reference.reveal())
