"""The canonical encoding: one value, one sequence of bytes.

msgpack (https://github.com/msgpack/msgpack/blob/master/spec.md) narrowed down: maps with text keys sorted by their
UTF-8 bytes, the shortest form of every integer and length, no floats, no nil, no extension types.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgpack

from sovrgit.errors import ObjectInvalid
from sovrgit.objects.ids import ID_SIZE, Kind, ObjectId

Value: TypeAlias = Any
"""What the encoding can hold: bool, int, str, bytes, lists and maps of these."""

MAX_DEPTH = 8
"""Levels of lists and maps in an object. The deepest that is defined, a run record, uses five."""

MAX_METADATA_SIZE = 16 << 20
"""Bytes in an encoded commit, run, tag or verdict."""

MAX_TREE_SIZE = 256 << 20
"""Bytes in an encoded tree: about four million entries in one folder."""

_MIN_INT = -(1 << 63)
_MAX_INT = (1 << 64) - 1


class _NotCanonical(ValueError):
    """Raised inside the decoder with the reason for refusing."""


def encode(value: Mapping[str, Value], *, kind: Kind) -> bytes:
    """The canonical bytes of an object's map.

    Raises:
        ObjectInvalid: if the map holds what the encoding cannot express.
    """
    try:
        data: bytes = msgpack.packb(_canonical(value, 1), use_bin_type=True)
    except (_NotCanonical, UnicodeEncodeError) as error:
        raise ObjectInvalid(kind=kind.label, reason=str(error)) from None
    if len(data) > size_limit(kind):
        raise ObjectInvalid(kind=kind.label, reason=f"{len(data)} bytes are too large")
    return data


def decode(data: bytes, *, kind: Kind, shallow: bool = False) -> dict[str, Value]:
    """The map that `data` encodes; every other sequence of bytes is refused.

    With `shallow` the caller promises to check the types inside the values itself (a tree does, for speed).

    Raises:
        ObjectInvalid: if `data` is not canonical, too deep, too large, or not a map.
    """
    if len(data) > size_limit(kind):
        raise ObjectInvalid(kind=kind.label, reason=f"{len(data)} bytes are too large")
    try:
        value = msgpack.unpackb(
            data,
            raw=False,
            strict_map_key=True,
            object_pairs_hook=_ordered_map,
            ext_hook=_refuse_extension,
            max_str_len=len(data),
            max_bin_len=len(data),
            max_array_len=len(data),
            max_map_len=len(data),
        )
        if not isinstance(value, dict):
            raise _NotCanonical("not a map")
        if not shallow:
            check_value(value)
        if msgpack.packb(value, use_bin_type=True) != data:
            raise _NotCanonical("not the canonical encoding")
    except _NotCanonical as error:
        raise ObjectInvalid(kind=kind.label, reason=str(error)) from None
    except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException) as error:
        raise ObjectInvalid(kind=kind.label, reason=f"not msgpack ({type(error).__name__})") from None
    return value


def size_limit(kind: Kind) -> int:
    """The largest encoding of an object of `kind`, in bytes."""
    return MAX_TREE_SIZE if kind in (Kind.TREE, Kind.TOC) else MAX_METADATA_SIZE


def check_value(value: Value, depth: int = 1) -> None:
    """Check that a decoded value has only what the encoding allows.

    Raises:
        ValueError: with the reason, if it has not.
    """
    kind = type(value)
    if kind is str or kind is bytes or kind is int or kind is bool:
        # What msgpack gives for an integer has 64 bits at most.
        return
    if depth > MAX_DEPTH:
        raise _NotCanonical("nested too deeply")
    if kind is dict:
        for item in value.values():
            check_value(item, depth + 1)
    elif kind is list:
        for item in value:
            check_value(item, depth + 1)
    else:
        raise _NotCanonical(f"a value of type {kind.__name__}")


def _canonical(value: Value, depth: int) -> Value:
    if isinstance(value, bool | str | bytes):
        return value
    if isinstance(value, int):
        if not _MIN_INT <= value <= _MAX_INT:
            raise _NotCanonical("an integer of more than 64 bits")
        return int(value)
    if depth > MAX_DEPTH:
        raise _NotCanonical("nested too deeply")
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise _NotCanonical("a key that is not text")
        return {key: _canonical(value[key], depth + 1) for key in sorted(value, key=_utf8)}
    if isinstance(value, list | tuple):
        return [_canonical(item, depth + 1) for item in value]
    raise _NotCanonical(f"a value of type {type(value).__name__}")


def _utf8(text: str) -> bytes:
    return text.encode("utf-8")


def _ordered_map(pairs: list[tuple[Value, Value]]) -> dict[str, Value]:
    previous = None
    for key, _ in pairs:
        if not isinstance(key, str):
            raise _NotCanonical("a key that is not text")
        encoded = key.encode("utf-8")
        if previous is not None and encoded <= previous:
            raise _NotCanonical("keys that are repeated or out of order")
        previous = encoded
    return dict(pairs)


def _refuse_extension(code: int, data: bytes) -> Value:
    raise _NotCanonical(f"extension type {code}")


class Fields:
    """Takes the known fields out of a decoded map, checking types; what is left is kept as unknown.

    Every method raises ObjectInvalid if the field has a wrong type, or is absent and has no default.
    """

    __slots__ = ("_kind", "_map")

    def __init__(self, kind: Kind, values: dict[str, Value]) -> None:
        self._kind = kind
        self._map = dict(values)

    def rest(self) -> dict[str, Value]:
        """The fields that nobody took: written by a newer version, to be kept."""
        return self._map

    def has(self, key: str) -> bool:
        """Whether the field is there."""
        return key in self._map

    def text(self, key: str, default: str | None = None) -> str:
        """A text field."""
        value: str = self._take(key, str, default)
        return value

    def integer(self, key: str, default: int | None = None, *, minimum: int = _MIN_INT) -> int:
        """An integer field that is at least `minimum`."""
        value: int = self._take(key, int, default)
        if isinstance(value, bool) or value < minimum:
            self._fail(key, "is out of range")
        return value

    def flag(self, key: str) -> bool:
        """A flag: present and true, or absent."""
        if key not in self._map:
            return False
        if self._map.pop(key) is not True:
            self._fail(key, "must be true or absent")
        return True

    def data(self, key: str) -> bytes:
        """A required field of bytes."""
        value: bytes = self._take(key, bytes, None)
        return value

    def id(self, key: str) -> ObjectId:
        """A required id."""
        return self._to_id(key, self._take(key, bytes, None))

    def optional_id(self, key: str) -> ObjectId | None:
        """An id, or None if absent."""
        return self.id(key) if key in self._map else None

    def ids(self, key: str) -> tuple[ObjectId, ...]:
        """A list of ids; absent means empty, an empty list is not canonical."""
        return tuple(self._to_id(key, value) for value in self.items(key, bytes))

    def items(self, key: str, of: type) -> list[Value]:
        """A list whose items are all of one type; absent means empty, an empty list is not canonical."""
        if key not in self._map:
            return []
        values = self._take(key, list, None)
        if not values:
            self._fail(key, "is an empty list and should be absent")
        for value in values:
            if type(value) is not of:
                self._fail(key, f"holds a {type(value).__name__}")
        result: list[Value] = values
        return result

    def mapping(self, key: str) -> dict[str, Value]:
        """A map; absent means empty, an empty map is not canonical."""
        if key not in self._map:
            return {}
        values: dict[str, Value] = self._take(key, dict, None)
        if not values:
            self._fail(key, "is an empty map and should be absent")
        return values

    def text_map(self, key: str) -> dict[str, str]:
        """A map from text to text; absent means empty."""
        values = self.mapping(key)
        for value in values.values():
            if type(value) is not str:
                self._fail(key, f"holds a {type(value).__name__}")
        return values

    def nested(self, key: str) -> Fields:
        """The fields of a required map."""
        return Fields(self._kind, self._take(key, dict, None))

    def done(self) -> None:
        """Refuse unknown fields, where none are allowed."""
        if self._map:
            self._fail(min(self._map), "is not known here")

    def _take(self, key: str, of: type, default: Value) -> Value:
        if key not in self._map:
            if default is None:
                self._fail(key, "is missing")
            return default
        value = self._map.pop(key)
        if type(value) is not of:
            self._fail(key, f"is a {type(value).__name__}")
        if default is not None and value == default:
            self._fail(key, "is empty or zero and should be absent")
        return value

    def _to_id(self, key: str, value: bytes) -> ObjectId:
        if len(value) != ID_SIZE:
            self._fail(key, "is not an id")
        return ObjectId(value)

    def _fail(self, key: str, reason: str) -> None:
        raise ObjectInvalid(kind=self._kind.label, reason=f"`{key}` {reason}")


def without_defaults(values: Mapping[str, Value]) -> dict[str, Value]:
    """The map without fields that say nothing: None, False, and empty text, lists and maps are left out."""
    return {key: value for key, value in values.items() if not _is_default(value)}


def _is_default(value: Value) -> bool:
    return value is None or value is False or (isinstance(value, str | bytes | tuple | list | dict) and not value)
