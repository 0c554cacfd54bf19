"""Packs that no session has written: their hashes are right and what they say is not."""

from __future__ import annotations

import random
import struct
import tracemalloc
from collections.abc import Callable

import pytest
import zstandard
from store_bench import Bench

from sovrgit.errors import IntegrityFailure, ObjectInvalid, ObjectMissing
from sovrgit.objects.ids import Kind, ObjectId, blob_id, hash_object
from sovrgit.objects.tree import Tree
from sovrgit.store.format import (
    CHUNK_RECORD_SIZE,
    MAX_PAYLOAD,
    ChunkRecord,
    Codec,
    PackClass,
    Toc,
    chunk_list,
)
from sovrgit.store.packwriter import NewEntry, PackWriter
from sovrgit.store.store import ObjectStore

TYPED = (IntegrityFailure, ObjectMissing)


def forge(bench: Bench, *entries: NewEntry, toc: Callable[[Toc], object] = lambda toc: None) -> ObjectId:
    """Put a pack with these entries, and a table of contents that may lie, into the store."""
    writer = PackWriter(bench.store.temporary, PackClass.CONTENT)
    for entry in entries:
        writer.add(entry)
    toc(writer._toc)
    pack = writer.finish()
    pack.path.rename(bench.store.pack_path(pack.id))
    bench.store.refresh()
    return pack.id


def raw(data: bytes) -> NewEntry:
    return NewEntry(Kind.BLOB, Codec.RAW, 0, len(data), blob_id(data), data)


def listed(whole: bytes, records: list[ChunkRecord], depth: int = 1, size: int | None = None) -> NewEntry:
    return NewEntry(
        Kind.BLOB, Codec.CHUNKS, depth, len(whole) if size is None else size, blob_id(whole), chunk_list(records)
    )


def record(data: bytes) -> ChunkRecord:
    return ChunkRecord(blob_id(data), len(data))


def refused(store: ObjectStore, item: ObjectId, kind: Kind = Kind.BLOB) -> None:
    with pytest.raises(TYPED):
        store.read(item, kind)
    with pytest.raises(TYPED):
        b"".join(store.stream(item))
    with pytest.raises(TYPED):
        for _, data in store.read_many([item]):
            if data is None:
                store.read(item, kind)
    try:
        store.chunks(item)
    except TYPED:
        return


ONE, TWO, SIX = b"1" * 500, b"2" * 500, b"6" * 600
WHOLE = ONE + TWO
PIECES = (raw(ONE), raw(TWO), raw(SIX))


LARGE = 64 << 20


def bomb(size: int) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(bytes(size))


def endless(size: int) -> bytes:
    """A frame that does not say how large its content is."""
    return zstandard.ZstdCompressor(level=1, write_content_size=False).compress(bytes(size))


def understated(size: int, claim: int) -> bytes:
    """A frame that says that its content is smaller than it is."""
    frame = bytearray(bomb(size))
    # The descriptor's upper bits tell that four bytes of content size follow it and the window (RFC 8878, 3.1.1.1).
    assert frame[4] >> 6 == 2 and struct.unpack_from("<I", frame, 6)[0] == size
    struct.pack_into("<I", frame, 6, claim)
    return bytes(frame)


