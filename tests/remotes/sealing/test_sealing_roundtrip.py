"""What was sealed comes back, whatever its size and in whatever pieces it is read."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sealing_lab import FIRST_BORDER, KEY, LABELS, LIMIT, PACK, given_out, noise, opened, parts, sealed

from sovrgit.objects.codec import MAX_METADATA_SIZE
from sovrgit.remotes.sealing.form import SEGMENT_SIZE, sealed_size, sealed_with
from sovrgit.remotes.sealing.labels import Label
from sovrgit.remotes.sealing.padding import USUAL, Padding
from sovrgit.remotes.sealing.seal import seal, sealed_pieces
from sovrgit.remotes.sealing.unseal import unseal

NEAR_BORDERS = st.builds(
    lambda segments, off: max(0, segments * SEGMENT_SIZE + off), st.integers(0, 3), st.integers(-40, 40)
)
SIZES = st.one_of(NEAR_BORDERS, st.integers(0, 3 * SEGMENT_SIZE))


@settings(max_examples=60)
@given(SIZES, st.sampled_from(Padding), st.sampled_from(LABELS), st.lists(st.integers(0, 1 << 20), max_size=4))
def test_every_size_comes_back(size: int, padding: Padding, label: Label, cuts: list[int]) -> None:
    data = noise(size)
    found, error = given_out(sealed(data, label, padding), cuts, label)
    assert error is None
    assert found == data


def test_zeros_at_the_end_are_not_padding() -> None:
    for data in (bytes(5), b"a" + bytes(10_000), bytes(FIRST_BORDER + 1)):
        for padding in Padding:
            assert opened(sealed(data, padding=padding)) == data


def test_byte_by_byte() -> None:
    data = noise(300)
    found, error = given_out(sealed(data), [*range(1000)])
    assert (found, error) == (data, None)


def test_full_segments_have_no_empty_one_behind_them() -> None:
    _, segments = parts(sealed(noise(FIRST_BORDER)))
    assert [len(segment) for segment in segments] == [SEGMENT_SIZE + 16]
    _, segments = parts(sealed(noise(FIRST_BORDER + 1)))
    assert [len(segment) for segment in segments] == [SEGMENT_SIZE + 16, 17]


def test_the_same_file_is_another_one_every_time() -> None:
    first, second = parts(sealed(bytes(100_000))), parts(sealed(bytes(100_000)))
    assert first[0] != second[0]
    assert not {*first[1]} & {*second[1]}


@settings(max_examples=20, deadline=None)
@given(SIZES)
def test_nothing_of_the_content_or_the_label_is_in_the_file(size: int) -> None:
    data = b"the same sixteen" * (1 + size // 16)
    found = sealed(data)
    assert b"sixteen" not in found
    assert PACK.name.encode() not in found
    assert bytes.fromhex(PACK.name) not in found
    assert b"pack" not in found


def test_the_key_is_named_by_its_fingerprint() -> None:
    data = sealed(b"x")
    assert sealed_with(data, "a file") == KEY.fingerprint
    assert sealed_with(b"\x8aencoding", "a file") is None
    assert sealed_with(b"", "a file") is None


@pytest.mark.parametrize("size", [0, 1, FIRST_BORDER, FIRST_BORDER + 1, 5_000_000])
def test_from_file_to_file(tmp_path: Path, size: int) -> None:
    source, middle, target = tmp_path / "source", tmp_path / "sealed", tmp_path / "target"
    source.write_bytes(noise(size))
    assert seal(source, middle, KEY, PACK) == middle.stat().st_size == sealed_size(size, USUAL[PACK.purpose])
    assert unseal(middle, target, KEY, PACK, limit=size) == size
    assert target.read_bytes() == noise(size)


class Dribble(io.RawIOBase):
    """A source that gives a few bytes at a time, as sockets do."""

    def __init__(self, data: bytes) -> None:
        self._inside = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._inside.read(min(size, 777))


def test_a_source_may_give_few_bytes_at_a_time_and_have_more() -> None:
    data = noise(FIRST_BORDER + 5000)
    pieces = [*sealed_pieces(Dribble(data + b"more"), len(data), KEY, PACK, Padding.NONE)]  # type: ignore[arg-type]
    assert opened(b"".join(pieces)) == data
    assert max(map(len, pieces)) <= SEGMENT_SIZE + 16


def test_the_largest_manifest() -> None:
    data = noise(MAX_METADATA_SIZE)
    assert opened(sealed(data, LABELS[0], padding=None), LABELS[0], limit=MAX_METADATA_SIZE) == data


def test_several_threads_at_once() -> None:
    data, failures = noise(200_000), []

    def work() -> None:
        for _ in range(5):
            if opened(sealed(data)) != data:
                failures.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_chance_is_asked_for_once_a_file() -> None:
    asked: list[int] = []

    def chance(counted: list[int]) -> Callable[[int], bytes]:
        return lambda size: counted.append(size) or bytes(size)  # type: ignore[func-returns-value]

    first = b"".join(sealed_pieces(io.BytesIO(b"x"), 1, KEY, PACK, Padding.NONE, chance(asked)))
    again = b"".join(sealed_pieces(io.BytesIO(b"x"), 1, KEY, PACK, Padding.NONE, chance(asked)))
    assert first == again
    assert asked == [32, 32]
    assert opened(first, limit=LIMIT) == b"x"
