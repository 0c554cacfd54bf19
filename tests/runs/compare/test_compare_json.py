"""JSON documents, value by value."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from compare_lab import content
from hypothesis import given
from hypothesis import strategies as st

from sovrgit.objects.place import JsonPlace
from sovrgit.pod.recipe_compare import Json
from sovrgit.runs.compare import jsondoc
from sovrgit.runs.compare.jsondoc import MAX_POINTER, MAX_SIZE, compare_json
from sovrgit.runs.compare.result import CannotCompare, Compared, Different, Same


def compared(one: Any, other: Any, **rule: Any) -> Compared:
    return compare_json(content(json.dumps(one)), content(json.dumps(other, indent=3)), Json(**rule))


def refused(data: bytes | str) -> str:
    with pytest.raises(CannotCompare) as caught:
        compare_json(content("{}"), content(data), Json())
    return caught.value.reason


def test_neither_order_nor_spaces_count() -> None:
    one, other = b'{"a":1,"b":[1,2]}', b'\xef\xbb\xbf{ "b": [1, 2.0],\r\n "a": 1e0 }'
    assert compare_json(content(one), content(other), Json()) == Same("")


HALF = "numbers, at most 1 apart (0.5 relative)"
ONE = "1 number, at most 1 apart (0.5 relative)"


@pytest.mark.parametrize(
    ("one", "other", "pointer", "detail"),
    [
        ({"a": {"b": [0, 1]}}, {"a": {"b": [0, 2]}}, "/a/b/1", f"1 value ({ONE})"),
        ({"a": 1}, {"a": 1, "b": None}, "/b", "1 value"),
        ({"a": None}, {}, "/a", "1 value"),
        ([1, 2], [1], "/1", "1 value"),
        ([[]], [{}], "/0", "1 value"),
        ({"a/b": {"~": 1}}, {"a/b": {"~": "1"}}, "/a~1b/~0", "1 value"),
        (1, True, "", "1 value"),
        (0, False, "", "1 value"),
        ("a", "b", "", "1 value"),
        (
            {"x": "a", "y": 1, "z": [3]},
            {"y": 2, "x": "b", "z": [4]},
            "/x",
            "3 values (2 numbers, at most 1 apart (0.5 relative))",
        ),
        ({"": 1}, {"": 2}, "/", f"1 value ({ONE})"),
        (1e400, "x", "", "1 value"),
    ],
)
def test_the_first_place_is_told(one: Any, other: Any, pointer: str, detail: str) -> None:
    assert compared(one, other) == Different(JsonPlace(pointer), detail)


def test_numbers_have_a_tolerance() -> None:
    assert compared([1.0, 5], [1.0000001, 5], relative=1e-6) == Same("1 number, at most 1e-07 apart (1e-07 relative)")
    assert isinstance(compared([1.0], [1.1], relative=1e-6), Different)
    assert isinstance(compared([0], [0.5], absolute=0.5), Same)
    assert isinstance(compared(["1.0"], ["1.0000001"], relative=1e-6), Different)  # text
    assert isinstance(compared([10**400], [10**400 + 1], relative=0.1), Different)  # beyond the floats
    assert isinstance(compared([2**60], [2**60 + 1]), Different)


def test_what_python_writes_for_what_is_no_number() -> None:
    nan, infinity = float("nan"), float("inf")
    assert compared([nan, infinity, -infinity], [nan, infinity, -infinity]) == Same("")
    assert isinstance(compared([nan], [1.0], relative=0.9), Different)
    assert isinstance(compared([infinity], [-infinity], relative=0.9, absolute=1e300), Different)
    assert isinstance(compared([infinity], [1e308], relative=0.9), Different)


@pytest.mark.parametrize(
    ("ignore", "same"),
    [
        (["time"], False),
        (["time", "rows.*.seconds"], True),
        (["**.seconds", "time"], True),
        (["time", "rows"], True),
        (["time", "rows.0.seconds", "rows.1.seconds"], True),
        (["time", "rows.0.seconds"], False),
        (["/time", "/rows/0/seconds", "/rows/1/seconds"], True),
        (["time", "/rows/*/seconds"], False),  # in a pointer a star is a key
        (["**"], True),
        (["*"], True),
        (["**.rows.**.seconds", "**.time"], True),
        (["time", "rows.seconds"], False),
    ],
)
def test_keys_that_do_not_count(ignore: list[str], same: bool) -> None:
    one = {"time": 1, "rows": [{"x": 1, "seconds": 3}, {"x": 2, "seconds": 4}]}
    other = {"rows": [{"x": 1, "seconds": 5}, {"x": 2}]}
    assert isinstance(compared(one, other, ignore=tuple(ignore)), Same) is same


def test_keys_with_dots_and_slashes_are_written_as_pointers() -> None:
    assert compared({"a.b": {"c/d": 1}}, {"a.b": {"c/d": 2}}, ignore=("/a.b/c~1d",)) == Same("")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the output of the repeat is no JSON that can be compared: Expecting value"),
        (b"{]", "Expecting property name"),
        (b"\xff", "the output of the repeat is not UTF-8"),
        (b'{"a": 1, "a": 2}', "a key is given twice"),
        (b"1e999", "a number is too large"),
        (b"1" * 5000, "a number with too many digits"),
        (b"[" * 200_000, "nested too deeply"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b"{}" + b" " * MAX_SIZE, "more than 16 MiB"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        (b"\x89PNG\r\n\x1a\n", "not UTF-8"),
        (b'{"a": NaN, }', "Expecting property name"),
    ],
    ids=lambda value: repr(value[:12]),
)
def test_what_cannot_be_read_is_said(data: bytes, reason: str) -> None:
    assert reason in refused(data)


def test_the_number_of_values_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsondoc, "MAX_MARKS", 10)
    assert "too many values" in refused(b"[" + b"0," * 10 + b"0]")
    assert isinstance(compare_json(content("[1,2,3]"), content("[1,2,3]"), Json()), Same)


def test_a_long_pointer_is_cut_at_what_holds_the_value() -> None:
    found = compared({"a": {"b" * MAX_POINTER: 1}}, {"a": {"b" * MAX_POINTER: 2}})
    assert isinstance(found, Different) and found.where == JsonPlace("/a")


def test_a_pointer_can_be_stored() -> None:
    found = compare_json(content(b'{"\\ud800": 1}'), content(b'{"\\ud800": 2}'), Json())
    assert isinstance(found, Different) and found.where == JsonPlace("/?")


def test_many_ignored_paths_take_no_time() -> None:
    stars = tuple(f"{'**.a.' * 50}x{number}" for number in range(20))
    value: Any = 1
    for _ in range(150):
        value = {"a": value}
    assert isinstance(compared(value, value, ignore=stars), Same)


SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=True) | st.text("ab/~.", max_size=3)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~.", max_size=2), inner, max_size=3),
)


@given(VALUES)
def test_a_document_is_the_same_as_itself(value: Any) -> None:
    assert compared(value, copy.deepcopy(value)) == Same("")


@given(VALUES, VALUES, st.sampled_from([0.0, 0.1, 0.5]))
def test_the_order_of_documents_does_not_matter(one: Any, other: Any, relative: float) -> None:
    assert type(compared(one, other, relative=relative)) is type(compared(other, one, relative=relative))


@given(VALUES, VALUES)
def test_the_pointer_leads_to_values_that_are_not_the_same(one: Any, other: Any) -> None:
    found = compared(one, other)
    if not isinstance(found, Different):
        return
    assert isinstance(found.where, JsonPlace)
    mine, theirs = (_at(value, found.where.pointer) for value in (one, other))
    assert repr(mine) != repr(theirs)


def _at(value: Any, pointer: str) -> Any:
    """RFC 6901, section 4."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(key, "missing")
        else:
            value = value[int(key)] if int(key) < len(value) else "missing"
    return value
