"""The canonical encoding: one value, one sequence of bytes, and every other one refused."""

from __future__ import annotations

import struct
from typing import Any

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from object_strategies import damaged, scalars, text, values

from sovrgit.errors import ObjectInvalid
from sovrgit.objects import codec
from sovrgit.objects.codec import MAX_DEPTH, MAX_METADATA_SIZE, MAX_TREE_SIZE, decode, encode, size_limit
from sovrgit.objects.ids import Kind

maps = st.dictionaries(text, values, max_size=5)


def nested(levels: int, *, lists: bool = False) -> dict[str, Any]:
    value: Any = 1
    for _ in range(levels - 1):
        value = [value] if lists else {"a": value}
    return {"a": value}


@given(maps)
@example({"a": -(1 << 63), "b": (1 << 64) - 1, "c": True, "d": False, "": b""})
@example({"b": 1, "a": 1, "é": 1, "\U0001f600": 1, "\uffff": 1})
def test_decode_reads_what_encode_writes(value: dict[str, Any]) -> None:
    data = encode(value, kind=Kind.RUN)
    assert decode(data, kind=Kind.RUN) == value
    assert encode(decode(data, kind=Kind.RUN), kind=Kind.RUN) == data


@given(maps)
def test_the_order_in_which_keys_were_set_is_not_seen(value: dict[str, Any]) -> None:
    assert encode(dict(reversed(value.items())), kind=Kind.RUN) == encode(value, kind=Kind.RUN)


def test_keys_are_sorted_by_their_bytes() -> None:
    """UTF-16 would put U+FFFF after U+1F600; text of different lengths is not sorted by length."""
    data = encode({"\U0001f600": 1, "\uffff": 2, "b": 3, "aa": 4, "": 5}, kind=Kind.RUN)
    assert list(decode(data, kind=Kind.RUN)) == ["", "aa", "b", "\uffff", "\U0001f600"]
    assert data.index("\uffff".encode()) < data.index("\U0001f600".encode())


@pytest.mark.parametrize(
    "value",
    [
        None,
        1.5,
        1 << 64,
        -(1 << 63) - 1,
        "\ud800",
        {1: "a"},
        {b"a": 1},
        {"\ud800": 1},
        {"a": None},
        [[1.0]],
        {1, 2},
        bytearray(b"a"),
        object(),
    ],
)
def test_encode_refuses_what_has_no_form(value: object) -> None:
    with pytest.raises(ObjectInvalid):
        encode({"a": value}, kind=Kind.RUN)


# What an encoder may write in msgpack, and a canonical one never does. Each stands as the value of the key "a".
NOT_CANONICAL = {
    "1 in uint 8": "cc01",
    "1 in uint 16": "cd0001",
    "1 in uint 32": "ce00000001",
    "1 in uint 64": "cf0000000000000001",
    "1 in int 8": "d001",
    "1 in int 16": "d10001",
    "1 in int 32": "d200000001",
    "1 in int 64": "d30000000000000001",
    "200 in uint 16": "cd00c8",
    "200 in int 16": "d100c8",
    "-1 in int 8": "d0ff",
    "-100 in int 16": "d1ff9c",
    "-1000 in int 32": "d2fffffc18",
    "text in str 8": "d90161",
    "text in str 16": "da000161",
    "text in str 32": "db0000000161",
    "bytes in bin 16": "c5000161",
    "bytes in bin 32": "c60000000161",
    "list in array 16": "dc000101",
    "list in array 32": "dd0000000101",
    "map in map 16": "de0001a16101",
    "map in map 32": "df00000001a16101",
    "nil": "c0",
    "the unused byte": "c1",
    "float 32": "ca3f800000",
    "float 64": "cb3ff0000000000000",
    "a float that is not a number": "cb7ff8000000000000",
    "fixext 1": "d40100",
    "ext 8": "c7010100",
    "ext 16": "c800010100",
    "ext 32": "c9000000010100",
    "timestamp 32": "d6ff00000000",
    "timestamp 64": "d7ff0000000000000000",
    "timestamp 96": "c70cff000000000000000000000000",
    "timestamp of a wrong length": "c703ff000000",
    "keys out of order": "82a16201a16101",
    "a repeated key": "82a16101a16101",
    "a key that is a number": "810101",
    "a key of bytes": "81c4016101",
    "a key that is nil": "81c001",
    "a key that is a list": "819001",
    "a key in str 8": "81d9016101",
    "text that is not UTF-8": "a1ff",
    "text with a lone surrogate": "a3eda080",
    "text with an overlong form": "a2c0af",
    "text that is cut off": "a26",
    "nothing": "",
    "a list that is cut off": "9201",
    "a map that is cut off": "81a161",
    "a list longer than any memory": "ddffffffff",
    "a map longer than any memory": "dfffffffff",
    "text longer than any memory": "dbffffffff",
    "bytes longer than any memory": "c6ffffffff",
}


@pytest.mark.parametrize("form", NOT_CANONICAL.values(), ids=NOT_CANONICAL)
def test_decode_refuses_other_forms(form: str) -> None:
    data = bytes.fromhex("81a161" + form.ljust(len(form) + len(form) % 2, "0"))
    with pytest.raises(ObjectInvalid):
        decode(data, kind=Kind.RUN)


