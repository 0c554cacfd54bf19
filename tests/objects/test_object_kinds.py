"""What holds for every kind of object: round trips, unknown keys, damage, and fields of wrong values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from object_strategies import DECODERS, Encoded, damaged, extras, objects, values

from sovrgit.errors import ObjectInvalid, UnsafeName
from sovrgit.objects import codec
from sovrgit.objects.ids import Kind, hash_object

REFUSED = (ObjectInvalid, UnsafeName)


@given(objects)
def test_decode_reads_what_encode_writes(sample: tuple[Kind, Encoded]) -> None:
    kind, value = sample
    data = value.encode()
    assert DECODERS[kind](data) == value
    assert DECODERS[kind](data).encode() == data
    assert value.id() == hash_object(kind, data)


@given(objects, objects, st.data())
def test_damage_is_refused_or_is_another_object(
    sample: tuple[Kind, Encoded], donor: tuple[Kind, Encoded], data: st.DataObject
) -> None:
    kind, value = sample
    mutated = data.draw(damaged(value.encode(), donor[1].encode()))
    try:
        found = DECODERS[kind](mutated)
    except REFUSED:
        return
    assert found.encode() == mutated


@given(st.sampled_from([*DECODERS]), st.binary(max_size=80))
def test_noise_is_refused(kind: Kind, noise: bytes) -> None:
    try:
        found = DECODERS[kind](noise)
    except REFUSED:
        return
    assert found.encode() == noise


@given(objects, st.data())
def test_fields_of_any_other_value_are_refused_or_kept(sample: tuple[Kind, Encoded], data: st.DataObject) -> None:
    """Damage that is sound msgpack: a field that is gone, or another value anywhere in the object."""
    kind, value = sample
    fields = codec.decode(value.encode(), kind=kind)
    for _ in range(data.draw(st.integers(1, 3))):
        _spoil(fields, data)
    try:
        encoded = codec.encode(fields, kind=kind)
        found = DECODERS[kind](encoded)
    except REFUSED:
        return
    assert found.encode() == encoded


def _spoil(fields: Any, data: st.DataObject) -> None:
    while True:
        keys = [*fields] if isinstance(fields, dict) else [*range(len(fields))]
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        inside = fields[key]
        if isinstance(inside, dict | list) and inside and data.draw(st.booleans()):
            fields = inside
            continue
        match data.draw(st.sampled_from(["drop", "replace", "empty", "add"])):
            case "drop":
                del fields[key]
            case "replace":
                fields[key] = data.draw(values)
            case "empty":
                fields[key] = data.draw(st.sampled_from([type(inside)(), False, 0, "", b"", [], {}]))
            case "add" if isinstance(fields, dict):
                fields[data.draw(st.sampled_from(["reason", "by", "usage", "run", "x"]))] = data.draw(values)
        return


@given(objects, extras)
def test_unknown_keys_are_kept(sample: tuple[Kind, Encoded], extra: dict[str, Any]) -> None:
    kind, value = sample
    newer = codec.encode({**codec.decode(value.encode(), kind=kind), **extra}, kind=kind)
    found = DECODERS[kind](newer)
    assert found.encode() == newer
    assert found.id() == hash_object(kind, newer)


@given(objects, st.sampled_from([False, 0, "", b"", [], {}]))
def test_unknown_keys_that_say_nothing_are_kept_too(sample: tuple[Kind, Encoded], nothing: object) -> None:
    kind, value = sample
    newer = codec.encode({**codec.decode(value.encode(), kind=kind), "x-new": nothing}, kind=kind)
    assert DECODERS[kind](newer).encode() == newer


@given(objects, st.data())
def test_every_object_is_refused_as_any_other_kind(sample: tuple[Kind, Encoded], data: st.DataObject) -> None:
    kind, value = sample
    other = data.draw(st.sampled_from([candidate for candidate in DECODERS if candidate is not kind]))
    with pytest.raises(REFUSED):
        DECODERS[other](value.encode())


@pytest.mark.parametrize("kind", DECODERS)
def test_an_empty_map_is_no_object(kind: Kind) -> None:
    with pytest.raises(ObjectInvalid):
        DECODERS[kind](b"\x80")
