"""A second opinion on sealed files: opened as `docs/internals/sealing.md` says, without the code or libraries in use.

Slow and short. ChaCha20 and Poly1305: RFC 8439, sections 2.1 to 2.8. BLAKE3 is that of `golden_reference`.
"""

from __future__ import annotations

import base64
import struct
import zlib

import golden_reference
from golden_reference import blake3_derive_key

_KEYED = 16
_MASK = 0xFFFFFFFF
_PRIME = (1 << 130) - 5
_CLAMP = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
_COLUMNS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15))
_DIAGONALS = ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))


class Refused(Exception):
    """Bytes that are not a sealed file, or not this one."""


def blake3_keyed(key: bytes, data: bytes) -> bytes:
    """BLAKE3 in keyed mode with 32 bytes of output."""
    return golden_reference._hash(data, struct.unpack("<8I", key), _KEYED)


def text_of_key(key: bytes) -> str:
    """The key as text."""
    check = blake3_derive_key("sovrgit pod key check v1", key)[:3]
    return "k1" + base64.b32encode(key + check).decode().lower()


def fingerprint(key: bytes) -> bytes:
    """The fingerprint of a key."""
    return blake3_derive_key("sovrgit pod key fingerprint v1", key)


def hidden_name(key: bytes, purpose: str, name: str) -> str:
    """The name under which a file is stored."""
    return blake3_keyed(blake3_derive_key("sovrgit sealed names v1", key), _label(purpose, name)).hex()


def unseal(data: bytes, key: bytes, purpose: str, name: str) -> bytes:
    """What was sealed.

    Raises:
        Refused: if `data` is anything but the sealed file.
    """
    header = data[:80]
    if len(header) < 80 or header[0:8] != b"SOVRSEAL" or header[8] != 1 or any(header[9:12]):
        raise Refused("header")
    if header[12:44] != fingerprint(key) or int.from_bytes(header[76:80], "little") != zlib.crc32(header[:76]):
        raise Refused("key or checksum")
    file_key = blake3_keyed(blake3_derive_key("sovrgit sealed files v1", key), header + _label(purpose, name))
    plaintext = b""
    segments = [data[start : start + 65_552] for start in range(80, len(data), 65_552)]
    if not segments:
        raise Refused("no segment")
    for number, segment in enumerate(segments):
        last = number == len(segments) - 1
        nonce = number.to_bytes(8, "little") + int(last).to_bytes(4, "little")
        plaintext += open_segment(file_key, nonce, segment)
    size = int.from_bytes(plaintext[:8], "little")
    if len(plaintext) < 8 + size or any(plaintext[8 + size :]):
        raise Refused("length or padding")
    return plaintext[8 : 8 + size]


def open_segment(key: bytes, nonce: bytes, segment: bytes) -> bytes:
    """What ChaCha20-Poly1305 has encrypted, without additional data.

    Raises:
        Refused: if the tag is wrong.
    """
    if len(segment) < 16:
        raise Refused("no tag")
    encrypted, tag = segment[:-16], segment[-16:]
    signed = encrypted + bytes(-len(encrypted) % 16) + struct.pack("<QQ", 0, len(encrypted))
    if poly1305(chacha20(key, nonce, 0)[:32], signed) != tag:
        raise Refused("tag")
    stream = b"".join(chacha20(key, nonce, 1 + number) for number in range(-(-len(encrypted) // 64)))
    return bytes(a ^ b for a, b in zip(encrypted, stream, strict=False))


def chacha20(key: bytes, nonce: bytes, counter: int) -> bytes:
    """A block of 64 bytes of the key stream."""
    start = struct.unpack("<16I", b"expand 32-byte k" + key + struct.pack("<I", counter) + nonce)
    state = list(start)
    for _ in range(10):
        for a, b, c, d in _COLUMNS + _DIAGONALS:
            for add, mix, bits in ((b, d, 16), (d, b, 12), (b, d, 8), (d, b, 7)):
                # The same step four times: a += b, d ^= a; then c += d, b ^= c; and again with fewer bits.
                into = a if add == b else c
                state[into] = (state[into] + state[add]) & _MASK
                word = state[mix] ^ state[into]
                state[mix] = (word << bits | word >> 32 - bits) & _MASK
    return struct.pack("<16I", *((one + other) & _MASK for one, other in zip(start, state, strict=True)))


def poly1305(key: bytes, data: bytes) -> bytes:
    """The tag of `data`."""
    r, s = int.from_bytes(key[:16], "little") & _CLAMP, int.from_bytes(key[16:], "little")
    total = 0
    for start in range(0, len(data), 16):
        total = (total + int.from_bytes(data[start : start + 16] + b"\1", "little")) * r % _PRIME
    return ((total + s) & (1 << 128) - 1).to_bytes(16, "little")


def _label(purpose: str, name: str) -> bytes:
    return bytes([len(purpose)]) + purpose.encode() + name.encode()
