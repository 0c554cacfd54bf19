"""Texts whose numbers may be a little apart."""

from __future__ import annotations

import math
import time

import pytest
from compare_lab import content
from hypothesis import given
from hypothesis import strategies as st

from sovrgit.objects.place import TextPlace
from sovrgit.pod.recipe_compare import Numeric, Tolerance
from sovrgit.runs.compare.numbers import MAX_LINE, compare_numbers
from sovrgit.runs.compare.result import CannotCompare, Compared, Different, Same, within

CLOSE = Numeric(relative=1e-6)


def compared(one: str | bytes, other: str | bytes, rule: Numeric = CLOSE, piece: int = 7) -> Compared:
    return compare_numbers(content(one, piece), content(other, piece + 1), rule)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("loss 0.1234567\n", "loss 0.12345671\n"),
        ("1,2.0000001,x\n", "1,2,x\n"),
        ("-1.5e3", "-1500"),
        ("1e-3 +2", "0.001 2"),
        ("[0.3, 5]", "[0.30000001, 5]"),
        (".5", "0.5"),
        ("a\n1\nb", "a\n1.0000005\nb"),
        ("50%", "50.00001%"),
        (b"\xff\xfe 1.0", b"\xff\xfe 1"),
        ("±0.1", "±0.10000001"),
    ],
)
def test_within(one: str | bytes, other: str | bytes) -> None:
    assert isinstance(compared(one, other), Same)


@pytest.mark.parametrize(
    ("one", "other", "where", "detail"),
    [
        ("loss 0.5\n", "loss 0.6\n", TextPlace(1, 6), "1 number, at most 0.1 apart (0.167 relative)"),
        ("a 1\nb 2 3\n", "a 2\nb 2 4\n", TextPlace(1, 3), "2 numbers, at most 1 apart (0.5 relative)"),
        ("x 1", "y 1", TextPlace(1, 1), "other text"),
        ("abc 1 def", "abc 1 dxf", TextPlace(1, 8), "other text"),
        ("1 2", "1 2 3", TextPlace(1, 4), "other text"),
        ("1\n", "1\n2\n", TextPlace(2, 1), "goes on at line 2"),
        ("1\n2\n", "1\n", TextPlace(2, 1), "ends at line 2"),
        ("1\n2\n", "2\n", TextPlace(1, 1), "1 number, at most 1 apart (0.5 relative); ends at line 2"),
        ("v1.2.3", "v1.2.4", TextPlace(1, 6), "other text"),
        ("1.2.3", "1.2.30", TextPlace(1, 6), "other text"),
        ("10ms", "10.000001ms", TextPlace(1, 3), "other text"),
        ("a1", "a1.0", TextPlace(1, 3), "other text"),
        ("nan", "NaN", TextPlace(1, 1), "other text"),
        ("nan", "1", TextPlace(1, 1), "other text"),
        ("1e999", "1e998", TextPlace(1, 1), "1 number, without bounds apart"),
        ("2026-11-23", "2026-11-24", TextPlace(1, 9), "1 number, at most 1 apart (0.0417 relative)"),
        ("ä 1", "ä 2", TextPlace(1, 3), "1 number, at most 1 apart (0.5 relative)"),
        (b"\xff 1", b"\xff 2", TextPlace(1, 3), "1 number, at most 1 apart (0.5 relative)"),
        ("1" * 500, "1" * 499 + "2", TextPlace(1, 500), "other text"),
        ("-1", "1", TextPlace(1, 1), "1 number, at most 2 apart (2 relative)"),
    ],
)
def test_not_within(one: str | bytes, other: str | bytes, where: TextPlace, detail: str) -> None:
    assert compared(one, other) == Different(where, detail)


def test_what_is_within_is_measured() -> None:
    assert compared("1 2", "1.0000001 2") == Same("1 number, at most 1e-07 apart (1e-07 relative)")
    assert compared("1 2", "1.0 2") == Same("")