@pytest.mark.parametrize(
    ("payload", "size"),
    [
        (bomb(LARGE), 1000),
        (bomb(LARGE), MAX_PAYLOAD),
        (bomb(LARGE), LARGE),
        (bomb(LARGE), 1 << 62),
        (endless(LARGE), 1000),
        (endless(LARGE), 0),
        (understated(LARGE, 1000), 1000),
        (understated(LARGE, MAX_PAYLOAD), MAX_PAYLOAD),
        (bomb(1000), 1001),
        (bomb(1000)[:-1], 1000),
        (b"", 1000),
        (b"(\xb5/\xfd", 1000),
        (b"no frame at all", 1000),
        (b"\x50\x2a\x4d\x18\x04\x00\x00\x00skip", 0),
    ],
    ids=[
        "a small claim",
        "a large claim",
        "a claim beyond the bound",
        "a claim beyond all bounds",
        "a frame without a claim",
        "a frame without a claim for nothing",
        "a frame that understates",
        "a frame that understates a large claim",
        "a byte too few",
        "cut off",
        "empty",
        "a mark only",
        "no frame",
        "a frame to be skipped",
    ],
)
def test_compressed_bombs(bench: Bench, payload: bytes, size: int) -> None:
    good = raw(b"good" * 100)
    digest = blob_id(bytes(1000))
    forge(bench, NewEntry(Kind.BLOB, Codec.ZSTD, 0, size, digest, payload), good)
    tracemalloc.start()
    try:
        refused(bench.store, digest)
        assert tracemalloc.get_traced_memory()[1] < MAX_PAYLOAD + (8 << 20)
    finally:
        tracemalloc.stop()
    for store in bench.stores():
        assert bytes(store.read(good.id, Kind.BLOB)) == good.payload
        refused(store, digest)


LISTS: dict[str, NewEntry] = {
    "wrong order": listed(WHOLE, [record(TWO), record(ONE)]),
    "a piece missing": listed(WHOLE + b"3" * 500, [record(ONE), record(TWO), record(b"3" * 500)]),
    "a piece too few": listed(WHOLE, [record(ONE)]),
    "a piece too many": listed(WHOLE, [record(ONE), record(TWO), record(SIX)]),
    "a piece repeated": listed(WHOLE, [record(ONE), record(ONE)]),
    "lengths exchanged": listed(ONE + SIX, [ChunkRecord(blob_id(ONE), 600), ChunkRecord(blob_id(SIX), 500)]),
    "a length too small": listed(WHOLE, [record(ONE), ChunkRecord(blob_id(TWO), 499)]),
    "a length of nothing": listed(WHOLE, [record(ONE), ChunkRecord(blob_id(TWO), 0), record(TWO)]),
    "a length beyond all bounds": listed(WHOLE, [ChunkRecord(blob_id(ONE), MAX_PAYLOAD + 1)]),
    "empty": listed(WHOLE, []),
    "empty for nothing": listed(b"", []),
    "cut off": listed(WHOLE, [record(ONE), record(TWO)])._replace(payload=chunk_list([record(ONE), record(TWO)])[:-1]),
    "itself": listed(WHOLE, [record(WHOLE)]),
    "itself and more": listed(WHOLE, [record(WHOLE), record(ONE)], size=1500),
    "itself as a list": listed(WHOLE, [record(WHOLE)], depth=2),
    "itself as a list of lists": listed(WHOLE, [record(WHOLE)] * 50, depth=4, size=50_000),
    "too many levels": listed(WHOLE, [record(ONE), record(TWO)], depth=5),
    "levels beyond all bounds": listed(WHOLE, [record(ONE), record(TWO)], depth=255),
    "data where a list belongs": listed(WHOLE, [record(ONE), record(TWO)], depth=2),
    "a larger whole": listed(WHOLE, [record(ONE), record(TWO)], size=1001),
    "a smaller whole": listed(WHOLE, [record(ONE), record(TWO)], size=999),
    "a whole of nothing": listed(WHOLE, [record(ONE), record(TWO)], size=0),
    "a whole beyond all bounds": listed(WHOLE, [record(ONE), record(TWO)], size=(1 << 63) - 1),
    "of another kind": listed(WHOLE, [record(ONE), record(TWO)])._replace(kind=Kind.TREE),
}


@pytest.mark.parametrize("name", LISTS)
def test_chunk_lists(bench: Bench, name: str) -> None:
    entry = LISTS[name]
    forge(bench, entry, *PIECES)
    for store in bench.stores():
        refused(store, entry.id, entry.kind)
        for piece in PIECES:
            assert bytes(store.read(piece.id, Kind.BLOB)) == piece.payload


