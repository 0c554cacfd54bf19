"""Cutting: the same cuts whatever the buffers, within the bounds, and stable around an edit."""

from __future__ import annotations

import io
import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyfastcdc import FastCDC

from sovrgit.store import chunking


def cuts(data: bytes, step: int | None = None) -> list[bytes]:
    source = io.BytesIO(data)

    def readinto(view: memoryview) -> int:
        return source.readinto(view if step is None else view[:step])

    return [bytes(chunk) for _, chunks in chunking.cut(readinto) for chunk in chunks]


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.integers(0, 9), st.integers(0, 20_000), st.integers(1, 5000), st.sampled_from([1, 50, 20_000]))
def test_buffers_do_not_show_in_the_cuts(tiny: None, seed: int, size: int, step: int, period: int) -> None:
    data = (random.Random(seed).randbytes(period) * (size // period + 1))[:size]
    found = cuts(data, step)
    whole = FastCDC(chunking.AVERAGE, min_size=chunking.MINIMUM, max_size=chunking.MAXIMUM)
    assert found == [bytes(chunk.data) for chunk in whole.cut_buf(data)]
    assert b"".join(found) == data
    assert all(len(chunk) <= chunking.MAXIMUM for chunk in found)
    assert all(len(chunk) >= chunking.MINIMUM for chunk in found[:-1])


def test_buffers_may_be_used_again_once_their_chunks_are_done(tiny: None, noise: random.Random) -> None:
    data = noise.randbytes(50_000)
    buffers: list[bytearray] = []
    found = []
    for buffer, chunks in chunking.cut(
        io.BytesIO(data).readinto, lambda: buffers.pop() if buffers else chunking.new_block()
    ):
        found += [bytes(chunk) for chunk in chunks]
        buffer[:] = bytes(len(buffer))
        buffers.append(buffer)
    assert b"".join(found) == data
    assert len(buffers) == 1


def test_an_edit_moves_only_the_cuts_around_it(tiny: None, noise: random.Random) -> None:
    data = noise.randbytes(200_000)
    before = cuts(data)
    after = cuts(data[:100_000] + b"inserted" + data[100_000:])
    assert len(set(after) - set(before)) <= 4


def test_real_parameters_are_pinned() -> None:
    """Others would find fewer chunks again in every pod that exists."""
    data = random.Random(1).randbytes(6 << 20)
    found = cuts(data)
    assert (chunking.MINIMUM, chunking.AVERAGE, chunking.MAXIMUM) == (64 << 10, 256 << 10, 1 << 20)
    assert [len(chunk) for chunk in found[:8]] == [204367, 274040, 398271, 477575, 167523, 84915, 322763, 291710]
