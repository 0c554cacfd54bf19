"""Writing fails at every step: the error is a typed one, nothing is half there, and nobody waits for ever."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from store_bench import Bench

from sovrgit.errors import ReadOnly, SovrError, StorageFailure, StorageFull
from sovrgit.objects.ids import Kind, ObjectId, blob_id
from sovrgit.store import session as session_module
from sovrgit.store.files import sync_folder, write_atomic
from sovrgit.store.packwriter import PackWriter
from sovrgit.store.session import WriteSession

needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are looked up in /proc")

PATIENCE = 60.0
"""Seconds after which something is taken to wait for ever."""


def in_time(action: Callable[[], None]) -> None:
    """Run something in a thread of its own, and fail if it does not come to an end."""
    failure: list[BaseException] = []

    def run() -> None:
        try:
            action()
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive(), "it waits for ever"
    if failure:
        raise failure[0]


def blobs_of(seed: int) -> list[bytes]:
    noise = random.Random(seed)
    return [noise.randbytes(noise.choice((20, 100, 500, 5000))) for _ in range(25)]


class Failing:
    """Makes the nth call of a function of `os` fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, nth: int, code: int) -> None:
        self.reached = False
        self._real = getattr(os, name)
        self._left = nth
        self._code = code
        monkeypatch.setattr(os, name, self)

    def __call__(self, *arguments: object, **options: object) -> object:
        self._left -= 1
        if self._left == 0:
            self.reached = True
            raise OSError(self._code, os.strerror(self._code))
        return self._real(*arguments, **options)


@pytest.mark.parametrize(
    ("name", "code", "expected"),
    [
        ("write", errno.ENOSPC, StorageFull),
        ("write", errno.EIO, StorageFailure),
        ("fsync", errno.EDQUOT, StorageFull),
        ("fsync", errno.EIO, StorageFailure),
        ("rename", errno.ENOSPC, StorageFull),
        ("rename", errno.EROFS, ReadOnly),
        ("close", errno.ENOSPC, StorageFull),
        ("open", errno.ENOSPC, StorageFull),
        ("open", errno.EACCES, ReadOnly),
    ],
)
def test_each_call_fails_in_turn(
    bench: Bench,
    tiny: None,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    code: int,
    expected: type[SovrError],
) -> None:
    old = blobs_of(0)
    old_ids = bench.add(*old)
    for nth in range(1, 1000):
        packs = len(bench.packs())
        new = blobs_of(nth)
        with monkeypatch.context() as patch:
            failing = Failing(patch, name, nth, code)
            try:
                in_time(lambda blobs=new: _write(bench, blobs))
            except expected:
                assert failing.reached
            else:
                assert not failing.reached
        assert bench.stray() == []
        if not failing.reached:
            break
        if name == "write":
            assert len(bench.packs()) == packs
        store = bench.reopen(fresh=nth % 5 == 0)
        for item, blob in zip(old_ids, old, strict=True):
            assert bytes(store.read(item, Kind.BLOB)) == blob
        for info in store.packs():
            for item, location in store.contents(info.id):
                if location.kind is Kind.BLOB:
                    assert blob_id(store.read(item, Kind.BLOB)) == item
    assert nth > 8
    assert [bench.read(item) for item in map(blob_id, new)] == new


def _write(bench: Bench, blobs: list[bytes]) -> None:
    with bench.store.session() as batch:
        for blob in blobs:
            batch.add(Kind.BLOB, blob)
        batch.commit()


