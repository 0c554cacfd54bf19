"""A gallery of damaged packs. Each is met with a typed error, never with wrong data, and costs only what it hit."""

from __future__ import annotations

import errno
import os
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_bench import Bench

from sovrgit.errors import IntegrityFailure, ObjectMissing, StorageFailure
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.store.format import ENTRY_HEADER_SIZE, MAX_PACK, TRAILER_SIZE, Codec
from sovrgit.store.packreader import PackReader
from sovrgit.store.store import ObjectStore

TYPED = (IntegrityFailure, ObjectMissing)
NUMBERS = range(5)


class Pack(NamedTuple):
    """A content pack of five blobs, the first compressed, and where the entries begin and end."""

    path: Path
    data: bytes
    ids: list[ObjectId]
    blobs: list[bytes]
    starts: list[int]
    end: int


def make_pack(bench: Bench, seed: int = 3) -> Pack:
    noise = random.Random(seed)
    blobs = [b"%d text" % seed * 5000] + [noise.randbytes(9000 + n) for n in NUMBERS[1:]]
    ids = bench.add(*blobs)
    locations = [bench.store.location(item) for item in ids]
    assert [location.codec for location in locations] == [Codec.ZSTD] + [Codec.RAW] * 4
    path = bench.store.pack_path(locations[0].pack)
    end = locations[-1].offset + ENTRY_HEADER_SIZE + locations[-1].stored
    return Pack(path, path.read_bytes(), ids, blobs, [location.offset for location in locations], end)


def check(store: ObjectStore, pack: Pack, lost: set[int]) -> None:
    """Every way of reading gives the data or a typed error, exactly for the objects that are lost."""
    for number, item in enumerate(pack.ids):
        if number in lost:
            with pytest.raises(TYPED):
                store.read(item, Kind.BLOB)
            with pytest.raises(TYPED):
                b"".join(store.stream(item))
            # In bulk only the hash counts: a damaged header does no harm to what follows it.
            try:
                found = dict(store.read_many([item]))
            except TYPED:
                pass
            else:
                assert bytes(found[item] or b"") == pack.blobs[number]
            with pytest.raises(TYPED):
                store.raw_entry(store.location(item), item)
        else:
            assert bytes(store.read(item, Kind.BLOB)) == pack.blobs[number]
            assert b"".join(store.stream(item)) == pack.blobs[number]
    kept = [item for number, item in enumerate(pack.ids) if number not in lost]
    assert {item: bytes(data or b"") for item, data in store.read_many(kept)} == {
        item: blob for item, blob in zip(pack.ids, pack.blobs, strict=True) if item in kept
    }


def flipped(data: bytes, *places: int) -> bytes:
    damaged = bytearray(data)
    for place in places:
        damaged[place] ^= 0x10
    return bytes(damaged)


def _second(pack: Pack, offset: int) -> int:
    return pack.starts[2] + offset


