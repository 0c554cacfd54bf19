"""A remote that is read without patience: looking for a result must not take longer than computing it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, TypeVar

from sovrgit.errors import RemoteUnavailable, Unsupported
from sovrgit.objects.ids import ObjectId
from sovrgit.remotes.base import Doubtful, Remote, Transient

_T = TypeVar("_T")

_ATTEMPTS = 2
_PAUSE = 0.25
"""Seconds between them: what passes at once has passed then."""


class Deadline:
    """The end of the time that something may take.

    Args:
        seconds: how long it may take.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._end = clock() + seconds

    def extend(self, seconds: float) -> None:
        """Allow more time: now it is known how much there is to do."""
        self.seconds += seconds
        self._end += seconds

    @property
    def left(self) -> float:
        """Seconds that are left, never less than none."""
        return max(0.0, self._end - self._clock())

    def check(self, place: str) -> None:
        """See that there is time left.

        Raises:
            RemoteUnavailable: if not.
        """
        if not self.left:
            raise RemoteUnavailable(location=place, reason=f"it took longer than {self.seconds:.0f} s", hint="")


def hasty(remote: Remote, deadline: Deadline) -> Remote:
    """The same place, which is given up when the time is over. It is for reading only."""
    return (_Ranged if remote.has_ranges else _Whole)(remote, deadline)


class _Hasty:
    kind: ClassVar[str] = "hasty"
    keeps_chain: ClassVar[bool] = True
    answers_vary: ClassVar[bool] = False
    is_far: ClassVar[bool] = False
    downloads_at_once: ClassVar[int] = 2

    def __init__(self, remote: Remote, deadline: Deadline) -> None:
        self._remote = remote
        self._deadline = deadline
        self.location = remote.location

    def describe(self) -> str:
        return self._remote.describe()

    def close(self) -> None:
        self._remote.close()

    def at(self, origin: str) -> Remote:
        return hasty(self._remote.at(origin), self._deadline)

    def writing(self) -> contextlib.AbstractContextManager[None]:
        raise self._read_only()

    def read_manifest(self) -> bytes | None:
        return self._ask(self._remote.read_manifest)

    def publish(self, manifest: bytes, expected: bytes | None) -> None:
        raise self._read_only()

    def has_pack(self, pack: ObjectId, size: int) -> bool:
        return self._ask(lambda: self._remote.has_pack(pack, size))

    def put_pack(self, pack: ObjectId, source: Path, advance: Callable[[int], None]) -> None:
        raise self._read_only()

    def get_pack(self, pack: ObjectId, size: int, target: Path, advance: Callable[[int], None]) -> None:
        def told(count: int) -> None:
            self._deadline.check(self.describe())
            advance(count)

        def attempt() -> None:
            target.unlink(missing_ok=True)
            self._remote.get_pack(pack, size, target, told)

        self._ask(attempt)

    def get_range(self, pack: ObjectId, size: int, offset: int, length: int) -> bytes:
        return self._ask(lambda: self._remote.get_range(pack, size, offset, length))

    def _ask(self, action: Callable[[], _T]) -> _T:
        """What an action returns, after a second attempt if the first one failed for what may pass."""
        for attempt in range(_ATTEMPTS):
            self._deadline.check(self.describe())
            try:
                return action()
            except Transient as error:
                if attempt + 1 < _ATTEMPTS and self._deadline.left > _PAUSE:
                    time.sleep(_PAUSE)
                    continue
                if isinstance(error, Doubtful):
                    raise error.final from error.__cause__
                # Not a transient one any more: nobody is to try it again.
                raise RemoteUnavailable(location=self.describe(), reason=error.fields["reason"]) from error
        raise AssertionError("unreachable")

    def _read_only(self) -> Unsupported:
        return Unsupported(what=f"writing to `{self.describe()}`", reason="results are only looked up there")


class _Ranged(_Hasty):
    has_ranges: ClassVar[bool] = True


class _Whole(_Hasty):
    has_ranges: ClassVar[bool] = False
