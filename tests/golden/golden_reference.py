"""A second opinion: the canonical encoding and BLAKE3, written from their specifications without the libraries in use.

Slow and short. BLAKE3: https://github.com/BLAKE3-team/BLAKE3-specs/blob/master/blake3.pdf, sections 2.1 to 2.6.
"""

from __future__ import annotations

import struct
from typing import Any


def encode(value: Any) -> bytes:
    """The canonical encoding of a value, as `docs/internals/format.md` lays it down."""
    match value:
        case bool():
            return b"\xc3" if value else b"\xc2"
        case int():
            return _integer(value)
        case str():
            text = value.encode()
            return _length(len(text), 0xA0, 32, (0xD9, 0xDA, 0xDB)) + text
        case bytes():
            return _length(len(value), None, 0, (0xC4, 0xC5, 0xC6)) + value
        case list() | tuple():
            return _length(len(value), 0x90, 16, (None, 0xDC, 0xDD)) + b"".join(map(encode, value))
        case dict():
            pairs = sorted((key.encode(), key) for key in value)
            inside = b"".join(encode(key) + encode(value[key]) for _, key in pairs)
            return _length(len(value), 0x80, 16, (None, 0xDE, 0xDF)) + inside
    raise AssertionError(f"a value of type {type(value).__name__}")


def _integer(number: int) -> bytes:
    if -32 <= number < 128:
        return bytes([number & 0xFF])
    for width, (unsigned, signed) in {1: (0xCC, 0xD0), 2: (0xCD, 0xD1), 4: (0xCE, 0xD2), 8: (0xCF, 0xD3)}.items():
        if 0 <= number < 1 << 8 * width:
            return bytes([unsigned]) + number.to_bytes(width)
        if -(1 << 8 * width - 1) <= number < 0:
            return bytes([signed]) + number.to_bytes(width, signed=True)
    raise AssertionError(f"{number} has more than 64 bits")


def _length(length: int, fixed: int | None, below: int, forms: tuple[int | None, int, int]) -> bytes:
    if fixed is not None and length < below:
        return bytes([fixed | length])
    for width, form in zip((1, 2, 4), forms, strict=True):
        if form is not None and length < 1 << 8 * width:
            return bytes([form]) + length.to_bytes(width)
    raise AssertionError("too long")


_IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
_ORDER = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
_MIXES = (
    *((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)),
    *((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)),
)
_CHUNK_START, _CHUNK_END, _PARENT, _ROOT = 1, 2, 4, 8
_CONTEXT, _MATERIAL = 32, 64
_MASK = 0xFFFFFFFF

_Words = tuple[int, ...]


def blake3(data: bytes) -> bytes:
    """Plain BLAKE3 with 32 bytes of output."""
    return _hash(data, _IV, 0)


def blake3_derive_key(context: str, data: bytes) -> bytes:
    """BLAKE3 in key-derivation mode with 32 bytes of output."""
    key = struct.unpack("<8I", _hash(context.encode(), _IV, _CONTEXT))
    return _hash(data, key, _MATERIAL)


def _hash(data: bytes, key: _Words, flags: int) -> bytes:
    words = _subtree(data, 0, key, flags, _ROOT)
    return struct.pack("<8I", *words)


def _subtree(data: bytes, counter: int, key: _Words, flags: int, root: int) -> _Words:
    if len(data) <= 1024:
        return _chunk(data, counter, key, flags, root)
    left = 1024
    while left * 2 < len(data):
        left *= 2
    below = _subtree(data[:left], counter, key, flags, 0) + _subtree(data[left:], counter + left // 1024, key, flags, 0)
    return _compress(key, below, 0, 64, flags | _PARENT | root)


def _chunk(data: bytes, counter: int, key: _Words, flags: int, root: int) -> _Words:
    blocks = [data[start : start + 64] for start in range(0, len(data), 64)] or [b""]
    chaining = key
    for number, block in enumerate(blocks):
        first = _CHUNK_START if number == 0 else 0
        last = _CHUNK_END | root if number == len(blocks) - 1 else 0
        words = struct.unpack("<16I", block.ljust(64, b"\0"))
        chaining = _compress(chaining, words, counter, len(block), flags | first | last)
    return chaining


def _compress(chaining: _Words, words: _Words, counter: int, length: int, flags: int) -> _Words:
    state = [*chaining, *_IV[:4], counter & _MASK, counter >> 32, length, flags]
    for _ in range(7):
        for mix, (a, b, c, d) in enumerate(_MIXES):
            for step, (right, left) in enumerate(((16, 12), (8, 7))):
                state[a] = (state[a] + state[b] + words[2 * mix + step]) & _MASK
                state[d] = _rotate(state[d] ^ state[a], right)
                state[c] = (state[c] + state[d]) & _MASK
                state[b] = _rotate(state[b] ^ state[c], left)
        words = tuple(words[place] for place in _ORDER)
    return tuple(state[place] ^ state[place + 8] for place in range(8))


def _rotate(word: int, bits: int) -> int:
    return (word >> bits | word << 32 - bits) & _MASK
