"""What every kind of remote can do."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Protocol, TypeVar

from sovrgit.errors import RemoteUnavailable
from sovrgit.objects.ids import ObjectId

ATTEMPTS = 5
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
"""Seconds between attempts: one, then twice as long each time, as far as this."""

_T = TypeVar("_T")


class Transient(RemoteUnavailable):
    """A failure that may pass: worth another attempt."""


class Remote(Protocol):
    """A place that holds packs and one manifest. Nothing in it is believed before it is verified."""

    kind: ClassVar[str]
    keeps_chain: ClassVar[bool]
    """Whether manifests name the ones before them, so that forks and stale reads show."""

    location: str

    def describe(self) -> str:
        """The place, as a person would write it. Holds no secret."""

    def read_manifest(self) -> bytes | None:
        """The manifest as it is now, never a cached one; None if the remote is new.

        Raises:
            RemoteUnavailable: if the place cannot be read. Transient if that may pass.
        """

    def publish(self, manifest: bytes, expected: bytes | None) -> None:
        """Replace the manifest, which must still be `expected`.

        Raises:
            RemoteStale: if it is not.
            RemoteUnavailable: if the place cannot be written.
        """

    def has_pack(self, pack: ObjectId, size: int) -> bool:
        """Whether a complete pack of this id and size is there."""

    def put_pack(self, pack: ObjectId, source: Path, advance: Callable[[int], None]) -> None:
        """Store a pack and read it back; it is there, whole, when this returns.

        Args:
            advance: told of bytes sent.

        Raises:
            RemoteDamaged: if what was read back is not what was sent.
        """

    def get_pack(self, pack: ObjectId, size: int, target: Path, advance: Callable[[int], None]) -> None:
        """Fetch a pack into a new file. At most `size` bytes are taken; the caller verifies them."""


def with_retries(action: Callable[[], _T], pause: Callable[[float], None] = time.sleep) -> _T:
    """What the action returns, after as many attempts as it is worth.

    Raises:
        RemoteUnavailable: what the last attempt raised.
    """
    for attempt in range(ATTEMPTS):
        try:
            return action()
        except Transient:
            if attempt == ATTEMPTS - 1:
                raise
            pause(min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE))
    raise AssertionError("unreachable")
