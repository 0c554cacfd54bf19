"""Where two files differ first."""

from __future__ import annotations

import pytest
from compare_lab import content
from hypothesis import assume, given
from hypothesis import strategies as st

from sovrgit.objects.place import BytePlace, Place, TextPlace
from sovrgit.runs.compare.exact import differing


@pytest.mark.parametrize(
    ("one", "other", "where", "detail"),
    [
        (b"abc\ndef\n", b"abc\ndxf\n", TextPlace(2, 2), ""),
        (b"abc\n", b"abc", TextPlace(1, 4), "1 byte fewer"),
        (b"", b"a", TextPlace(1, 1), "1 byte more"),
        (b"a\n", b"a\nb\n", TextPlace(2, 1), "2 bytes more"),
        ("äöx".encode(), "äöy".encode(), TextPlace(1, 3), ""),
        ("ä".encode(), "ö".encode(), TextPlace(1, 1), ""),  # the same first byte
        (b"\x80\x81", b"\x80\x82", TextPlace(1, 1), ""),  # no UTF-8 at all
        (b"a\0b\nc", b"a\0b\nd", BytePlace(4), ""),
        (b"a\0", b"ab", BytePlace(1), ""),
    ],
)
@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_the_first_place(one: bytes, other: bytes, where: Place, detail: str, piece: int) -> None:
    assert differing(content(one, piece), content(other, 1000)) == (where, detail)


@given(st.binary(max_size=40), st.binary(max_size=40), st.integers(1, 7), st.integers(1, 7))
def test_the_offset_is_that_of_the_first_byte(one: bytes, other: bytes, mine: int, theirs: int) -> None:
    one, other = b"\0" + one, b"\0" + other
    assume(one != other)
    same = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    assert differing(content(one, mine), content(other, theirs)).where == BytePlace(same)


@given(st.text("ab\nä€", max_size=30), st.text("ab\nä€", max_size=30), st.integers(1, 7))
def test_the_place_in_a_text_is_that_of_the_first_character(one: str, other: str, piece: int) -> None:
    assume(one != other)
    same = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    before = one[:same].split("\n")
    expected = TextPlace(len(before), len(before[-1]) + 1)
    assert differing(content(one, piece), content(other)).where == expected
