"""Ids: the right hash, in the right mode, written in one way only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovrgit.objects.ids import ID_SIZE, SHORT_DIGITS, Kind, ObjectId, blob_id, hash_object, hasher

# https://github.com/BLAKE3-team/BLAKE3/blob/master/test_vectors/test_vectors.json: the first 32 bytes of `hash`, for
# inputs that repeat 0, 1, … 250.
BLAKE3_VECTORS = {
    0: "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
    1: "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
    2: "7b7015bb92cf0b318037702a6cdd81dee41224f734684c2c122cd6359cb1ee63",
    3: "e1be4d7a8ab5560aa4199eea339849ba8e293d55ca0a81006726d184519e647f",
    1023: "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11",
    1024: "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
    1025: "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444",
}


@pytest.mark.parametrize(("length", "expected"), BLAKE3_VECTORS.items())
def test_file_ids_are_plain_blake3(length: int, expected: str) -> None:
    data = bytes(number % 251 for number in range(length))
    assert str(blob_id(data)) == expected
    assert str(hash_object(Kind.BLOB, data)) == expected


@given(st.binary(max_size=3000))
def test_no_two_kinds_share_an_id(data: bytes) -> None:
    assert len({hash_object(kind, data) for kind in Kind}) == len(Kind)


@given(st.sampled_from(Kind), st.lists(st.binary(max_size=1500), max_size=4))
def test_the_incremental_hasher_agrees(kind: Kind, pieces: list[bytes]) -> None:
    whole = hasher(kind)
    for piece in pieces:
        whole.update(piece)
    assert whole.digest() == hash_object(kind, b"".join(pieces))


@given(st.binary(min_size=ID_SIZE, max_size=ID_SIZE))
def test_parse_reads_what_str_writes(digest: bytes) -> None:
    identity = ObjectId(digest)
    assert ObjectId.parse(str(identity)) == identity == digest
    assert identity.short == str(identity)[:SHORT_DIGITS]
    assert repr(identity) == f"ObjectId({identity})"


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_an_id_has_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        ObjectId(bytes(length))


@pytest.mark.parametrize(
    "written",
    [
        "",
        "ab" * 31,
        "ab" * 33,
        "AB" * 32,
        "xy" * 32,
        "ab " * 21 + "a",
        " " + "ab" * 31 + " ",
        "0x" + "ab" * 31,
        "١٢" * 32,
    ],
)
def test_parse_refuses_every_other_spelling(written: str) -> None:
    with pytest.raises(ValueError, match=r"hexadecimal|32 bytes"):
        ObjectId.parse(written)
