"""Keys, labels and files of private pods for the tests."""

from __future__ import annotations

import itertools
import os

from sovrgit.objects.ids import blob_id
from sovrgit.remotes.sealing.form import SEAL_HEADER_SIZE, SEALED_SEGMENT_SIZE, SEGMENT_SIZE
from sovrgit.remotes.sealing.key import PodKey
from sovrgit.remotes.sealing.labels import MANIFEST, Label, Purpose
from sovrgit.remotes.sealing.padding import Padding
from sovrgit.remotes.sealing.seal import seal_bytes
from sovrgit.remotes.sealing.unseal import Unsealer, unseal_bytes

KEY = PodKey(bytes(range(32)))
OTHER_KEY = PodKey(bytes(range(1, 33)))
PACK = Label.of_pack(blob_id(b"a pack"))
LABELS = (MANIFEST, PACK, Label.of_pack(blob_id(b"another")), Label(Purpose.MANIFEST, PACK.name))

LIMIT = 1 << 24
"""Bytes; more than any file of the tests has."""

FIRST_BORDER = SEGMENT_SIZE - 8
"""Bytes that fit into one segment, beside the length."""


def noise(size: int) -> bytes:
    """Bytes without a pattern, the same in every run."""
    from blake3 import blake3

    return blake3(b"noise").digest(length=size)


def sealed(
    data: bytes,
    label: Label = PACK,
    padding: Padding | None = Padding.NONE,
    key: PodKey = KEY,
    salt: bytes | None = None,
) -> bytes:
    return seal_bytes(data, key, label, padding=padding, random=lambda size: salt or os.urandom(size))


def opened(data: bytes, label: Label = PACK, key: PodKey = KEY, limit: int = LIMIT) -> bytes:
    return unseal_bytes(data, key, label, limit=limit)


def given_out(data: bytes, cuts: list[int], label: Label = PACK) -> tuple[bytes, Exception | None]:
    """What is given out of a file that comes in pieces, cut at these places, and how it ends."""
    found = bytearray()
    unsealer = Unsealer(KEY, label, found.extend, limit=LIMIT)
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    try:
        for start, end in itertools.pairwise(places):
            unsealer.feed(data[start:end])
        unsealer.finish()
    except Exception as error:
        return bytes(found), error
    return bytes(found), None


def parts(data: bytes) -> tuple[bytes, list[bytes]]:
    """The header and the segments of a sealed file."""
    places = range(SEAL_HEADER_SIZE, len(data), SEALED_SEGMENT_SIZE)
    return data[:SEAL_HEADER_SIZE], [data[place : place + SEALED_SEGMENT_SIZE] for place in places]
