"""The catalogue is a cache: whatever happens to its file, everything that is in the packs is found."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from store_bench import Bench

from sovrgit.errors import ObjectMissing
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.store import catalogue
from sovrgit.store.store import ObjectStore

needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are looked up in /proc")

NOBODY = 65534


def fill(bench: Bench) -> dict[ObjectId, bytes]:
    noise = random.Random(8)
    blobs = [noise.randbytes(noise.choice((40, 5000))) for _ in range(300)]
    half = len(blobs) // 2
    ids = bench.add(*blobs[:half]) + bench.add(*blobs[half:])
    return dict(zip(ids, blobs, strict=True))


def check(store: ObjectStore, expected: dict[ObjectId, bytes]) -> None:
    for item, blob in expected.items():
        assert store.has(item)
        assert bytes(store.read(item, Kind.BLOB)) == blob
    assert {item: bytes(data or b"") for item, data in store.read_many(expected)} == expected


def rows(store: ObjectStore) -> set[object]:
    return {(info, tuple(store.contents(info.id))) for info in store.packs()}


def _other_version(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 77")


def _other_tables(path: Path) -> None:
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.executescript("CREATE TABLE packs (x); PRAGMA user_version = 1")


def _other_values(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.executescript("UPDATE objects SET kind = 99, offset = -1")


def _wrong_places(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.executescript("UPDATE objects SET offset = offset + 1, stored = stored * 3")


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGE: dict[str, Callable[[Path], object]] = {
    "deleted": lambda path: path.unlink(),
    "empty": lambda path: os.truncate(path, 0),
    "truncated in the header": lambda path: os.truncate(path, 50),
    "truncated after a page": lambda path: os.truncate(path, 4096),
    "truncated in the middle": lambda path: os.truncate(path, path.stat().st_size // 2),
    "truncated by a byte": lambda path: os.truncate(path, path.stat().st_size - 1),
    "noise": lambda path: path.write_bytes(random.Random(1).randbytes(30_000)),
    "noise after the header": lambda path: path.write_bytes(
        path.read_bytes()[:4096] + random.Random(1).randbytes(path.stat().st_size - 4096)
    ),
    "zeros after the header": lambda path: path.write_bytes(
        path.read_bytes()[:4096] + bytes(path.stat().st_size - 4096)
    ),
    "another version": _other_version,
    "other tables": _other_tables,
    "other values": _other_values,
    "wrong places": _wrong_places,
    "a folder": _folder,
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_file_costs_nothing(bench: Bench, name: str) -> None:
    expected = fill(bench)
    before = rows(bench.store)
    path = bench.folder / "catalogue.sqlite"
    bench.store.close()
    DAMAGE[name](path)
    store = bench.reopen()
    check(store, expected)
    assert rows(store) == before
    more = bench.add(b"one more")[0]
    assert bench.reopen().read(more, Kind.BLOB) == b"one more"
    check(bench.store, expected)


def test_the_file_breaks_while_it_is_open(bench: Bench) -> None:
    expected = fill(bench)
    store = bench.reopen()
    path = bench.folder / "catalogue.sqlite"
    size = path.stat().st_size
    assert size > 3 * 4096
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(random.Random(2).randbytes(size - 4096))
    check(store, expected)
    check(bench.reopen(), expected)


def test_no_space_for_the_file(bench: Bench) -> None:
    """A commit whose packs are in place has succeeded, whether or not the catalogue could note it."""
    expected = fill(bench)
    database = bench.store._shelf.catalogue._database
    [(pages,)] = database.execute("PRAGMA page_count").fetchall()
    database.execute(f"PRAGMA max_page_count = {pages}")
    noise = random.Random(3)
    blobs = [noise.randbytes(20) for _ in range(3000)]
    expected |= dict(zip(bench.add(*blobs), blobs, strict=True))
    check(bench.store, expected)
    check(bench.reopen(), expected)


def test_a_file_that_another_process_does_not_let_go_of(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "_PATIENCE", 0.0)
    expected = fill(bench)
    bench.store.close()
    path = bench.folder / "catalogue.sqlite"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        store = bench.reopen()
        check(store, expected)
        expected |= {bench.add(b"meanwhile")[0]: b"meanwhile"}
        check(store, expected)
        other.execute("ROLLBACK")
        assert path.exists()
    check(bench.reopen(), expected)


@contextlib.contextmanager
def unwritable(folder: Path) -> Iterator[None]:
    """A folder that this process can read and not write."""
    everything = [folder, *folder.rglob("*")]
    modes = [(path, path.stat().st_mode) for path in everything]
    for path in everything:
        path.chmod(0o555 if path.is_dir() else 0o444)
    if os.geteuid() == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        for path, mode in modes:
            path.chmod(mode)


@pytest.mark.parametrize("kept", [True, False], ids=["with its catalogue", "without"])
def test_a_folder_that_cannot_be_written_to(kept: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        bench = Bench(Path(name) / "store")
        expected = fill(bench)
        bench.store.close()
        if not kept:
            (bench.folder / "catalogue.sqlite").unlink()
        before = sorted(bench.folder.rglob("*"))
        with unwritable(bench.folder):
            with pytest.raises(PermissionError):
                (bench.folder / "proof").touch()
            store = ObjectStore(bench.folder)
            check(store, expected)
            store.close()
        assert sorted(bench.folder.rglob("*")) == before


def test_made_anew_it_is_what_it_was(bench: Bench, tiny: None) -> None:
    noise = random.Random(6)
    for _ in range(4):
        bench.add(*(noise.randbytes(noise.choice((50, 300, 5000))) for _ in range(30)))
    before, counts = rows(bench.store), bench.store.counts()
    assert rows(bench.reopen(fresh=True)) == before
    bench.store.rebuild()
    assert rows(bench.store) == before
    assert bench.store.counts() == counts


def test_a_pack_of_another_process_is_found(bench: Bench) -> None:
    bench.add(b"mine")
    other = ObjectStore(bench.folder)
    with other.session() as batch:
        item = batch.add(Kind.BLOB, b"theirs")
        batch.commit()
    other.close()
    assert bench.read(item) == b"theirs"
    assert bench.store.size(item) == 6


def test_a_pack_of_another_process_is_found_without_its_catalogue(bench: Bench, tmp_path: Path) -> None:
    other = Bench(tmp_path / "other")
    [item] = other.add(b"theirs")
    other.store.close()
    for path in other.packs():
        path.rename(bench.store.packs_folder / path.name)
    assert not bench.store.has(item)
    assert bench.read(item) == b"theirs"
    assert bench.store.has(item)


def test_a_pack_that_was_removed_is_forgotten(bench: Bench) -> None:
    gone, kept = bench.add(b"gone")[0], bench.add(b"kept")[0]
    bench.store.pack_path(bench.store.location(gone).pack).unlink()
    bench.store.refresh()
    assert not bench.store.has(gone)
    with pytest.raises(ObjectMissing):
        bench.store.location(gone)
    assert bench.read(kept) == b"kept"
    assert len(bench.store.packs()) == 1


def test_a_pack_that_comes_while_the_folder_is_listed_is_not_dropped(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.add(b"before")
    real = os.listdir
    items: list[ObjectId] = []

    def listdir(path: Path) -> list[str]:
        names = real(path)
        if not items:
            items.extend(Bench.add(bench, b"meanwhile"))
        return names

    with monkeypatch.context() as patch:
        patch.setattr(os, "listdir", listdir)
        bench.store.refresh()
    assert bench.store.has(items[0])
    assert bench.read(items[0]) == b"meanwhile"


def test_a_pack_that_goes_while_the_folder_is_listed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    gone, kept = bench.add(b"gone")[0], bench.add(b"kept")[0]
    path = bench.store.pack_path(bench.store.location(gone).pack)
    bench.store.close()
    (bench.folder / "catalogue.sqlite").unlink()
    real = os.listdir

    def listdir(folder: Path) -> list[str]:
        names = real(folder)
        path.unlink(missing_ok=True)
        return names

    with monkeypatch.context() as patch:
        patch.setattr(os, "listdir", listdir)
        store = bench.reopen()
    assert bytes(store.read(kept, Kind.BLOB)) == b"kept"
    with pytest.raises(ObjectMissing):
        store.read(gone, Kind.BLOB)


@needs_proc
def test_names_are_made_durable_before_anything_relies_on_them(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was killed between the renames and the sync leaves names that a power cut could take back."""
    [item] = bench.add(b"named, not synced")
    bench.store.close()
    (bench.folder / "catalogue.sqlite").unlink()
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    store = bench.reopen()
    assert store.has(item)
    assert synced == [str(store.packs_folder)]
    assert bench.reopen().has(item)
    assert len(synced) == 1


OPENING = """
import sys
from pathlib import Path
from sovrgit.store.store import ObjectStore
sys.stdin.read(1)
store = ObjectStore(Path(sys.argv[1]))
print(len(store.packs()))
store.close()
"""


def test_several_processes_make_the_file_at_once(bench: Bench) -> None:
    expected = fill(bench)
    bench.store.close()
    for path in bench.folder.glob("catalogue.sqlite*"):
        path.unlink()
    command = [sys.executable, "-c", OPENING, str(bench.folder)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(4)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"!")
        process.stdin.flush()
    count = len(bench.packs())
    for process in processes:
        assert int(process.communicate(timeout=60)[0]) == count
        assert process.returncode == 0
    check(bench.reopen(), expected)