def test_the_same_list_without_a_lie_is_good(bench: Bench) -> None:
    forge(bench, listed(WHOLE, [record(ONE), record(TWO)]), *PIECES)
    for store in bench.stores():
        assert b"".join(store.stream(blob_id(WHOLE))) == store.read(blob_id(WHOLE), Kind.BLOB) == WHOLE


def test_two_lists_that_name_each_other(bench: Bench) -> None:
    other = b"o" * 1000
    forge(bench, listed(WHOLE, [record(other)]), listed(other, [record(WHOLE)]))
    for store in bench.stores():
        refused(store, blob_id(WHOLE))
        refused(store, blob_id(other))


def test_a_list_of_one_piece_over_and_over_is_not_joined_beyond_its_size(bench: Bench) -> None:
    piece = bytes(1 << 20)
    forge(bench, listed(WHOLE, [record(piece)] * 4000, size=1000), raw(piece))
    tracemalloc.start()
    try:
        refused(bench.store, blob_id(WHOLE))
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("depth", [1, 2])
def test_a_tree_beyond_all_bounds_is_not_read(bench: Bench, depth: int) -> None:
    piece = bytes(1 << 20) if depth == 1 else chunk_list([record(ONE)] * 4000)
    entry = listed(WHOLE, [record(piece)] * 4000, depth, size=4000 * (1 << 20))._replace(kind=Kind.TREE)
    forge(bench, entry, raw(piece), raw(ONE))
    tracemalloc.start()
    try:
        with pytest.raises(IntegrityFailure, match="too large"):
            bench.store.tree(entry.id)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


def test_a_stream_gives_what_was_verified_and_then_the_error(bench: Bench) -> None:
    forge(bench, listed(WHOLE, [record(TWO), record(ONE)]), *PIECES)
    pieces = bench.store.stream(blob_id(WHOLE))
    assert [bytes(next(pieces)), bytes(next(pieces))] == [TWO, ONE]
    with pytest.raises(IntegrityFailure, match="do not make the whole"):
        next(pieces)


def test_pieces_that_are_sound_and_make_another_whole_are_found_by_a_check(bench: Bench) -> None:
    forge(bench, listed(WHOLE, [record(TWO), record(ONE)]), *PIECES)
    with pytest.raises(IntegrityFailure, match="do not make the whole"):
        bench.store.check_whole(blob_id(WHOLE))


def test_pieces_that_make_the_whole_pass_a_check(bench: Bench) -> None:
    forge(bench, listed(WHOLE, [record(ONE), record(TWO)]), *PIECES)
    bench.store.check_whole(blob_id(WHOLE))


def test_an_entry_that_lies_about_its_kind(bench: Bench) -> None:
    tree = Tree().encode()
    lies = [
        NewEntry(Kind.TREE, Codec.RAW, 0, len(ONE), blob_id(ONE), ONE),
        NewEntry(Kind.BLOB, Codec.RAW, 0, len(tree), hash_object(Kind.COMMIT, tree), tree),
        NewEntry(Kind.COMMIT, Codec.RAW, 0, len(SIX), hash_object(Kind.RUN, SIX), SIX),
    ]
    forge(bench, *lies, raw(TWO))
    for store in bench.stores():
        for lie in lies:
            for kind in Kind:
                with pytest.raises(IntegrityFailure):
                    store.read(lie.id, kind)
            with pytest.raises(IntegrityFailure):
                b"".join(store.stream(lie.id))
            with pytest.raises(IntegrityFailure):
                dict(store.read_many([lie.id]))
        assert bytes(store.read(blob_id(TWO), Kind.BLOB)) == TWO


def test_a_table_that_lies_about_a_kind(bench: Bench) -> None:
    """A tree's own bytes, with a tree's own id, must not be given out as a file's."""
    tree = b"\x81\xa7entries\x90"
    digest = hash_object(Kind.TREE, tree)
    forge(
        bench, NewEntry(Kind.TREE, Codec.RAW, 0, len(tree), digest, tree), toc=lambda toc: toc.kinds.__setitem__(0, 1)
    )
    with pytest.raises(IntegrityFailure):
        bench.store.read(digest, Kind.BLOB)
    with pytest.raises(IntegrityFailure):
        dict(bench.store.read_many([digest]))
    with pytest.raises(IntegrityFailure):
        b"".join(bench.store.stream(digest))