GALLERY: dict[str, tuple[Callable[[Pack], bytes], set[int]]] = {
    "payload bit": (lambda p: flipped(p.data, _second(p, ENTRY_HEADER_SIZE + 100)), {2}),
    "compressed payload bit": (lambda p: flipped(p.data, p.starts[0] + ENTRY_HEADER_SIZE + 9), {0}),
    "entry mark": (lambda p: flipped(p.data, _second(p, 0)), {2}),
    "entry kind": (lambda p: flipped(p.data, _second(p, 1)), {2}),
    "entry length": (lambda p: flipped(p.data, _second(p, 5)), {2}),
    "entry id": (lambda p: flipped(p.data, _second(p, 20)), {2}),
    "entry checksum": (lambda p: flipped(p.data, _second(p, ENTRY_HEADER_SIZE - 1)), {2}),
    "toc header": (lambda p: flipped(p.data, p.end), set()),
    "toc payload": (lambda p: flipped(p.data, p.end + ENTRY_HEADER_SIZE + 40), set()),
    "toc and an entry": (lambda p: flipped(p.data, p.end + ENTRY_HEADER_SIZE + 40, _second(p, 30)), {2}),
    "toc and a payload": (lambda p: flipped(p.data, p.end + 3, _second(p, 500)), {2}),
    "trailer offset": (lambda p: flipped(p.data, len(p.data) - TRAILER_SIZE), set()),
    "trailer count": (lambda p: flipped(p.data, len(p.data) - TRAILER_SIZE + 4), set()),
    "trailer checksum": (lambda p: flipped(p.data, len(p.data) - TRAILER_SIZE + 8), set()),
    "end mark": (lambda p: flipped(p.data, len(p.data) - 1), set()),
    "pack mark": (lambda p: flipped(p.data, 0), set()),
    "pack version": (lambda p: flipped(p.data, 8), set()),
    "pack class": (lambda p: flipped(p.data, 9), set()),
    "truncated in an entry": (lambda p: p.data[: p.starts[3] + 1000], {3, 4}),
    "truncated in an entry header": (lambda p: p.data[: p.starts[3] + 10], {3, 4}),
    "truncated between entries": (lambda p: p.data[: p.starts[3]], {3, 4}),
    "truncated in the toc": (lambda p: p.data[: p.end + 60], set()),
    "truncated by a byte": (lambda p: p.data[:-1], set()),
    "truncated in the pack header": (lambda p: p.data[:10], set(NUMBERS)),
    "truncated to nothing": (lambda p: b"", set(NUMBERS)),
    "a sector of zeros": (lambda p: p.data[: _second(p, 200)] + bytes(4096) + p.data[_second(p, 4296) :], {2}),
    "bytes inserted": (lambda p: p.data[: _second(p, 90)] + b"?" * 7 + p.data[_second(p, 90) :], {2}),
    "bytes appended": (lambda p: p.data + b"\xa7" * 999, set()),
    "nothing but noise": (lambda p: random.Random(0).randbytes(len(p.data)), set(NUMBERS)),
    "nothing but entry marks": (lambda p: b"\xa7" * 50_000, set(NUMBERS)),
    "another file": (lambda p: b"PK\x03\x04" + bytes(30_000), set(NUMBERS)),
}


@pytest.mark.parametrize("fresh", [False, True], ids=["catalogue kept", "catalogue made anew"])
@pytest.mark.parametrize("name", GALLERY)
def test_gallery(bench: Bench, name: str, fresh: bool) -> None:
    pack = make_pack(bench)
    damage, lost = GALLERY[name]
    bench.store.close()
    bench.rewrite(pack.path, damage(pack))
    check(bench.reopen(fresh=fresh), pack, lost)
    with PackReader(pack.path, ObjectId.parse(pack.path.stem)) as reader:
        assert reader.digest() != reader.id


@pytest.mark.parametrize("name", ["payload bit", "truncated in an entry", "truncated to nothing", "bytes inserted"])
def test_damage_while_the_pack_is_open(bench: Bench, name: str) -> None:
    pack = make_pack(bench)
    check(bench.store, pack, set())
    damage, lost = GALLERY[name]
    # Not replaced but changed under the open descriptor: a mapped file would end the process here.
    pack.path.chmod(0o600)
    pack.path.write_bytes(damage(pack))
    check(bench.store, pack, lost)


def test_what_was_lost_is_found_again_when_the_pack_is_whole_again(bench: Bench) -> None:
    pack = make_pack(bench)
    bench.store.close()
    bench.rewrite(pack.path, GALLERY["truncated in an entry"][0](pack))
    check(bench.reopen(fresh=True), pack, {3, 4})
    bench.rewrite(pack.path, pack.data)
    bench.store.rebuild()
    check(bench.store, pack, set())


@pytest.mark.parametrize("fresh", [False, True])
def test_a_pack_that_is_gone(bench: Bench, fresh: bool) -> None:
    gone, kept = make_pack(bench, 1), make_pack(bench, 2)
    bench.store.close()
    gone.path.unlink()
    store = bench.reopen(fresh=fresh)
    check(store, kept, set())
    for item in gone.ids:
        with pytest.raises(ObjectMissing):
            store.read(item, Kind.BLOB)
        assert not store.has(item)


