"""What goes into a store comes out of it: any size, any mixture, in one piece or many."""

from __future__ import annotations

import io
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_bench import Bench

from sovrgit.errors import IntegrityFailure
from sovrgit.objects.ids import Kind, ObjectId, blob_id, hash_object
from sovrgit.objects.tree import EntryKind, Tree, TreeEntry
from sovrgit.store.chunking import BLOCK
from sovrgit.store.chunklists import MAX_LIST, ChunkLists
from sovrgit.store.format import CHUNK_FROM, CHUNK_RECORD_SIZE, SMALL, ChunkRecord, Codec, PackClass
from sovrgit.store.repack import repack
from sovrgit.store.store import EMPTY_TREE_ID, ObjectStore

AROUND = sorted(
    {threshold + step for threshold in (64, SMALL, 64 << 10, CHUNK_FROM) for step in (-1, 0, 1)}
    | {0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 12345}
)


def source(data: bytes) -> Callable[[memoryview], int]:
    return io.BytesIO(data).readinto


def content(size: int, form: str) -> bytes:
    if form == "text":
        return (b"the same line again and again\n" * (size // 30 + 1))[:size]
    noise = random.Random(size).randbytes(size)
    # Compressible at the ends only, where no sample is taken.
    return noise if form == "noise" else bytes(size // 4) + noise[: size - size // 4]


@pytest.mark.parametrize("form", ["text", "noise", "half"])
def test_every_threshold(bench: Bench, form: str) -> None:
    blobs = [content(size, form) for size in AROUND]
    with bench.store.session() as batch:
        added = [batch.add(Kind.BLOB, blob) for blob in blobs]
        streamed = [batch.add_stream(source(blob)) for blob in blobs]
        batch.commit()
    assert added == [ObjectId(blake3(blob).digest()) for blob in blobs]
    assert streamed == [(digest, len(blob)) for digest, blob in zip(added, blobs, strict=True)]
    for store in bench.stores():
        for digest, blob in zip(added, blobs, strict=True):
            assert store.size(digest) == len(blob)
            assert bytes(store.read(digest, Kind.BLOB)) == blob
            assert b"".join(store.stream(digest)) == blob
        for digest, data in store.read_many(added):
            expected = blobs[added.index(digest)]
            assert data == expected if data is not None else len(expected) >= CHUNK_FROM


@pytest.mark.parametrize("size", [size for size in AROUND if size < CHUNK_FROM])
def test_a_stream_comes_first_and_the_same_bytes_later(bench: Bench, size: int) -> None:
    data = content(size, "noise")
    with bench.store.session() as batch:
        digest, _ = batch.add_stream(source(data))
        assert batch.add(Kind.BLOB, data) == digest
        batch.commit()
    assert bench.read(digest) == data
    assert b"".join(bench.store.stream(digest)) == data


def test_a_stream_that_gives_a_byte_at_a_time_is_cut_alike(bench: Bench, tiny: None, noise: random.Random) -> None:
    data = noise.randbytes(9000)
    first = bench.add(data)[0]
    rest = io.BytesIO(data)
    with bench.store.session() as batch:
        assert batch.add_stream(lambda view: rest.readinto(view[:1])) == (first, len(data))
        assert not batch.commit()


def test_content_and_metadata_go_into_packs_of_their_own(bench: Bench) -> None:
    small, large = b"s" * SMALL, random.Random(1).randbytes(SMALL + 1)
    with bench.store.session() as batch:
        tree = batch.add(Kind.TREE, Tree.of([TreeEntry(b"a", EntryKind.FILE, blob_id(small), SMALL)]).encode())
        ids = [batch.add(Kind.BLOB, small), batch.add(Kind.BLOB, large)]
        packs = batch.commit()
    assert sorted(pack.kind for pack in packs) == [PackClass.METADATA, PackClass.CONTENT]
    kinds = {info.id: info.kind for info in bench.store.packs()}
    assert [kinds[bench.store.location(item).pack] for item in (tree, *ids)] == [
        PackClass.METADATA,
        PackClass.METADATA,
        PackClass.CONTENT,
    ]
    assert bench.store.counts() == {Kind.TREE: 1, Kind.BLOB: 2, Kind.TOC: 1}


def test_a_large_tree_is_chunked_and_read_whole(bench: Bench, tiny: None) -> None:
    tree = Tree.of(TreeEntry(b"%05d" % n, EntryKind.FILE, blob_id(b"%d" % n), n) for n in range(400))
    with bench.store.session() as batch:
        digest = batch.add(Kind.TREE, tree.encode())
        batch.commit()
    assert digest == tree.id() == hash_object(Kind.TREE, tree.encode())
    assert bench.store.location(digest).codec is Codec.CHUNKS
    assert bench.reopen(fresh=True).tree(digest) == tree
    with pytest.raises(IntegrityFailure):
        b"".join(bench.store.stream(digest))


def test_the_empty_tree_need_not_be_stored(bench: Bench) -> None:
    assert bench.store.tree(EMPTY_TREE_ID) == Tree()


def test_a_batch_that_adds_nothing_makes_no_pack(bench: Bench) -> None:
    with bench.store.session() as batch:
        assert batch.commit() == []
    bench.add(b"x" * 100, b"y" * 10_000)
    before = bench.packs()
    bench.add(b"x" * 100, b"y" * 10_000)
    bench.reopen()
    bench.add(b"y" * 10_000)
    assert bench.packs() == before


def test_new_objects_are_counted_once(bench: Bench) -> None:
    with bench.store.session() as batch:
        batch.add(Kind.BLOB, b"one")
        batch.add(Kind.BLOB, b"one")
        batch.add(Kind.BLOB, b"three")
        assert (batch.new_objects, batch.new_bytes) == (2, 8)
        assert batch.has(blob_id(b"one")) and not bench.store.has(blob_id(b"one"))
        batch.commit()
    assert bench.store.has(blob_id(b"one"))


def test_an_insertion_stores_little_anew(bench: Bench, noise: random.Random) -> None:
    data = noise.randbytes(24 << 20)
    bench.add(data)
    middle = len(data) // 2
    edited = data[:middle] + noise.randbytes(64 << 10) + data[middle:]
    with bench.store.session() as batch:
        digest = batch.add(Kind.BLOB, edited)
        batch.commit()
        assert 64 << 10 <= batch.new_bytes < 2 << 20
    assert blake3(bench.read(digest)).digest() == digest == blob_id(edited)


@pytest.mark.parametrize(
    ("size", "depth"), [(1200, 1), (2500, 2), (16_000, 3), (200_000, 4)], ids=["flat", "two", "three", "four"]
)
def test_lists_of_lists(bench: Bench, tiny: None, noise: random.Random, size: int, depth: int) -> None:
    data = noise.randbytes(size)
    digest = bench.add(data)[0]
    for store in bench.stores():
        location = store.location(digest)
        assert (location.codec, location.depth) == (Codec.CHUNKS, depth)
        assert bytes(store.read(digest, Kind.BLOB)) == data
        assert b"".join(store.stream(digest)) == data


def test_placed_objects_are_read_in_the_order_given(bench: Bench, tiny: None, noise: random.Random) -> None:
    # Small ones are read together, chunked ones are left to the caller: none of them comes before its turn.
    items = bench.add(b"one", b"two", noise.randbytes(4000), b"three", noise.randbytes(3000), b"four")
    places = [(bench.store.location(item), item) for item in items]
    for order in (places, places[::-1]):
        assert [item for item, _ in bench.store.read_placed(order)] == [item for _, item in order]


def test_everything_that_a_chunked_object_needs_is_named(bench: Bench, tiny: None, noise: random.Random) -> None:
    digest = bench.add(noise.randbytes(16_000))[0]
    assert bench.store.location(digest).depth == 3
    needed = {digest, *bench.store.chunks(digest)}
    places = [(bench.store.location(item), item) for item in needed]
    elsewhere = Bench(bench.folder.parent / "elsewhere")
    for pack in repack(bench.store, elsewhere.store.temporary, places):
        pack.path.rename(elsewhere.store.pack_path(pack.id))
        elsewhere.store.adopt([(pack.id, pack.toc)])
    assert elsewhere.read(digest) == bench.read(digest)
    assert bench.store.chunks(bench.add(b"whole")[0]) == []


def test_the_longest_list_holds_whole_records_and_fits_an_entry(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real bound is no multiple of a record's size: a list that is cut there must still be readable."""
    assert MAX_LIST % CHUNK_RECORD_SIZE
    stored: list[bytes] = []

    def store(piece: bytes) -> ObjectId:
        stored.append(piece)
        return blob_id(piece)

    lists = ChunkLists(store)
    record = ChunkRecord(blob_id(b""), 1)
    count = MAX_LIST // CHUNK_RECORD_SIZE
    for _ in range(count + 1):
        lists.append(record)
    depth, top = lists.finish()
    assert depth == 2
    assert [len(piece) for piece in stored] == [count * CHUNK_RECORD_SIZE, CHUNK_RECORD_SIZE]
    assert len(top) == 2 * CHUNK_RECORD_SIZE


def test_many_packs_from_one_batch(bench: Bench, tiny: None, noise: random.Random) -> None:
    blobs = [noise.randbytes(noise.choice((10, 100, 600, 3000))) for _ in range(120)]
    ids = bench.add(*blobs)
    assert len(bench.packs()) > 10
    assert bench.stray() == []
    store = bench.reopen(fresh=True)
    assert [bytes(store.read(item, Kind.BLOB)) for item in ids] == blobs
    found = dict(store.read_many(ids))
    assert {item: data for item, data in found.items() if data is not None} == {
        item: blob for item, blob in zip(ids, blobs, strict=True) if len(blob) < 1024
    }


def test_read_many_gives_each_object_once_in_the_order_of_the_packs(bench: Bench) -> None:
    ids = bench.add(*(b"%d" % n * 20 for n in range(200)))
    found = [item for item, _ in bench.store.read_many(ids + ids)]
    assert sorted(found) == sorted(ids) and found == ids


def test_prefixes(bench: Bench) -> None:
    ids = bench.add(*(b"%d" % n for n in range(300)))
    for digits in (1, 2, 3, 64):
        prefix = str(ids[7])[:digits]
        expected = sorted(item for item in ids if str(item).startswith(prefix))
        assert bench.store.starting_with(prefix, 500) == [(item, Kind.BLOB) for item in expected]
    assert len(bench.store.starting_with("", 5)) == 5


Addition = tuple[Kind, bool, bytes]
ADDITIONS = st.lists(
    st.tuples(
        st.sampled_from([Kind.BLOB, Kind.BLOB, Kind.COMMIT]),
        st.booleans(),
        st.one_of(
            st.binary(max_size=80),
            st.builds(
                lambda seed, size, period: (random.Random(seed).randbytes(period) * (size // period + 1))[:size],
                st.integers(0, 5),
                st.integers(0, 7000),
                st.sampled_from([7, 900, 7000]),
            ),
        ),
    ),
    max_size=25,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(batches=st.lists(ADDITIONS, min_size=1, max_size=4))
def test_any_batches_read_back(tiny: None, batches: list[list[Addition]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder) / "store")
        expected: dict[ObjectId, tuple[Kind, bytes]] = {}
        for additions in batches:
            with bench.store.session() as batch:
                for kind, streaming, data in additions:
                    digest = batch.add_stream(source(data), kind)[0] if streaming else batch.add(kind, data)
                    assert digest == hash_object(kind, data)
                    expected[digest] = (kind, data)
                batch.commit()
        assert bench.stray() == []
        rows: set[object] = set()
        for store in bench.stores():
            _check_all(store, expected)
            rows.add(frozenset((info.id, tuple(store.contents(info.id))) for info in store.packs()))
        assert len(rows) == 1
        bench.store.close()


def _check_all(store: ObjectStore, expected: dict[ObjectId, tuple[Kind, bytes]]) -> None:
    for digest, (kind, data) in expected.items():
        assert store.kind(digest) is kind
        assert store.size(digest) == len(data)
        assert bytes(store.read(digest, kind)) == data
    blobs = {digest: data for digest, (kind, data) in expected.items() if kind is Kind.BLOB}
    for digest, data in store.read_many(blobs):
        assert b"".join(store.stream(digest)) == blobs.pop(digest)
        assert data is None or data == expected[digest][1]
    assert not blobs
