"""Bodies that go on without getting anywhere: they are given up, however often a byte comes."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from fairos_lab import REFERENCE, Pieces, Scripted, client

from sovrgit.remotes.base import Transient
from sovrgit.remotes.fairos.pace import Pace, TooSlow
from sovrgit.remotes.fairos.timeouts import PATIENCE, Timeouts


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def pieces(self, *steps: tuple[float, int]) -> Iterator[bytes]:
        """Pieces of so many bytes, each after so many seconds."""
        for seconds, size in steps:
            self.now += seconds
            yield bytes(size)


def received(*steps: tuple[float, int], span: float = 600, least: int = 1000) -> int:
    clock = Clock()
    return sum(map(len, Pace(span, least, clock).received(clock.pieces(*steps))))


def sent(*steps: tuple[float, int], span: float = 600, least: int = 1000) -> int:
    clock = Clock()
    total = 0
    for (seconds, _), piece in zip(
        steps, Pace(span, least, clock).sent(bytes(size) for _, size in steps), strict=False
    ):
        clock.now += seconds
        total += len(piece)
    return total


@pytest.mark.parametrize("carry", [received, sent])
@pytest.mark.parametrize(
    "steps",
    [
        [],
        [(599, 1)],
        [(1, 1)] * 500,
        # As slow as that, and no slower.
        [(1, 1), *[(599, 999), (1, 1)] * 9],
        # A block of many bytes, then nothing for nearly as long as it may take.
        [(590, 8_000_000)] * 20,
    ],
)
def test_what_goes_on(carry: object, steps: list[tuple[float, int]]) -> None:
    assert carry(*steps) == sum(size for _, size in steps)  # type: ignore[operator] # one of the two above


@pytest.mark.parametrize("carry", [received, sent])
@pytest.mark.parametrize(
    "steps",
    [
        [(120, 1)] * 10_000,
        [(1, 1)] * 700,
        [(1, 1_000_000), *[(1, 1000)] * 1000, *[(120, 1)] * 20],
        [*[(1, 1)] * 2, *[(599, 999), (2, 0)] * 2],
    ],
)
def test_what_gets_nowhere(carry: object, steps: list[tuple[float, int]]) -> None:
    with pytest.raises(TooSlow):
        carry(*steps)  # type: ignore[operator] # one of the two above


def test_a_first_byte_may_take_its_time() -> None:
    assert received((10_000, 1), (1, 1)) == 2


def test_time_of_our_own_does_not_count() -> None:
    clock = Clock()
    taken = 0
    for piece in Pace(600, 1000, clock).received(clock.pieces(*[(0.1, 10)] * 50)):
        clock.now += 3600
        taken += len(piece)
    assert taken == 500


def test_it_is_told() -> None:
    many = httpx.Response(200, stream=Pieces([b"a", b"b", b"c"]))
    fairos = client(Scripted().on("GET /public-file", many), timeouts=Timeouts(transfer=1e-9))
    with pytest.raises(Transient, match=r"less than 262144 bytes went over the connection in 1e-09 s"):
        fairos.read_public_file(REFERENCE, "/f", 10)


def test_uploads_too() -> None:
    fairos = client(Scripted(), timeouts=Timeouts(transfer=1e-9))
    with pytest.raises(Transient, match="less than 262144 bytes"):
        fairos.upload("p", "/", "f", b"abc", 3)


def test_no_line_that_anybody_uses_is_too_slow() -> None:
    assert PATIENCE.least / PATIENCE.transfer < 9600 / 8
    assert PATIENCE.least / PATIENCE.answer < 56_000 / 8