def _break(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def add(self: PackWriter, entry: object) -> None:
        raise error

    monkeypatch.setattr(PackWriter, "add", add)


def _fill(batch: WriteSession, count: int = 500) -> int:
    """Go on adding whatever happens; the number of times that failed."""
    failures = 0
    for number in range(count):
        try:
            batch.add(Kind.BLOB, b"%06d" % number * 100)
        except (SovrError, ValueError):
            failures += 1
    return failures


@pytest.mark.parametrize(
    ("error", "expected"),
    [(OSError(errno.ENOSPC, "full"), StorageFull), (ValueError("not from the disk"), ValueError)],
    ids=["the disk's", "another"],
)
def test_a_caller_who_goes_on_after_a_failure(
    bench: Bench, tiny: None, monkeypatch: pytest.MonkeyPatch, error: Exception, expected: type[Exception]
) -> None:
    _break(monkeypatch, error)

    def go_on() -> None:
        with bench.store.session() as batch:
            assert _fill(batch) > 20
            with pytest.raises(expected):
                batch.add_stream(lambda view: 0)
            with pytest.raises(expected):
                batch.commit()
        assert bench.stray() == []

    in_time(go_on)
    assert bench.packs() == []


def test_a_failure_during_a_stream_is_not_forgotten(
    bench: Bench, tiny: None, monkeypatch: pytest.MonkeyPatch, noise: random.Random
) -> None:
    """After the stream has reported it, a commit must not make a pack with a hole."""

    def go_on() -> None:
        with bench.store.session() as batch:
            with monkeypatch.context() as patch:
                Failing(patch, "write", 2, errno.ENOSPC)
                with pytest.raises(StorageFull):
                    batch.add(Kind.BLOB, noise.randbytes(20_000))
            with pytest.raises(StorageFull):
                batch.add(Kind.BLOB, noise.randbytes(20_000))
            with pytest.raises(StorageFull):
                batch.commit()

    in_time(go_on)
    assert bench.packs() == bench.stray() == []


def test_a_source_that_fails_costs_only_its_own_file(bench: Bench, tiny: None, noise: random.Random) -> None:
    data = noise.randbytes(9000)
    calls = 0

    def readinto(view: memoryview) -> int:
        nonlocal calls
        calls += 1
        if calls > 2:
            raise OSError(errno.EIO, "the source")
        view[:2000] = data[:2000]
        return 2000

    with bench.store.session() as batch:
        with pytest.raises(OSError, match="the source"):
            batch.add_stream(readinto)
        item = batch.add(Kind.BLOB, data)
        batch.commit()
    for store in bench.stores():
        assert bytes(store.read(item, Kind.BLOB)) == data


@pytest.mark.parametrize("count", [0, 1, 7, 25])
def test_an_abandoned_batch_leaves_nothing(bench: Bench, tiny: None, count: int) -> None:
    def abandon() -> None:
        batch = bench.store.session()
        for blob in blobs_of(1)[:count]:
            batch.add(Kind.BLOB, blob)
        batch.abandon()
        batch.abandon()

    in_time(abandon)
    assert bench.packs() == bench.stray() == []
    assert not bench.store.has(blob_id(blobs_of(1)[0]))


@needs_proc
def test_abandoned_while_packs_wait_for_the_disk(bench: Bench, tiny: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packs whose turn to be synced never comes are removed too, and their files closed."""
    bench.store.hold()
    before = set(os.listdir("/proc/self/fd"))
    reached, go = threading.Event(), threading.Event()
    real = os.fsync

    def fsync(descriptor: int) -> None:
        reached.set()
        go.wait(PATIENCE)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)

    def abandon() -> None:
        with bench.store.session() as batch:
            for blob in blobs_of(2):
                batch.add(Kind.BLOB, blob)
            batch._drain()
            assert reached.wait(PATIENCE)
            assert len(batch._finishing) > 3
            threading.Timer(0, go.set).start()

    in_time(abandon)
    assert bench.packs() == bench.stray() == []
    assert set(os.listdir("/proc/self/fd")) <= before


def test_an_exception_inside_the_block_abandons(bench: Bench, tiny: None) -> None:
    with pytest.raises(KeyError), bench.store.session() as batch:
        for blob in blobs_of(1):
            batch.add(Kind.BLOB, blob)
        raise KeyError
    assert bench.packs() == bench.stray() == []


def test_what_is_visible_has_all_that_it_refers_to(
    bench: Bench, tiny: None, monkeypatch: pytest.MonkeyPatch, noise: random.Random
) -> None:
    """Stopped between two renames: chunk lists and trees are named after the content that they need."""
    for nth in range(1, 100):
        data = noise.randbytes(30_000)
        with monkeypatch.context() as patch:
            failing = Failing(patch, "rename", nth, errno.EIO)
            try:
                _write(bench, [data])
            except StorageFailure:
                assert failing.reached
        store = bench.reopen(fresh=True)
        if store.has(blob_id(data)):
            assert bytes(store.read(blob_id(data), Kind.BLOB)) == data
        if not failing.reached:
            break
    assert nth > 4
    assert bench.read(blob_id(data)) == data


@needs_proc
def test_a_file_system_that_cannot_sync_a_folder(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if Path(os.readlink(f"/proc/self/fd/{descriptor}")).is_dir():
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    [item] = bench.add(b"on a share")
    assert bench.reopen().read(item, Kind.BLOB) == b"on a share"


def test_a_folder_that_fails_to_sync_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Failing(monkeypatch, "fsync", 1, errno.EIO)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        sync_folder(tmp_path)


@pytest.mark.parametrize("name", ["open", "write", "fsync", "close", "replace"])
def test_a_file_is_replaced_or_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"before")
    with monkeypatch.context() as patch:
        Failing(patch, name, 1, errno.ENOSPC)
        with pytest.raises(StorageFull, match=str(path)):
            write_atomic(path, b"after")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]
    write_atomic(path, b"after")
    assert path.read_bytes() == b"after"


def test_short_writes_are_completed(bench: Bench, monkeypatch: pytest.MonkeyPatch, noise: random.Random) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, memoryview(data)[:1000]))
    data = noise.randbytes(100_000)
    [item] = bench.add(data)
    assert bench.reopen(fresh=True).read(item, Kind.BLOB) == data


def test_the_temporary_folder_is_gone(bench: Bench) -> None:
    bench.store.temporary.rmdir()
    with pytest.raises(StorageFailure):
        bench.add(b"nowhere to go")
    assert bench.packs() == []


FULL = """
import io, os, resource, sys
from pathlib import Path
from sovrgit.errors import StorageFull
from sovrgit.objects.ids import Kind
from sovrgit.store.store import ObjectStore

folder = Path(sys.argv[1])
ObjectStore.create(folder)
store = ObjectStore(folder)
old = [os.urandom(20_000) for _ in range(5)]
with store.session() as batch:
    ids = [batch.add(Kind.BLOB, blob) for blob in old]
    batch.commit()
packs = sorted(os.listdir(store.packs_folder))
if sys.argv[2] == "limit":
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
for large in (True, False):
    with store.session() as batch:
        try:
            if large:
                batch.add_stream(io.BytesIO(os.urandom(24 << 20)).readinto)
                left = []
            else:
                left = [os.urandom(3000) for _ in range(8000)]
            for blob in left:
                batch.add(Kind.BLOB, blob)
            batch.commit()
        except StorageFull as error:
            print(error.message)
        else:
            raise SystemExit("the disk was not full")
    assert os.listdir(store.temporary) == [], os.listdir(store.temporary)
    assert sorted(os.listdir(store.packs_folder)) == packs
store.close()
store = ObjectStore(folder)
for item, blob in zip(ids, old):
    assert store.read(item, Kind.BLOB) == blob
if sys.argv[2] != "limit":
    with store.session() as batch:
        item = batch.add(Kind.BLOB, b"there is room for this")
        batch.commit()
    assert store.read(item, Kind.BLOB) == b"there is room for this"
"""


def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL, str(tmp_path / "store"), "limit"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("no space left at") == 2


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    inside = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec"]
    mount = f'mount -t tmpfs -o size=12m none "{tmp_path}"'
    try:
        subprocess.run([*inside, mount], check=True, capture_output=True, timeout=PATIENCE)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this machine does not let us mount a small file system")
    command = [*inside, f'{mount}; exec "$0" "$@"', sys.executable, "-c", FULL, str(tmp_path / "store"), "disk"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("no space left at") == 2


def test_a_session_holds_no_more_slots_than_it_has(bench: Bench, tiny: None) -> None:
    """Every slot that a job took is given back, or the next batches would wait for ever."""
    with bench.store.session() as batch:
        for blob in blobs_of(3):
            batch.add(Kind.BLOB, blob)
        batch._drain()
        for _ in range(session_module._BATCHES_IN_FLIGHT):
            assert batch._slots.acquire(timeout=PATIENCE)
        assert not batch._slots.acquire(blocking=False)
        batch._slots.release(session_module._BATCHES_IN_FLIGHT)


def test_ids_are_known_before_anything_is_written(bench: Bench) -> None:
    with bench.store.session() as batch:
        assert batch.add(Kind.BLOB, b"data") == ObjectId(blob_id(b"data"))
    assert not bench.store.has(blob_id(b"data"))
