"""Killed at every step: what was there before is there still, and whatever is visible is sound."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = """
import os, random, signal, sys
from pathlib import Path
from sovrgit.objects.ids import Kind, ObjectId, blob_id, hash_object
from sovrgit.objects.tree import EntryKind, Tree, TreeEntry
from sovrgit.store import chunking, chunklists, format, packwriter, session
from sovrgit.store.files import write_atomic
from sovrgit.store.store import ObjectStore

chunking.AVERAGE, chunking.MINIMUM, chunking.MAXIMUM, chunking.BLOCK = 256, 64, 1024, 4096
session.CHUNK_FROM, chunklists.MAX_LIST, session.PACK_TARGET = 1024, 200, 8192
session._BATCH_BYTES, packwriter._FLUSH_AT = 1024, 1024

folder, ref = Path(sys.argv[1]), Path(sys.argv[2])
what = sys.argv[3]
noise = random.Random(1)

def write(blobs):
    # As a commit does it: objects, then the name that leads to them.
    store = ObjectStore(folder)
    with store.session() as batch:
        ids = [batch.add(Kind.BLOB, blob) for blob in blobs]
        entries = [TreeEntry(b"%04d" % n, EntryKind.FILE, item, len(blob))
                   for n, (item, blob) in enumerate(zip(ids, blobs))]
        tree = batch.add(Kind.TREE, Tree.of(entries).encode())
        batch.commit()
    write_atomic(ref, str(tree).encode())
    store.close()
    return tree

def check(allowed):
    name = ref.read_text()
    assert name in allowed, name
    store = ObjectStore(folder)
    for info in store.packs():
        for item, location in store.contents(info.id):
            assert hash_object(location.kind, store.read(item, location.kind)) == item
    expected = allowed[name]
    entries = store.tree(ObjectId.parse(name)).entries
    assert [bytes(store.read(entry.id, Kind.BLOB)) for entry in entries] == expected
    store.close()

def blobs():
    return [noise.randbytes(noise.choice((20, 500, 6000))) for _ in range(25)]

ObjectStore.create(folder)
before = blobs()
known = {str(write(before)): before}
strays = set()
nth = 0
while True:
    nth += 1
    new = blobs()
    child = os.fork()
    if child == 0:
        count = 0
        real = getattr(os, what)
        def fatal(*arguments, **options):
            global count
            count += 1
            if count == nth:
                if what == "write":
                    # Half of it gets to the disk.
                    real(arguments[0], memoryview(arguments[1])[: len(arguments[1]) // 2])
                elif nth % 2:
                    real(*arguments, **options)
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)
        setattr(os, what, fatal)
        write(new)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    entries = [TreeEntry(b"%04d" % n, EntryKind.FILE, blob_id(blob), len(blob)) for n, blob in enumerate(new)]
    known = {name: known[name] for name in [ref.read_text()] if name in known} | {str(Tree.of(entries).id()): new}
    check(known)
    found = set(os.listdir(folder / "tmp"))
    assert all(str(child) in name for name in found - strays), found
    strays = found
    if status == 0:
        assert ref.read_text() == str(Tree.of(entries).id())
        break
    assert os.WTERMSIG(status) == signal.SIGKILL, status
print(nth, len(strays))
"""


@pytest.mark.parametrize(
    ("what", "steps"), [("write", 20), ("fsync", 5), ("rename", 4), ("replace", 2), ("open", 5), ("close", 5)]
)
def test_killed_at_every_call(tmp_path: Path, what: str, steps: int) -> None:
    command = [sys.executable, "-c", DRIVER, str(tmp_path / "store"), str(tmp_path / "ref"), what]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    nth, strays = map(int, done.stdout.split())
    assert nth >= steps
    assert strays or what in ("rename", "replace")