@pytest.mark.parametrize("value", ["01", "cc80", "ff", "d080", "a161", "c40161", "9101", "81a16101", "c2", "c3"])
def test_the_canonical_forms_are_accepted(value: str) -> None:
    """The counterpart: the frame in which the other forms are tried is sound."""
    data = bytes.fromhex("81a161" + value)
    assert encode(decode(data, kind=Kind.RUN), kind=Kind.RUN) == data


@pytest.mark.parametrize("outer", ["", "01", "a161", "90", "c0", "c403616263", "81a1610101", "81a16101c0", "80" * 2])
def test_decode_refuses_what_is_not_one_map(outer: str) -> None:
    with pytest.raises(ObjectInvalid):
        decode(bytes.fromhex(outer), kind=Kind.RUN)


@given(maps, st.binary(min_size=1, max_size=4))
def test_trailing_bytes_are_refused(value: dict[str, Any], tail: bytes) -> None:
    with pytest.raises(ObjectInvalid):
        decode(encode(value, kind=Kind.RUN) + tail, kind=Kind.RUN)


@given(maps, st.data())
def test_cut_off_data_is_refused(value: dict[str, Any], data: st.DataObject) -> None:
    encoded = encode(value, kind=Kind.RUN)
    with pytest.raises(ObjectInvalid):
        decode(encoded[: data.draw(st.integers(0, len(encoded) - 1))], kind=Kind.RUN)


@pytest.mark.parametrize("lists", [False, True])
def test_depth_is_bounded_both_ways(lists: bool) -> None:
    deepest = nested(MAX_DEPTH, lists=lists)
    assert decode(encode(deepest, kind=Kind.RUN), kind=Kind.RUN) == deepest
    deeper = nested(MAX_DEPTH + 1, lists=lists)
    with pytest.raises(ObjectInvalid, match="deeply"):
        encode(deeper, kind=Kind.RUN)
    with pytest.raises(ObjectInvalid, match="deeply"):
        decode(msgpack.packb(deeper), kind=Kind.RUN)


@pytest.mark.parametrize("opening", [b"\x91", b"\x81\xa0", b"\xdd\x00\x01\x00\x00", b"\xdf\x00\x01\x00\x00\xa1a"])
@pytest.mark.parametrize("levels", [100, 600, 5000])
def test_a_tower_of_containers_is_refused(opening: bytes, levels: int) -> None:
    with pytest.raises(ObjectInvalid):
        decode(b"\x81\xa1a" + opening * levels + b"\x01", kind=Kind.RUN)


def test_size_is_bounded_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "MAX_METADATA_SIZE", 100)
    monkeypatch.setattr(codec, "MAX_TREE_SIZE", 110)
    for kind, limit in ((Kind.COMMIT, 100), (Kind.TREE, 110), (Kind.TOC, 110), (Kind.MANIFEST, 100)):
        fits = {"a": b"x" * (limit - 5)}
        assert len(encode(fits, kind=kind)) == limit
        assert decode(encode(fits, kind=kind), kind=kind) == fits
        larger = {"a": b"x" * (limit - 4)}
        with pytest.raises(ObjectInvalid, match="too large"):
            encode(larger, kind=kind)
        with pytest.raises(ObjectInvalid, match="too large"):
            decode(msgpack.packb(larger), kind=kind)


def test_only_trees_and_tables_may_be_large() -> None:
    large = {kind for kind in Kind if size_limit(kind) == MAX_TREE_SIZE}
    assert large == {Kind.TREE, Kind.TOC}
    assert {size_limit(kind) for kind in Kind if kind not in large} == {MAX_METADATA_SIZE}


@given(maps, maps, st.data())
def test_damage_is_refused_or_is_another_canonical_value(
    value: dict[str, Any], other: dict[str, Any], data: st.DataObject
) -> None:
    mutated = data.draw(damaged(encode(value, kind=Kind.RUN), encode(other, kind=Kind.RUN)))
    try:
        found = decode(mutated, kind=Kind.RUN)
    except ObjectInvalid:
        return
    assert encode(found, kind=Kind.RUN) == mutated


@given(st.binary(max_size=60))
def test_noise_is_refused_or_canonical(noise: bytes) -> None:
    for data in (noise, b"\x81\xa1a" + noise):
        for shallow in (False, True):
            try:
                found = decode(data, kind=Kind.TREE, shallow=shallow)
            except ObjectInvalid:
                continue
            assert msgpack.packb(found) == data


@given(st.dictionaries(text, scalars))
def test_integers_take_the_shortest_form(value: dict[str, Any]) -> None:
    """Checked against the format specification itself, not against a library."""
    for item in value.values():
        if type(item) is int:
            assert encode({"a": item}, kind=Kind.RUN)[3:] == shortest(item)


def shortest(number: int) -> bytes:
    if 0 <= number < 1 << 7 or -32 <= number < 0:
        return struct.pack(">B", number & 0xFF)
    forms = ["Bcc", "Hcd", "Ice", "Qcf"] if number >= 0 else ["bd0", "hd1", "id2", "qd3"]
    for form in forms:
        try:
            return bytes.fromhex(form[1:]) + struct.pack(">" + form[0], number)
        except struct.error:
            continue
    raise AssertionError("not a number of 64 bits")
