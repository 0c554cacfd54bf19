"""Sizes: exactly as computed, in few steps, and never much larger than the file."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sealing_lab import FIRST_BORDER, LABELS, opened, sealed

from sovrgit.remotes.sealing.form import largest_sealed, sealed_size
from sovrgit.remotes.sealing.padding import SMALLEST_PADDED, USUAL, Padding, rounded
from sovrgit.store.format import MAX_PACK

SIZES = st.one_of(st.integers(0, 1 << 17), st.integers(0, 1 << 62))
BORDERS = [0, 1, SMALLEST_PADDED - 8, SMALLEST_PADDED - 7, FIRST_BORDER - 1, FIRST_BORDER, FIRST_BORDER + 1, 200_000]


@given(SIZES, st.sampled_from(Padding))
def test_rounding_goes_up_and_keeps_the_order(size: int, padding: Padding) -> None:
    found = rounded(size, padding)
    assert size <= found <= rounded(size + 1, padding)
    assert rounded(found, padding) == found
    assert found <= rounded(size, Padding.COARSE)


@given(st.integers(SMALLEST_PADDED, 1 << 62))
def test_what_rounding_costs(size: int) -> None:
    assert rounded(size, Padding.COARSE) < 2 * size
    share = rounded(size, Padding.FINE) / size - 1
    assert share <= (1 / 32 if size >= 1 << 16 else 1 / 16)


def test_how_many_sizes_are_left() -> None:
    for octave in range(12, 27):
        sizes = range((1 << octave) + 1, (2 << octave) + 1, max(1, 1 << octave >> 10))
        assert len({rounded(size, Padding.COARSE) for size in sizes}) == 1
        assert len({rounded(size, Padding.FINE) for size in sizes}) == (16 if octave < 16 else 32)
    assert {rounded(size, padding) for size in range(8, 4097) for padding in (Padding.FINE, Padding.COARSE)} == {4096}


@pytest.mark.parametrize("padding", Padding)
@pytest.mark.parametrize("size", BORDERS)
def test_the_size_is_known_beforehand(size: int, padding: Padding) -> None:
    data = sealed(bytes(size), padding=padding)
    assert len(data) == sealed_size(size, padding) <= largest_sealed(size)
    assert opened(data) == bytes(size)


@pytest.mark.parametrize("label", LABELS)
def test_padding_is_usual_unless_told_otherwise(label: str) -> None:
    found = len(sealed(bytes(70_000), label, padding=None))
    assert found == sealed_size(70_000, USUAL[label.purpose])
    assert (found > 131_072) == (label.purpose == "manifest")


@given(st.integers(0, MAX_PACK))
@example(0)
@example(MAX_PACK)
def test_without_padding_little_is_added(size: int) -> None:
    assert sealed_size(size, Padding.NONE) <= size + 104 + (size + 8) // 4096
