"""Ways to spoil bytes: blindly, and as somebody would who knows what they are."""

from __future__ import annotations

import contextlib
import json
from random import Random
from typing import Any

import msgpack

_NUMBERS = (0, 1, 2, 7, 8, 127, 128, 255, 256, 65535, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 63) - 1, (1 << 64) - 1, -1)
_TEXTS = (
    "",
    ".",
    "..",
    ".sovr",
    "a/b",
    "/",
    "\0",
    "refs/heads/main",
    "\u202e",
    "\U0010ffff",
    "x" * 5000,
    "1e999",
    "[@]",
)
_PIECES = (
    b"",
    b"\0",
    b"\n",
    b"\xff" * 8,
    b"\xc0",
    b"\x91" * 2000,
    b"\xdf\xff\xff\xff\xff",
    b"[" * 3000,
    b'{"a":' * 2000,
)
_PIECES += (
    b"*" * 40,
    b"**/" * 20,
    b"a*" * 30,
    b"[!",
    b"\\",
    b'"',
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"9" * 5000,
    b"NaN",
)


def mutated(data: bytes, random: Random, others: list[bytes]) -> bytes:
    """The data with one to four changes."""
    for _ in range(random.randint(1, 4)):
        data = random.choice(_WAYS)(data, random, others)
    return data[: 1 << 20]


def _flip(data: bytes, random: Random, others: list[bytes]) -> bytes:
    if not data:
        return b"\0"
    changed = bytearray(data)
    changed[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _set(data: bytes, random: Random, others: list[bytes]) -> bytes:
    if not data:
        return b"\xff"
    changed = bytearray(data)
    changed[random.randrange(len(data))] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))
    return bytes(changed)


def _number(data: bytes, random: Random, others: list[bytes]) -> bytes:
    size = random.choice((1, 2, 4, 8))
    at = random.randint(0, max(len(data) - size, 0))
    value = random.choice(_NUMBERS) & ((1 << 8 * size) - 1)
    return data[:at] + value.to_bytes(size, random.choice(("little", "big"))) + data[at + size :]


def _cut(data: bytes, random: Random, others: list[bytes]) -> bytes:
    first, second = sorted((random.randint(0, len(data)), random.randint(0, len(data))))
    return data[:first] if random.random() < 0.3 else data[:first] + data[second:]


def _insert(data: bytes, random: Random, others: list[bytes]) -> bytes:
    at = random.randint(0, len(data))
    return data[:at] + random.choice(_PIECES) + data[at:]


def _repeat(data: bytes, random: Random, others: list[bytes]) -> bytes:
    first, second = sorted((random.randint(0, len(data)), random.randint(0, len(data))))
    return data[:second] + data[first:second] * random.choice((1, 2, 20)) + data[second:]


def _splice(data: bytes, random: Random, others: list[bytes]) -> bytes:
    other = random.choice(others)
    return data[: random.randint(0, len(data))] + other[random.randint(0, len(other)) :]


def _structure(data: bytes, random: Random, others: list[bytes]) -> bytes:
    """A value inside msgpack or JSON replaced by another, so that the whole stays readable."""
    for read, write in ((_from_msgpack, msgpack.packb), (json.loads, _to_json)):
        # Neither form, or too deep for the one who writes it: the next way, then.
        with contextlib.suppress(ValueError, TypeError, OverflowError, RecursionError):
            changed: bytes = write(_changed(read(data), random))
            return changed
    return _flip(data, random, others)


def _from_msgpack(data: bytes) -> Any:
    return msgpack.unpackb(data, strict_map_key=False)


def _to_json(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


def _changed(value: Any, random: Random) -> Any:
    if isinstance(value, dict) and value and random.random() < 0.9:
        key = random.choice(list(value))
        way = random.random()
        if way < 0.1:
            return {name: item for name, item in value.items() if name != key}
        if way < 0.2:
            return dict(sorted({**value, random.choice(_TEXTS): value[key]}.items(), key=lambda item: str(item[0])))
        return {**value, key: _changed(value[key], random)}
    if isinstance(value, list) and value and random.random() < 0.9:
        at = random.randrange(len(value))
        way = random.random()
        if way < 0.1:
            return value[:at] + value[at + 1 :]
        if way < 0.2:
            return value[:at] + [value[at]] * random.choice((2, 3, 100)) + value[at:]
        return [*value[:at], _changed(value[at], random), *value[at + 1 :]]
    if isinstance(value, bytes) and random.random() < 0.6:
        return _flip(value, random, [])
    nested: Any = random.choice(([], {}, [[]], {"a": {}}))
    return random.choice((*_NUMBERS, *_TEXTS, b"", bytes(32), True, False, nested))


_WAYS = (_flip, _set, _number, _cut, _insert, _repeat, _splice, _structure, _structure, _structure)
