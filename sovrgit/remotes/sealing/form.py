"""The layout of a sealed file, in bytes: a header, and segments that are encrypted each by itself.

The construction is STREAM (https://eprint.iacr.org/2015/189, section 7), as age uses it: the number of a segment and
whether it is the last one are its nonce, under a key that no other file has.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

from blake3 import blake3

from sovrgit.errors import SealBroken, Unsupported
from sovrgit.objects.ids import Data
from sovrgit.remotes.sealing.key import PodKey
from sovrgit.remotes.sealing.labels import Label
from sovrgit.remotes.sealing.padding import Padding, rounded

SEAL_MAGIC = b"SOVRSEAL"
SEAL_VERSION = 1
FILES_CONTEXT = "sovrgit sealed files v1"

SALT_SIZE = 32
"""Bytes of chance in each file: with them it has a key of its own."""

SEGMENT_SIZE = 64 << 10
"""Bytes of plaintext in every segment but the last."""

TAG_SIZE = 16
"""Bytes that a segment grows by when it is encrypted: they prove that it is whole and in its place."""

_FIELDS = struct.Struct("<8sB3x32s32s")
_CRC = struct.Struct("<I")
_LENGTH = struct.Struct("<Q")
_NONCE = struct.Struct("<QI")

SEAL_HEADER_SIZE = _FIELDS.size + _CRC.size
LENGTH_SIZE = _LENGTH.size
SEALED_SEGMENT_SIZE = SEGMENT_SIZE + TAG_SIZE


class SealHeader(NamedTuple):
    """What everybody can read of a sealed file."""

    fingerprint: str
    salt: bytes

    def encode(self) -> bytes:
        """The bytes at the beginning of the file."""
        fields = _FIELDS.pack(SEAL_MAGIC, SEAL_VERSION, bytes.fromhex(self.fingerprint), self.salt)
        return fields + _CRC.pack(zlib.crc32(fields))

    @classmethod
    def decode(cls, data: bytes, what: str) -> SealHeader:
        """The header of a sealed file. It proves nothing yet.

        Raises:
            SealBroken: if it is none, or damaged.
            Unsupported: if it is of a later version.
        """
        if data[: len(SEAL_MAGIC)] != SEAL_MAGIC[: len(data)]:
            raise SealBroken(what=what, reason="it is not sealed")
        if len(data) < SEAL_HEADER_SIZE:
            raise SealBroken(what=what, reason="it is cut off")
        fields, (crc,) = data[: _FIELDS.size], _CRC.unpack_from(data, _FIELDS.size)
        # Not against forgery: it tells damage from another version or another key.
        if zlib.crc32(fields) != crc:
            raise SealBroken(what=what, reason="its header is damaged")
        _, version, fingerprint, salt = _FIELDS.unpack(fields)
        if version != SEAL_VERSION:
            reason = f"this is version {version}, and version {SEAL_VERSION} is known here"
            raise Unsupported(what="this form of sealed files", reason=reason, hint="use a newer version of `sovr`")
        header = cls(fingerprint.hex(), salt)
        if header.encode() != data[:SEAL_HEADER_SIZE]:
            raise SealBroken(what=what, reason="its header says something of which nothing is known here")
        return header


def sealed_with(data: bytes, what: str) -> str | None:
    """The fingerprint of the key that a file says it is sealed with, or None if it is not sealed.

    For finding the key, and for telling people that one is needed. Whoever has a key already takes nothing that is not
    sealed with it: the place could otherwise put anything there.

    Args:
        data: the beginning of the file.

    Raises:
        SealBroken: if it begins as sealed files do and is damaged.
        Unsupported: if it is of a later version.
    """
    return SealHeader.decode(data, what).fingerprint if data.startswith(SEAL_MAGIC) else None


def sealed_size(size: int, padding: Padding) -> int:
    """Bytes of the sealed file of a file of `size` bytes."""
    inside = padded_length(size, padding)
    segments = -(-inside // SEGMENT_SIZE)
    return SEAL_HEADER_SIZE + inside + segments * TAG_SIZE


def largest_sealed(limit: int) -> int:
    """The most bytes that the sealed file of a file of at most `limit` bytes may have, whatever its padding."""
    return sealed_size(limit, Padding.COARSE)


def padded_length(size: int, padding: Padding) -> int:
    """Bytes of plaintext in a sealed file: the length, the file, and zeros."""
    return rounded(LENGTH_SIZE + size, padding)


def encode_length(size: int) -> bytes:
    """The first bytes of the plaintext."""
    return _LENGTH.pack(size)


def decode_length(plaintext: bytes) -> int:
    """Bytes of the file, by what the plaintext begins with."""
    return int(_LENGTH.unpack_from(plaintext)[0])


class SegmentCipher:
    """Encrypts or decrypts the segments of one file, one after the other, in the order in which they stand.

    Raises:
        Unsupported: if the system's library leaves out what is needed.
    """

    def __init__(self, key: PodKey, label: Label, header: SealHeader) -> None:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

        own = blake3(header.encode() + label.encode(), key=key.derived(FILES_CONTEXT)).digest()
        try:
            self._cipher = ChaCha20Poly1305(own)
        except UnsupportedAlgorithm:
            reason = "the library for encryption on this machine has no ChaCha20-Poly1305"
            raise Unsupported(what="a private pod", reason=reason) from None
        self._number = 0

    def encrypt(self, plaintext: Data, *, last: bool) -> bytes:
        """The next segment."""
        return self._cipher.encrypt(self._nonce(last), plaintext, None)

    def decrypt(self, segment: Data, *, last: bool) -> bytes | None:
        """What the next segment holds, or None if it is not the segment that belongs here."""
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(self._nonce(last), segment, None)
        except InvalidTag:
            return None

    def _nonce(self, last: bool) -> bytes:
        number, self._number = self._number, self._number + 1
        return _NONCE.pack(number, last)