def test_near_zero_only_an_absolute_tolerance_helps() -> None:
    assert isinstance(compared("1e-12", "-1e-12"), Different)
    assert isinstance(compared("1e-12", "-1e-12", Numeric(absolute=1e-9)), Same)


def test_without_tolerance_numbers_are_compared_exactly() -> None:
    assert isinstance(compared("1.50 0.1", "1.5 1e-1", Numeric()), Same)
    assert isinstance(compared("12345678901234567890", "12345678901234567891", Numeric()), Different)
    assert isinstance(compared("1e" + "9" * 30, "2e" + "9" * 30, Numeric()), Different)


def test_a_line_is_held_in_memory_up_to_a_limit() -> None:
    line = "1 " * (MAX_LINE // 2)
    with pytest.raises(CannotCompare, match="a line of more than 1 MiB"):
        compared(line, line + "2", piece=1 << 16)
    assert isinstance(compared(line[:-1] + "\n1", line[:-1] + "\n1.0", piece=1 << 16), Same)


@pytest.mark.parametrize("text", ["1" * 900_000 + "x", "1." * 400_000, "-" * 900_000, "1e" * 400_000, "+1" * 400_000])
def test_no_text_takes_quadratic_time(text: str) -> None:
    began = time.process_time()
    assert isinstance(compared(text + "a", text + "b", piece=1 << 16), Different)
    # It takes milliseconds; quadratic time would be minutes at least.
    assert time.process_time() - began < 10


FLOATS = st.floats(allow_nan=True, allow_infinity=True)
TOLERANCES = st.builds(
    Tolerance, relative=st.floats(0, 0.999), absolute=st.floats(0, 1e300, allow_nan=False, allow_infinity=False)
)


@given(FLOATS | st.integers(), FLOATS | st.integers(), TOLERANCES)
def test_which_number_is_first_does_not_matter(one: float, other: float, tolerance: Tolerance) -> None:
    assert within(tolerance, one, other) == within(tolerance, other, one)


@given(FLOATS | st.integers(), TOLERANCES)
def test_every_number_is_near_itself(one: float, tolerance: Tolerance) -> None:
    assert within(tolerance, one, one)


@given(FLOATS, FLOATS, TOLERANCES, st.floats(0, 0.999), st.floats(0, 1e300))
def test_a_larger_tolerance_allows_more(one: float, other: float, small: Tolerance, more: float, wider: float) -> None:
    large = Tolerance(relative=max(small.relative, more), absolute=max(small.absolute, wider))
    assert not within(small, one, other) or within(large, one, other)


@given(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300), TOLERANCES)
def test_the_tolerance_is_what_it_says(one: float, other: float, tolerance: Tolerance) -> None:
    allowed = max(tolerance.absolute, tolerance.relative * max(abs(one), abs(other)))
    assert within(tolerance, one, other) == (abs(one - other) <= allowed)


@given(st.lists(st.floats(-1e9, 1e9), max_size=5), st.lists(st.floats(-1e9, 1e9), max_size=5))
def test_the_order_of_texts_does_not_matter(one: list[float], other: list[float]) -> None:
    texts = [" ".join(map(repr, numbers)) for numbers in (one, other)]
    there, back = compared(*texts), compared(*reversed(texts))
    assert type(there) is type(back)
    if len(one) == len(other):
        assert isinstance(there, Same) == all(math.isclose(a, b, rel_tol=1e-6) for a, b in zip(one, other, strict=True))


@given(st.text("01.e-+ \n,ax", max_size=30), st.text("01.e-+ \n,ax", max_size=30), st.integers(1, 5))
def test_how_it_is_cut_into_pieces_does_not_matter(one: str, other: str, piece: int) -> None:
    assert compared(one, other, piece=piece) == compared(one, other, piece=1000)


@given(st.text("01.e-+ \n,ax", max_size=30))
def test_a_text_is_the_same_as_itself(text: str) -> None:
    assert compared(text, text) == Same("")
