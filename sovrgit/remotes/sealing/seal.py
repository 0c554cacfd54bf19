"""Sealing: from a file to the sealed file, a segment at a time."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from sovrgit.errors import FileUnstable
from sovrgit.remotes.sealing.form import (
    SALT_SIZE,
    SEGMENT_SIZE,
    SealHeader,
    SegmentCipher,
    encode_length,
    padded_length,
)
from sovrgit.remotes.sealing.key import PodKey, Random
from sovrgit.remotes.sealing.labels import Label
from sovrgit.remotes.sealing.padding import USUAL, Padding
from sovrgit.remotes.sealing.places import new_file, regular_file
from sovrgit.store.files import reporting, write_all


def seal(
    source: Path,
    target: Path,
    key: PodKey,
    label: Label,
    *,
    padding: Padding | None = None,
    random: Random = os.urandom,
) -> int:
    """Seal a file into a new file, which is not synced; its size in bytes, which `form.sealed_size` gives beforehand.

    Args:
        label: which file it is; it can be opened as no other.
        padding: if not what is usual for its purpose.

    Raises:
        FileUnstable: if the source is written to meanwhile.
        StorageFull, ReadOnly, StorageFailure: as the operating system reports; nothing is left behind.
    """
    steps = USUAL[label.purpose] if padding is None else padding

    def pieces() -> Iterator[bytes]:
        with reporting(source), regular_file(source) as file:
            yield from sealed_pieces(file, os.fstat(file.fileno()).st_size, key, label, steps, random)
            if file.read(1):
                raise FileUnstable(path=source)

    written = 0
    with new_file(target) as descriptor:
        for piece in pieces():
            write_all(descriptor, piece)
            written += len(piece)
    return written


def seal_bytes(
    data: bytes, key: PodKey, label: Label, *, padding: Padding | None = None, random: Random = os.urandom
) -> bytes:
    """The sealed file of a small file."""
    steps = USUAL[label.purpose] if padding is None else padding
    return b"".join(sealed_pieces(io.BytesIO(data), len(data), key, label, steps, random))


def sealed_pieces(
    source: BinaryIO, size: int, key: PodKey, label: Label, padding: Padding, random: Random = os.urandom
) -> Iterator[bytes]:
    """The sealed file of the next `size` bytes of a source, in pieces of a segment.

    Every call makes another file, since each has a key of its own: what was cut off begins anew.

    Raises:
        FileUnstable: if the source has fewer.
        OSError: as the source gives cause.
    """
    header = SealHeader(key.fingerprint, random(SALT_SIZE))
    cipher = SegmentCipher(key, label, header)
    yield header.encode()
    left = padded_length(size, padding)
    for plaintext in _plaintext(source, size, left):
        left -= len(plaintext)
        yield cipher.encrypt(plaintext, last=not left)


def _plaintext(source: BinaryIO, size: int, length: int) -> Iterator[bytearray]:
    """The length of a file, its bytes, and zeros: `length` bytes in segments, of which only the last may be short."""
    segment = bytearray(encode_length(size))
    while length:
        wanted = min(SEGMENT_SIZE, length)
        while size and len(segment) < wanted:
            data = source.read(min(size, wanted - len(segment)))
            if not data:
                raise FileUnstable(path=getattr(source, "name", "what is to be sealed"))
            size -= len(data)
            segment += data
        segment += bytes(wanted - len(segment))
        length -= wanted
        yield segment
        segment = bytearray()
