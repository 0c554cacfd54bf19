"""What every kind of remote can do."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar, Protocol, TypeVar, runtime_checkable

from sovrgit.errors import RemoteUnavailable, SovrError
from sovrgit.objects.ids import ObjectId

ATTEMPTS = 5
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
"""Seconds between attempts: one, then twice as long each time, as far as this."""

_T = TypeVar("_T")


class Transient(RemoteUnavailable):
    """A failure that may pass: worth another attempt."""


class Doubtful(Transient):
    """An answer that cannot be right, from a place whose answers vary. `final` is the error if it stays so."""

    def __init__(self, final: SovrError, location: str) -> None:
        self.final = final
        super().__init__(location=location, reason=final.message)


class Remote(Protocol):
    """A place that holds packs and one manifest. Nothing in it is believed before it is verified.

    `has_pack`, `put_pack`, `get_pack` and `get_range` are called from several threads at once.
    """

    kind: ClassVar[str]
    keeps_chain: ClassVar[bool]
    """Whether manifests name the ones before them, so that forks and stale reads show."""

    answers_vary: ClassVar[bool]
    """Whether the same question may have another answer a moment later (an old manifest, a download that was cut off),
    so that it is worth asking again before the place is called damaged or diverged."""

    is_far: ClassVar[bool]
    """Whether fetching takes so long that what an interrupted clone has brought is worth keeping."""

    downloads_at_once: ClassVar[int]
    """Packs that are best fetched side by side."""

    has_ranges: ClassVar[bool]
    """Whether a part of a pack costs less than the whole."""

    location: str
    """What the place is remembered by. Holds no secret."""

    def describe(self) -> str:
        """The place, as a person would write it. Holds no secret."""

    def close(self) -> None:
        """Let go of connections and files."""

    def at(self, origin: str) -> Remote:
        """The remote that a manifest here names as the place of some of its packs. Closed with this one.

        Raises:
            RemoteDamaged: if it names none that a remote of this kind may name.
        """

    def writing(self) -> AbstractContextManager[None]:
        """Keep other processes of this user from writing to the place for the length of a block.

        Raises:
            Locked: if another one does and does not finish.
        """

    def read_manifest(self) -> bytes | None:
        """The manifest as it is now, never a cached one; None if the remote is new.

        Raises:
            RemoteUnavailable: if the place cannot be read. Transient if that may pass.
        """

    def publish(self, manifest: bytes, expected: bytes | None) -> None:
        """Replace the manifest, which must still be `expected`.

        Raises:
            RemoteStale: if it is not.
            RemoteUnavailable: if the place cannot be written. Transient if it may have been all the same: the manifest
                is then read before another attempt.
        """

    def has_pack(self, pack: ObjectId, size: int) -> bool:
        """Whether a complete pack of this id and size is there.

        Proven, not believed: by hashing what is read back, or where addresses are hashes, by computing the address.

        Raises:
            RemoteUnavailable: if the place cannot be read. Transient if that may pass.
        """

    def put_pack(self, pack: ObjectId, source: Path, advance: Callable[[int], None]) -> None:
        """Store a pack. Whether it is there is then asked of `has_pack`.

        Args:
            advance: told of bytes sent.

        Raises:
            RemoteUnavailable: if the place cannot be written. Transient if that may pass.
        """

    def get_pack(self, pack: ObjectId, size: int, target: Path, advance: Callable[[int], None]) -> None:
        """Fetch a pack into a new file. At most `size` bytes are taken; the caller verifies them.

        Raises:
            RemoteDamaged: if it is not there.
            RemoteUnavailable: if the place cannot be read. Transient if that may pass.
            StorageFull, ReadOnly, StorageFailure: if the file cannot be written.
        """

    def get_range(self, pack: ObjectId, size: int, offset: int, length: int) -> bytes:
        """Some bytes of a pack that has `size` of them; fewer if it ends before. The caller verifies them.

        Raises:
            RemoteDamaged: if it is not there.
            RemoteUnavailable: if the place cannot be read. Transient if that may pass.
        """


@runtime_checkable
class KeepsRecipe(Protocol):
    """A remote that has a place for the recipe of its pod, where others look for it."""

    def put_recipe(self, recipe: bytes) -> None:
        """Store the recipe.

        Raises:
            RemoteUnavailable: if the place cannot be written. Transient if that may pass.
        """


def with_retries(action: Callable[[], _T], pause: Callable[[float], None] = time.sleep) -> _T:
    """What the action returns, after as many attempts as it is worth.

    Raises:
        SovrError: what the last attempt raised; for a `Doubtful` answer, its `final` error.
    """
    for attempt in range(ATTEMPTS):
        try:
            return action()
        except Transient as error:
            if attempt == ATTEMPTS - 1:
                if isinstance(error, Doubtful):
                    # Without the doubt, which says the same, and has often been raised from the error itself: a chain
                    # of causes must not lead back to where it began.
                    cause = error.__cause__ if error.__cause__ is not error.final else error.final.__cause__
                    raise error.final from cause
                raise
            pause(min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE))
    raise AssertionError("unreachable")


def doubt(remote: Remote, error: SovrError) -> SovrError:
    """What to raise within `with_retries` for an answer that cannot be right: the error, or a reason to ask again."""
    return Doubtful(error, remote.describe()) if remote.answers_vary else error
