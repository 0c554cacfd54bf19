"""Several processes on one store: all that each has committed is there for all."""

from __future__ import annotations

import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from store_bench import Bench

from sovrgit.errors import ObjectMissing
from sovrgit.objects.ids import Kind, blob_id
from sovrgit.store.store import ObjectStore

PATIENCE = 120
ROUNDS = 12

WRITER = """
import random, sys
from pathlib import Path
from sovrgit.objects.ids import Kind
from sovrgit.store.store import ObjectStore

store = ObjectStore(Path(sys.argv[1]))
own, shared = random.Random(sys.argv[2]), random.Random("shared")
sys.stdin.read(1)
for _ in range(int(sys.argv[3])):
    with store.session() as batch:
        for source in (own, shared, own):
            for _ in range(20):
                batch.add(Kind.BLOB, source.randbytes(source.choice((30, 3000, 9000))))
        batch.add(Kind.BLOB, own.randbytes(1 << 20))
        batch.commit()
store.close()
"""


def written(name: str, per_round: int, large: bool) -> list[bytes]:
    noise = random.Random(name)
    blobs = []
    for _ in range(ROUNDS):
        blobs += [noise.randbytes(noise.choice((30, 3000, 9000))) for _ in range(per_round)]
        if large:
            blobs.append(noise.randbytes(1 << 20))
    return blobs


def test_two_writers_and_a_reader(bench: Bench) -> None:
    command = [sys.executable, "-c", WRITER, str(bench.folder)]
    writers = [subprocess.Popen([*command, name, str(ROUNDS)], stdin=subprocess.PIPE) for name in ("one", "two")]
    expected = [*written("one", 40, True), *written("two", 40, True), *written("shared", 20, False)]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(b"!")
        writer.stdin.flush()
    chance = random.Random(1)
    reads = 0
    while any(writer.poll() is None for writer in writers):
        blob = chance.choice(expected)
        try:
            assert bench.read(blob_id(blob)) == blob
            reads += 1
        except ObjectMissing:
            continue
    for writer in writers:
        writer.communicate(timeout=PATIENCE)
        assert writer.returncode == 0
    assert reads
    assert bench.stray() == []
    for store in bench.stores():
        for blob in expected:
            assert bytes(store.read(blob_id(blob), Kind.BLOB)) == blob


def test_two_processes_that_make_the_same_pack(bench: Bench) -> None:
    other = ObjectStore(bench.folder)
    with bench.store.session() as mine, other.session() as theirs:
        for batch in (mine, theirs):
            batch.add(Kind.BLOB, b"the same" * 1000)
        assert [pack.id for pack in mine.commit()] == [pack.id for pack in theirs.commit()]
    other.close()
    for store in bench.stores():
        assert bytes(store.read(blob_id(b"the same" * 1000), Kind.BLOB)) == b"the same" * 1000
    assert bench.stray() == []


def test_several_stores_in_the_threads_of_one_process(bench: Bench) -> None:
    def write(number: int) -> list[bytes]:
        store = ObjectStore(bench.folder)
        noise = random.Random(number)
        blobs = [noise.randbytes(500) for _ in range(50)]
        with store.session() as batch:
            for blob in blobs:
                batch.add(Kind.BLOB, blob)
            batch.commit()
        store.close()
        return blobs

    with ThreadPoolExecutor(4) as pool:
        written_by = list(pool.map(write, range(12)))
    for blobs in written_by:
        for blob in blobs:
            assert bench.read(blob_id(blob)) == blob
