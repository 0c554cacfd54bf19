"""Memory stays bounded, whatever the size of a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SIZE = 256 << 20
BOUND = 112 << 20
"""Bytes: well above what six batches and a few blocks need, well below the file."""

CHILD = f"""
import sys
from pathlib import Path
from blake3 import blake3
from sovrgit.objects.ids import Kind
from sovrgit.store.store import ObjectStore

def peak():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) << 10

folder = Path(sys.argv[1])
ObjectStore.create(folder)
store = ObjectStore(folder)
position = 0

def readinto(view):
    global position
    count = min(len(view), 1 << 20, {SIZE} - position)
    view[:count] = blake3(position.to_bytes(8, "little")).digest(length=count)
    position += count
    return count

with store.session() as batch:
    batch.add(Kind.BLOB, bytes(2 << 20))
    before = peak()
    digest, size = batch.add_stream(readinto)
    batch.commit()
written = peak() - before
whole = blake3()
for piece in store.stream(digest):
    whole.update(piece)
assert (size, whole.digest()) == ({SIZE}, digest)
print(written, peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
def test_a_large_file_goes_in_and_out_piece_by_piece(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path / "store")], capture_output=True, text=True, check=True
    )
    written, total = map(int, done.stdout.split())
    assert written < BOUND
    assert total < BOUND
