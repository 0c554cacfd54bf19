"""Compression keeps what shrinks, leaves what does not, and never gives other bytes back."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sovrgit.errors import IntegrityFailure
from sovrgit.store.compress import MIN_SIZE, SAMPLE_FROM, compress, compress_batch, decompress
from sovrgit.store.format import Codec

NOISE = random.Random(1).randbytes(SAMPLE_FROM)
DATA = st.one_of(
    st.binary(max_size=300),
    st.builds(lambda part, count: part * count, st.binary(min_size=1, max_size=9), st.integers(0, 2000)),
    st.builds(lambda size, zeros: NOISE[:size] + bytes(zeros), st.integers(0, len(NOISE)), st.integers(0, 100_000)),
)


@settings(deadline=None)
@given(DATA)
def test_round_trip(data: bytes) -> None:
    codec, payload = compress(data)
    assert len(payload) <= len(data)
    assert bytes(decompress(codec, payload, len(data), "it")) == data


@settings(deadline=None)
@given(st.lists(DATA, max_size=10))
def test_many_at_once(items: list[bytes]) -> None:
    for data, (codec, payload) in zip(items, compress_batch(items), strict=True):
        assert len(payload) <= len(data)
        assert bytes(decompress(codec, payload, len(data), "it")) == data


@pytest.mark.parametrize(
    ("data", "codec"),
    [
        (b"a" * (MIN_SIZE - 1), Codec.RAW),
        (b"a" * MIN_SIZE, Codec.ZSTD),
        (NOISE[:1000], Codec.RAW),
        (NOISE, Codec.RAW),
        (bytes(SAMPLE_FROM), Codec.ZSTD),
        # A header like no other part does not decide.
        (bytes(8 << 10) + NOISE * 4, Codec.RAW),
        (NOISE[: 8 << 10] + bytes(4 * SAMPLE_FROM), Codec.ZSTD),
    ],
    ids=["small", "worth it", "noise", "large noise", "large", "noise after zeros", "zeros after noise"],
)
def test_what_is_kept_compressed(data: bytes, codec: Codec) -> None:
    assert compress(data)[0] is codec


@pytest.mark.parametrize("size", [0, 999, 1001, 1 << 40])
def test_another_size_is_refused(size: int) -> None:
    for codec, payload in (compress(b"x" * 1000), (Codec.RAW, b"x" * 1000)):
        with pytest.raises(IntegrityFailure):
            decompress(codec, payload, size, "it")
