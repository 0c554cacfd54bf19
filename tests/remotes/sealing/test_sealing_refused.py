"""Whatever is not exactly what was sealed is refused, and nothing that was not sealed is given out."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sealing_lab import KEY, LABELS, LIMIT, OTHER_KEY, PACK, given_out, noise, opened, parts, sealed

from sovrgit.errors import KeyNeeded, SealBroken, SovrError, Unsupported
from sovrgit.remotes.sealing.form import (
    SEAL_HEADER_SIZE,
    SealHeader,
    SegmentCipher,
    encode_length,
    largest_sealed,
    sealed_with,
)
from sovrgit.remotes.sealing.labels import Label
from sovrgit.remotes.sealing.padding import Padding
from sovrgit.remotes.sealing.unseal import Unsealer

SMALL = sealed(noise(37), salt=bytes(range(32)))
CONTENT, OTHER_CONTENT = noise(200_000), noise(200_001)[::-1]
LARGE, OTHER = sealed(CONTENT, salt=b"1" * 32), sealed(OTHER_CONTENT, salt=b"2" * 32)
HEADER, SEGMENTS = parts(LARGE)
OTHER_HEADER, OTHER_SEGMENTS = parts(OTHER)


def refused(data: bytes, cuts: list[int] | None = None, content: bytes = CONTENT) -> None:
    """Assert that this is refused, and that what was given out before is what stands at the beginning."""
    found, error = given_out(data, cuts or [])
    assert type(error) is SealBroken, repr(error)
    assert content.startswith(found)
    assert found != content or len(data) > len(LARGE)


def test_every_bit_counts() -> None:
    for place in range(len(SMALL) * 8):
        changed = bytearray(SMALL)
        changed[place // 8] ^= 1 << place % 8
        found, error = given_out(bytes(changed), [])
        assert type(error) is SealBroken, f"bit {place}: {error!r}"
        assert not found


@settings(max_examples=200)
@given(st.integers(0, len(LARGE) * 8 - 1), st.lists(st.integers(0, len(LARGE)), max_size=3))
def test_every_bit_of_a_large_file_counts(place: int, cuts: list[int]) -> None:
    changed = bytearray(LARGE)
    changed[place // 8] ^= 1 << place % 8
    refused(bytes(changed), cuts)


def test_nothing_may_be_cut_off() -> None:
    for size in range(len(SMALL)):
        found, error = given_out(SMALL[:size], [])
        assert type(error) is SealBroken
        assert not found


@given(st.integers(0, len(LARGE) - 1))
def test_nothing_of_a_large_file_may_be_cut_off(size: int) -> None:
    refused(LARGE[:size])


@pytest.mark.parametrize("count", range(len(SEGMENTS)))
@pytest.mark.parametrize("off", [-1, 0, 1, 16])
def test_nothing_may_be_cut_off_near_a_border(count: int, off: int) -> None:
    refused(LARGE[: SEAL_HEADER_SIZE + sum(map(len, SEGMENTS[:count])) + off])


def test_padding_may_not_be_cut_off_either() -> None:
    header, segments = parts(sealed(noise(131_073), padding=Padding.COARSE))
    assert len(segments) == 4
    found, error = given_out(header + b"".join(segments[:3]), [])
    assert type(error) is SealBroken
    assert noise(131_073).startswith(found)


@given(st.binary(min_size=1, max_size=100))
def test_nothing_may_be_added(more: bytes) -> None:
    refused(LARGE + more)
    assert type(given_out(SMALL + more, [])[1]) is SealBroken


PARTS = [*SEGMENTS, *OTHER_SEGMENTS, b"", SEGMENTS[0][:16]]


@settings(max_examples=200)
@given(st.sampled_from([HEADER, OTHER_HEADER]), st.lists(st.sampled_from(PARTS), max_size=6))
def test_segments_belong_to_their_file_and_place(header: bytes, segments: list[bytes]) -> None:
    data = header + b"".join(segments)
    assume(data not in (LARGE, OTHER))
    refused(data, content=CONTENT if header == HEADER else OTHER_CONTENT)


@pytest.mark.parametrize(
    "order", [[1, 0, 2, 3], [0, 2, 1, 3], [0, 1, 3, 2], [0, 0, 1, 2, 3], [0, 1, 3], [1, 2, 3], [3]]
)
def test_segments_keep_their_order(order: list[int]) -> None:
    assert len(SEGMENTS) == 4
    refused(HEADER + b"".join(SEGMENTS[place] for place in order))


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("asked", LABELS)
def test_a_file_is_opened_as_what_it_is_only(label: Label, asked: Label) -> None:
    data = sealed(b"content", label)
    if label == asked:
        assert opened(data, asked) == b"content"
    else:
        with pytest.raises(SealBroken, match="another file than its name says"):
            opened(data, asked)


def test_another_key_is_told_from_damage() -> None:
    with pytest.raises(KeyNeeded) as raised:
        opened(sealed(b"content", key=OTHER_KEY))
    assert OTHER_KEY.fingerprint[:10] in raised.value.message
    assert KEY.fingerprint[:10] in raised.value.message
    assert raised.value.message.startswith(f"pack {PACK.name[:10]} is private: ")


def test_a_fingerprint_that_lies_does_not_help() -> None:
    """A server puts the right fingerprint before a file that is sealed with a key that it has."""
    _, segments = parts(sealed(b"content", key=OTHER_KEY))
    with pytest.raises(SealBroken):
        opened(SealHeader(KEY.fingerprint, bytes(32)).encode() + segments[0])


def forged(fields: bytes) -> bytes:
    """A header of these fields with the right checksum, before the segments of a good file."""
    return fields + struct.pack("<I", zlib.crc32(fields)) + SMALL[SEAL_HEADER_SIZE:]


def changed(place: int, value: int) -> bytes:
    fields = bytearray(SMALL[: SEAL_HEADER_SIZE - 4])
    fields[place] ^= value
    return forged(bytes(fields))


def test_headers_with_the_right_checksum() -> None:
    assert opened(changed(0, 0)) == noise(37)
    cases: dict[int, type[SovrError]] = {0: SealBroken, 8: Unsupported, 9: SealBroken, 12: KeyNeeded, 75: SealBroken}
    for place, kind in cases.items():
        with pytest.raises(kind):
            opened(changed(place, 1))


@pytest.mark.parametrize("data", [b"", b"S", b"SOVRSEAL", SMALL[:79]])
def test_what_is_cut_off_in_the_header(data: bytes) -> None:
    with pytest.raises(SealBroken, match="it is cut off"):
        opened(data)


@pytest.mark.parametrize("data", [b"SOVRPACK" + bytes(200), b"\x89manifest", b"plain"])
def test_what_is_not_sealed_is_not_taken(data: bytes) -> None:
    assert sealed_with(data, "it") is None
    with pytest.raises(SealBroken, match="it is not sealed"):
        opened(data)


def test_a_damaged_header_names_no_key() -> None:
    with pytest.raises(SealBroken):
        sealed_with(SMALL[:40], "it")
    with pytest.raises(SealBroken):
        sealed_with(SMALL[:20] + b"?" + SMALL[21:], "it")
    with pytest.raises(Unsupported):
        sealed_with(changed(8, 3), "it")


def written(*plaintexts: bytes) -> bytes:
    """A file with these segments by somebody who has the key and does as they like."""
    header = SealHeader(KEY.fingerprint, bytes(32))
    cipher = SegmentCipher(KEY, PACK, header)
    *others, last = plaintexts
    segments = [cipher.encrypt(other, last=False) for other in others] + [cipher.encrypt(last, last=True)]
    return header.encode() + b"".join(segments)


@pytest.mark.parametrize(
    ("plaintexts", "reason"),
    [
        ((b"",), "it does not say its size"),
        ((encode_length(1)[:7],), "it does not say its size"),
        ((encode_length(4) + b"abc",), "it holds less than it says"),
        ((encode_length((1 << 64) - 1) + b"abc",), "and 16777216 are the most"),
        ((encode_length(LIMIT + 1) + b"abc",), "and 16777216 are the most"),
        ((encode_length(3) + b"abc\0\0x",), "there is something behind its end"),
        ((encode_length(3) + b"abc" + bytes(65525), bytes(9) + b"x"), "there is something behind its end"),
    ],
)
def test_who_has_the_key_is_bounded_too(plaintexts: tuple[bytes, ...], reason: str) -> None:
    assert opened(written(encode_length(3) + b"abc" + bytes(9))) == b"abc"
    with pytest.raises(SealBroken, match=reason):
        opened(written(*plaintexts))


def test_what_is_too_large_is_refused_before_it_is_read() -> None:
    data = sealed(noise(200_000), padding=Padding.COARSE)
    assert len(opened(data, limit=200_000)) == 200_000
    with pytest.raises(SealBroken, match="199999 are the most"):
        opened(data, limit=199_999)
    found = bytearray()
    unsealer = Unsealer(KEY, PACK, found.extend, limit=100)
    with pytest.raises(SealBroken, match="larger than it should be"):
        unsealer.feed(bytes(largest_sealed(100) + 1))
    assert not found


def test_nothing_is_taken_after_a_refusal_or_the_end() -> None:
    unsealer = Unsealer(KEY, PACK, lambda _: None, limit=LIMIT)
    with pytest.raises(SealBroken):
        unsealer.feed(HEADER + SEGMENTS[1] + SEGMENTS[0])
    for again in (lambda: unsealer.feed(b"x"), unsealer.finish):
        with pytest.raises(SealBroken, match="before"):
            again()
    ended = Unsealer(KEY, PACK, lambda _: None, limit=LIMIT)
    ended.feed(SMALL)
    assert ended.finish() == 37
    for again in (lambda: ended.feed(b"x"), ended.finish):
        with pytest.raises(SealBroken, match="before"):
            again()


def test_what_could_not_be_written_is_not_skipped() -> None:
    found: list[bytes] = []

    def write(data: bytes) -> None:
        found.append(data)
        if len(found) == 2:
            raise OSError(28, "full")

    unsealer = Unsealer(KEY, PACK, write, limit=LIMIT)
    with pytest.raises(OSError, match="full"):
        unsealer.feed(LARGE)
    with pytest.raises(SealBroken):
        unsealer.finish()
    assert len(found) == 2


def test_messages_name_the_file() -> None:
    with pytest.raises(SealBroken) as raised:
        Unsealer(KEY, PACK, lambda _: None, limit=1, what="the manifest of `fairos:mine`").finish()
    assert raised.value.message == "the manifest of `fairos:mine` is not as it was sealed: it is cut off"
    assert raised.value.exit_code == 89
    with pytest.raises(SealBroken, match=r"^the manifest is not as it was sealed: "):
        opened(b"plain", LABELS[0])
