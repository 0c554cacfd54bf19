"""Reading files of one pod on a FairOS server: somebody's by its reference, or one of the user's own by its name."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from sovrgit.remotes.base import Doubtful, with_retries
from sovrgit.remotes.fairos.client import FairOS
from sovrgit.remotes.fairos.failures import FileAbsent, FolderAbsent
from sovrgit.remotes.fairos.files import Advance, Received, Write
from sovrgit.remotes.fairos.reference import SharingReference

Pause = Callable[[float], None]


_HURRY = 1 / 8


def briefly(seconds: float) -> None:
    """Wait for a part of that time: a line in a list is not worth the patience of a transfer, which is 15 s in all."""
    time.sleep(seconds * _HURRY)


class PodReader(Protocol):
    """One pod. `place` is what messages call it, and holds no secret; `name` is the pod's, where it is known."""

    place: str
    name: str | None

    def read(self, path: str, limit: int) -> bytes:
        """A small file, as `FairOS.read_file` and `FairOS.read_public_file` read it."""

    def fetch(self, path: str, limit: int, write: Write, advance: Advance = ...) -> Received:
        """A file of any size, as `FairOS.download` and `FairOS.public_file` fetch it."""


class ReferredPod:
    """A pod read by its sharing reference. Needs no login, and is never served from a cache.

    Args:
        place: what the pod is called in messages and remembered by, if not by the reference's first digits.
    """

    name: str | None = None

    def __init__(self, fairos: FairOS, reference: SharingReference, place: str | None = None) -> None:
        self._fairos = fairos
        self._reference = reference
        self.place = place or str(reference)

    def read(self, path: str, limit: int) -> bytes:
        return self._fairos.read_public_file(self._reference, path, limit)

    def fetch(self, path: str, limit: int, write: Write, advance: Advance = lambda _: None) -> Received:
        return self._fairos.public_file(self._reference, path, limit, write, advance)


class NamedPod:
    """A pod of the user's, own or shared with them, read by its name.

    What a session has seen once it may be shown again for ever, so this is for new sessions.
    """

    def __init__(self, fairos: FairOS, name: str) -> None:
        self._fairos = fairos
        self.name: str | None = name
        self._pod = name
        self.place = f"fairos:{name}"

    def read(self, path: str, limit: int) -> bytes:
        return self._fairos.read_file(self._pod, path, limit)

    def fetch(self, path: str, limit: int, write: Write, advance: Advance = lambda _: None) -> Received:
        return self._fairos.download(self._pod, path, limit, write, advance)


def read_if_there(
    reader: PodReader, path: str, limit: int, *, listed: bool = False, pause: Pause = time.sleep
) -> bytes | None:
    """A small file, or None if there is none.

    Args:
        listed: whether a listing names it: then "there is none" is asked about again, because a lookup that took too
            long is answered in the same way.

    Raises:
        FileAbsent: if it is listed, and was not found.
        RemoteDamaged: if it has more than `limit` bytes.
        RemoteUnavailable: as for every call.
    """

    def attempt() -> bytes | None:
        try:
            return reader.read(path, limit)
        except (FileAbsent, FolderAbsent) as error:
            if not listed:
                return None
            raise Doubtful(error, reader.place) from error

    return with_retries(attempt, pause)
