"""Writing objects out: the file is right, or there is an error."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from store_bench import Bench

from sovrgit.errors import IntegrityFailure, ObjectMissing
from sovrgit.objects.ids import ObjectId
from sovrgit.store import extract as extract_module
from sovrgit.store.extract import extract
from sovrgit.store.format import ENTRY_HEADER_SIZE

Write = Callable[[ObjectId], bytes]


@pytest.fixture
def write(bench: Bench, tmp_path: Path) -> Write:
    """Write an object into a file; what the file then holds."""

    def to_file(item: ObjectId) -> bytes:
        path = tmp_path / "file"
        with open(path, "w+b", buffering=0) as file:
            extract(bench.store, item, file.fileno())
        return path.read_bytes()

    return to_file


@pytest.mark.parametrize("form", ["noise", "text", "repeated"])
@pytest.mark.parametrize("size", [0, 1, 63, 1023, 1024, 5000, 60_000])
def test_what_was_stored_is_written(bench: Bench, write: Write, tiny: None, size: int, form: str) -> None:
    noise = random.Random(size)
    data = {"noise": noise.randbytes(size), "text": b"line\n" * size, "repeated": noise.randbytes(700) * (size // 500)}
    [item] = bench.add(data[form])
    assert write(item) == data[form]


def test_look_ups_come_in_batches(
    bench: Bench, write: Write, tiny: None, noise: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extract_module, "_LOOKED_UP", 3)
    data = noise.randbytes(20_000)
    [item] = bench.add(data)
    assert write(item) == data


def _damage(bench: Bench, item: ObjectId, number: int) -> tuple[Path, bytes]:
    """Flip a bit in a piece; the pack and what it was."""
    record = list(bench.store.pieces(item))[number]
    location = bench.store.location(record.id)
    path = bench.store.pack_path(location.pack)
    before = path.read_bytes()
    damaged = bytearray(before)
    damaged[location.offset + ENTRY_HEADER_SIZE + record.length // 2] ^= 1
    bench.rewrite(path, bytes(damaged))
    bench.reopen()
    return path, before


@pytest.mark.parametrize("number", [0, 7, -1])
def test_a_damaged_piece_is_noticed(bench: Bench, write: Write, tiny: None, noise: random.Random, number: int) -> None:
    [item] = bench.add(noise.randbytes(20_000))
    _damage(bench, item, number)
    with pytest.raises(IntegrityFailure):
        write(item)


@pytest.mark.parametrize("number", [0, 7, -1])
def test_a_damaged_piece_is_taken_from_elsewhere(
    bench: Bench, write: Write, tiny: None, noise: random.Random, number: int
) -> None:
    data = noise.randbytes(20_000)
    [item] = bench.add(data)
    path, before = _damage(bench, item, number)
    path.with_name("ab" * 32 + ".pack").write_bytes(before)
    bench.reopen()
    assert write(item) == data


def test_a_piece_that_is_gone(bench: Bench, write: Write, tiny: None, noise: random.Random) -> None:
    [item] = bench.add(noise.randbytes(20_000))
    record = list(bench.store.pieces(item))[3]
    bench.store.pack_path(bench.store.location(record.id).pack).unlink()
    with pytest.raises(ObjectMissing):
        write(item)


def test_a_bad_sector_is_got_around(
    bench: Bench, write: Write, tiny: None, noise: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = noise.randbytes(20_000)
    [item] = bench.add(data)
    real = os.preadv

    def preadv(descriptor: int, buffers: list[memoryview], offset: int) -> int:
        if offset > 3000:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(descriptor, buffers, offset)

    monkeypatch.setattr(os, "preadv", preadv)
    assert write(item) == data


def test_a_full_disk_is_reported(
    bench: Bench, write: Write, tiny: None, noise: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    [item] = bench.add(noise.randbytes(60_000))
    left = 5

    def full(descriptor: int, data: bytes) -> int:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return len(data)

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        write(item)