def test_a_pack_that_goes_while_the_store_is_open(bench: Bench) -> None:
    gone, kept = make_pack(bench, 1), make_pack(bench, 2)
    gone.path.unlink()
    for item in gone.ids:
        with pytest.raises(ObjectMissing):
            bench.store.read(item, Kind.BLOB)
        with pytest.raises(ObjectMissing):
            b"".join(bench.store.stream(item))
        with pytest.raises(ObjectMissing):
            dict(bench.store.read_many([item]))
    check(bench.store, kept, set())


@pytest.mark.parametrize("fresh", [False, True])
def test_the_content_of_two_packs_swapped(bench: Bench, fresh: bool) -> None:
    one, two = make_pack(bench, 1), make_pack(bench, 2)
    bench.store.close()
    bench.rewrite(one.path, two.data)
    bench.rewrite(two.path, one.data)
    store = bench.reopen(fresh=fresh)
    check(store, one, set())
    check(store, two, set())
    for pack in (one, two):
        with PackReader(pack.path, ObjectId.parse(pack.path.stem)) as reader:
            assert reader.digest() != reader.id


@pytest.mark.parametrize("fresh", [False, True])
def test_a_pack_under_the_name_of_another(bench: Bench, fresh: bool) -> None:
    pack = make_pack(bench)
    pack.path.rename(pack.path.with_name("ab" * 32 + ".pack"))
    check(bench.reopen(fresh=fresh), pack, set())


@pytest.mark.parametrize(
    "name",
    ["z" * 64 + ".pack", "A" * 64 + ".pack", " " * 64 + ".pack", "ab.pack", ".pack", "notes.txt", "é" * 64 + ".pack"],
)
def test_a_file_with_a_name_that_no_pack_has(bench: Bench, name: str) -> None:
    gone, kept = make_pack(bench, 1), make_pack(bench, 2)
    gone.path.rename(gone.path.with_name(name))
    store = bench.reopen()
    check(store, gone, set(NUMBERS))
    check(store, kept, set())


def test_a_folder_in_the_place_of_a_pack(bench: Bench) -> None:
    gone, kept = make_pack(bench, 1), make_pack(bench, 2)
    gone.path.unlink()
    gone.path.mkdir()
    check(bench.reopen(fresh=True), kept, set())


def test_a_pack_that_has_grown_beyond_all_bounds(bench: Bench) -> None:
    pack = make_pack(bench)
    pack.path.chmod(0o600)
    os.truncate(pack.path, MAX_PACK + 1)
    check(bench.reopen(fresh=True), pack, set())


@pytest.mark.parametrize("damaged_first", [True, False])
@pytest.mark.parametrize("name", ["payload bit", "entry id", "truncated to nothing", "truncated in an entry"])
def test_of_two_copies_the_good_one_is_used(bench: Bench, tmp_path: Path, name: str, damaged_first: bool) -> None:
    pack = make_pack(bench)
    other = Bench(tmp_path / "other")
    twin = other.add(*pack.blobs, b"and one more" * 1000)
    twin_path = other.store.pack_path(other.store.location(twin[0]).pack)
    other.store.close()
    copy = bench.store.packs_folder / twin_path.name
    copy.write_bytes(twin_path.read_bytes())
    bench.store.refresh()
    first, second = bench.store._shelf.catalogue.find(pack.ids[2])
    assert (bench.store.pack_path(first.pack), bench.store.pack_path(second.pack)) == (pack.path, copy)
    target = pack.path if damaged_first else copy
    bench.rewrite(target, GALLERY[name][0](pack._replace(data=target.read_bytes())))
    for store in bench.stores():
        check(store, pack, set())


def test_a_damaged_chunk_list_has_a_good_copy(bench: Bench, tmp_path: Path, tiny: None, noise: random.Random) -> None:
    data = noise.randbytes(2000)
    digest = bench.add(data)[0]
    other = Bench(tmp_path / "other")
    other.add(data, b"another pack")
    for path in other.packs():
        (bench.store.packs_folder / path.name).write_bytes(path.read_bytes())
    other.store.close()
    bench.store.refresh()
    location = bench.store.location(digest)
    path = bench.store.pack_path(location.pack)
    for place in (0, 31, 33, 35):
        good = path.read_bytes()
        bench.rewrite(path, flipped(good, location.offset + ENTRY_HEADER_SIZE + place))
        for store in bench.stores():
            assert bytes(store.read(digest, Kind.BLOB)) == b"".join(store.stream(digest)) == data
            assert store.chunks(digest)
        bench.rewrite(path, good)


