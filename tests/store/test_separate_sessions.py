"""A session that another process fills, and copying packs: nothing is visible before its time, nothing unverified."""

from __future__ import annotations

import os
import random
import subprocess
import sys

import pytest
from store_bench import Bench

from sovrgit.errors import IntegrityFailure, ObjectMissing
from sovrgit.objects.ids import Kind, blob_id
from sovrgit.store import session as session_module
from sovrgit.store.format import ENTRY_HEADER_SIZE, Codec
from sovrgit.store.repack import repack


def blobs_of(name: str) -> list[bytes]:
    noise = random.Random(name)
    return [noise.randbytes(noise.choice((30, 600, 5000))) for _ in range(20)]


def test_packs_of_another_session_are_taken_in(bench: Bench, tiny: None) -> None:
    known, mine, theirs = blobs_of("known"), blobs_of("mine"), blobs_of("theirs")
    bench.add(*known)
    visible = len(bench.packs())
    with bench.store.session() as batch:
        other = batch.separate()
        assert other is not None
        for blob in theirs + known:
            other.add(Kind.BLOB, blob)
        packs = other.finish()
        for blob in mine:
            batch.add(Kind.BLOB, blob)
        assert len(bench.packs()) == visible
        batch.include(packs, other.new_objects, other.new_bytes)
        assert batch.new_objects >= len(mine) + len(theirs)
        batch.commit()
    assert bench.stray() == []
    for store in bench.stores():
        for blob in known + mine + theirs:
            assert bytes(store.read(blob_id(blob), Kind.BLOB)) == blob
    ids = [item for info in bench.store.packs() for item, _ in bench.store.contents(info.id)]
    assert len(ids) == len(set(ids)), "what was known was stored again"


def test_packs_that_were_taken_in_are_abandoned_too(bench: Bench, tiny: None) -> None:
    with bench.store.session() as batch:
        other = batch.separate()
        assert other is not None
        for blob in blobs_of("theirs"):
            other.add(Kind.BLOB, blob)
        batch.include(other.finish(), 0, 0)
        assert bench.stray()
    assert bench.packs() == bench.stray() == []


def test_what_a_dead_process_has_left_is_removed(bench: Bench) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = bench.store.temporary / f"pack-{dead.pid}-abc"
    other = bench.store.temporary / f"pack-{dead.pid}9-abc"
    left.touch()
    other.touch()
    with bench.store.session() as batch:
        batch.remove_leftovers(dead.pid)
    assert bench.stray() == [other]
    assert os.path.exists(other)


def test_too_many_objects_to_remember(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.add(b"1", b"2", b"3")
    monkeypatch.setattr(session_module, "MAX_REMEMBERED", 2)
    with bench.store.session() as batch:
        assert batch.separate() is None
    monkeypatch.setattr(session_module, "MAX_REMEMBERED", 3)
    with bench.store.session() as batch:
        assert batch.separate() is not None


# --- copying ----------------------------------------------------------------------------------------------------


def test_copies_are_what_a_session_would_have_written(bench: Bench, tiny: None) -> None:
    ids = bench.add(*blobs_of("mine"))
    places = [(place, item) for info in bench.store.packs() for item, place in bench.store.contents(info.id)]
    other = Bench(bench.folder.parent / "other")
    for pack in repack(bench.store, other.store.temporary, places):
        pack.path.rename(other.store.pack_path(pack.id))
        other.store.adopt([(pack.id, pack.toc)])
    for store in other.stores():
        for item in ids:
            assert bytes(store.read(item, Kind.BLOB)) == bench.read(item)


@pytest.mark.parametrize("place", [3, 20, ENTRY_HEADER_SIZE, ENTRY_HEADER_SIZE + 40])
@pytest.mark.parametrize("form", ["raw", "compressed", "a list"])
def test_nothing_damaged_is_copied(bench: Bench, tiny: None, noise: random.Random, form: str, place: int) -> None:
    """Or the copy would be damaged, and the original thrown away."""
    data = {"raw": noise.randbytes(900), "compressed": bytes(900), "a list": noise.randbytes(1500)}[form]
    [item] = bench.add(data)
    location = bench.store.location(item)
    assert location.codec == {"raw": Codec.RAW, "compressed": Codec.ZSTD, "a list": Codec.CHUNKS}[form]
    path = bench.store.pack_path(location.pack)
    damaged = bytearray(path.read_bytes())
    at = location.offset + min(place, ENTRY_HEADER_SIZE + location.stored - 4)
    # In a list, a length: its ids have no hash of their own, and only reading the whole would tell.
    at += -at + location.offset + ENTRY_HEADER_SIZE + 32 if form == "a list" and place >= ENTRY_HEADER_SIZE else 0
    damaged[at] ^= 4
    bench.rewrite(path, bytes(damaged))
    with pytest.raises(IntegrityFailure):
        repack(bench.store, bench.store.temporary, [(location, item)])
    assert bench.stray() == []


def test_a_copy_that_fails_leaves_nothing_behind(bench: Bench, tiny: None) -> None:
    bench.add(*blobs_of("mine"))
    places = [(place, item) for info in bench.store.packs() for item, place in bench.store.contents(info.id)]
    assert len(bench.packs()) > 5
    worst = max(places, key=lambda pair: pair[0].offset)
    path = bench.store.pack_path(worst[0].pack)
    bench.rewrite(path, path.read_bytes()[: worst[0].offset + 10])
    with pytest.raises((IntegrityFailure, ObjectMissing)):
        repack(bench.store, bench.store.temporary, sorted(places, key=lambda pair: pair == worst))
    assert bench.stray() == []