def test_an_object_asked_for_as_another_kind(bench: Bench) -> None:
    [item] = bench.add(b"a blob")
    for kind in set(Kind) - {Kind.BLOB}:
        with pytest.raises(IntegrityFailure, match="blob where"):
            bench.store.read(item, kind)


def test_a_lie_does_not_hide_the_truth(bench: Bench) -> None:
    """Another pack's claim to hold an object, as another kind or with other bytes, costs nothing."""
    forge(bench, NewEntry(Kind.TREE, Codec.RAW, 0, 4, blob_id(ONE), b"lies"))
    forge(bench, NewEntry(Kind.BLOB, Codec.RAW, 0, 4, blob_id(ONE), b"more"))
    forge(bench, raw(ONE), listed(WHOLE, [record(ONE), record(TWO)]))
    for store in bench.stores():
        assert bytes(store.read(blob_id(ONE), Kind.BLOB)) == ONE
        assert bytes(b"".join(store.stream(blob_id(ONE)))) == ONE
        assert dict(store.read_many([blob_id(ONE)])) == {blob_id(ONE): ONE}


TABLES: dict[str, Callable[[Toc], object]] = {
    "a size that no database holds": lambda toc: toc.sizes.__setitem__(1, (1 << 64) - 1),
    "a size just beyond": lambda toc: toc.sizes.__setitem__(1, 1 << 63),
    "an offset beyond the end": lambda toc: toc.offsets.__setitem__(1, (1 << 32) - 1),
    "an offset into another entry": lambda toc: toc.offsets.__setitem__(1, toc.offsets[0] + 7),
    "the offset of another entry": lambda toc: toc.offsets.__setitem__(1, toc.offsets[0]),
    "a length beyond the end": lambda toc: toc.stored.__setitem__(1, (1 << 32) - 1),
    "an unknown kind": lambda toc: toc.kinds.__setitem__(1, 99),
    "an unknown codec": lambda toc: toc.codecs.__setitem__(1, 99),
    "a chunk list that is none": lambda toc: toc.codecs.__setitem__(1, Codec.CHUNKS),
    "a depth that is none": lambda toc: toc.depths.__setitem__(1, 200),
    "a column too short": lambda toc: toc.depths.pop(),
    "ids cut off": lambda toc: toc.ids.pop(),
    "another id": lambda toc: toc.ids.__setitem__(32, toc.ids[32] ^ 1),
    "another pack": lambda toc: setattr(toc, "pack", blob_id(b"")),
    "an entry twice": lambda toc: toc.append(*_row(toc, 1)),
}


def _row(toc: Toc, number: int) -> tuple[int, int, int, int, int, int, bytes]:
    digest, *rest = list(toc.rows())[number]
    return (*rest, digest)  # type: ignore[return-value] # a row of the table, its id last


@pytest.mark.parametrize("name", TABLES)
def test_tables_of_contents(bench: Bench, name: str) -> None:
    forge(bench, *PIECES, toc=TABLES[name])
    for store in bench.stores():
        for piece in (PIECES[0], PIECES[2]):
            assert bytes(store.read(piece.id, Kind.BLOB)) == piece.payload
            assert b"".join(store.stream(piece.id)) == piece.payload
        try:
            assert bytes(store.read(PIECES[1].id, Kind.BLOB)) == PIECES[1].payload
        except TYPED:
            continue


def test_noise_in_the_place_of_a_table(bench: Bench) -> None:
    noise = random.Random(4)
    for length in (0, 1, 50, 5000):
        data = noise.randbytes(length)
        try:
            Toc.decode(data)
        except ObjectInvalid:
            continue
        pytest.fail("noise was taken for a table")


def test_a_record_has_the_size_that_the_format_says() -> None:
    assert CHUNK_RECORD_SIZE == 36