def _refusing(monkeypatch: pytest.MonkeyPatch, begin: int, end: int) -> None:
    real = os.pread

    def pread(descriptor: int, length: int, offset: int) -> bytes:
        if offset < end and offset + length > begin:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(descriptor, length, offset)

    monkeypatch.setattr(os, "pread", pread)


def test_a_bad_sector_in_a_payload(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = make_pack(bench)
    with monkeypatch.context() as patch:
        _refusing(patch, pack.starts[2] + 500, pack.starts[2] + 1012)
        for number, item in enumerate(pack.ids):
            if number == 2:
                with pytest.raises((StorageFailure, *TYPED)):
                    bench.store.read(item, Kind.BLOB)
            else:
                assert bytes(bench.store.read(item, Kind.BLOB)) == pack.blobs[number]
    bench.store.rebuild()
    check(bench.store, pack, set())


def test_a_bad_sector_in_the_table_of_contents(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = random.Random(9)
    blobs = [noise.randbytes(60_000) for _ in range(12)]
    ids = bench.add(*blobs)
    path = bench.store.pack_path(bench.store.location(ids[0]).pack)
    size = path.stat().st_size
    with monkeypatch.context() as patch:
        _refusing(patch, size - 100, size)
        store = bench.reopen(fresh=True)
        for item, blob in zip(ids[:-2], blobs, strict=False):
            assert bytes(store.read(item, Kind.BLOB)) == blob


def test_a_pack_that_may_not_be_opened(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = make_pack(bench)
    real = os.open

    def refuse(path: os.PathLike[str], *arguments: int) -> int:
        if Path(path) == pack.path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path, *arguments)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StorageFailure, match="permission denied"):
        bench.store.read(pack.ids[0], Kind.BLOB)


CHANGES = st.lists(
    st.tuples(st.sampled_from(["flip", "zero", "cut", "insert", "move"]), st.floats(0, 1), st.integers(1, 3000)),
    min_size=1,
    max_size=4,
)


def _apply(data: bytes, change: str, where: float, length: int) -> bytes:
    place = int(where * (len(data) - 1)) if data else 0
    if change == "flip" and data:
        return flipped(data, place)
    if change == "zero":
        return data[:place] + bytes(min(length, len(data) - place)) + data[place + length :]
    if change == "cut":
        return data[:place]
    if change == "insert":
        return data[:place] + b"\xa7" * length + data[place:]
    return data[place:] + data[:place]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(changes=CHANGES, fresh=st.booleans(), which=st.integers(0, 30))
def test_any_damage(tiny: None, changes: list[tuple[str, float, int]], fresh: bool, which: int) -> None:
    noise = random.Random(5)
    blobs = [noise.randbytes(noise.choice((50, 700, 3000))) for _ in range(20)]
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder) / "store")
        ids = bench.add(*blobs)
        bench.store.close()
        packs = sorted(bench.store.packs_folder.iterdir())
        path = packs[which % len(packs)]
        data = path.read_bytes()
        for change in changes:
            data = _apply(data, *change)
        bench.rewrite(path, data)
        store = bench.reopen(fresh=fresh)
        for item, blob in zip(ids, blobs, strict=True):
            for read in (_read, _stream, _read_many):
                try:
                    assert read(store, item) == blob
                except TYPED:
                    continue
        store.close()


def _read(store: ObjectStore, item: ObjectId) -> bytes:
    return bytes(store.read(item, Kind.BLOB))


def _stream(store: ObjectStore, item: ObjectId) -> bytes:
    return b"".join(store.stream(item))


def _read_many(store: ObjectStore, item: ObjectId) -> bytes:
    [(_, data)] = store.read_many([item])
    return _stream(store, item) if data is None else bytes(data)
