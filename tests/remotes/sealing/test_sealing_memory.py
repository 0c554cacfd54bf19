"""Memory stays bounded, whatever the size of a file; and nothing is loaded before it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SIZE = 256 << 20
BOUND = 16 << 20
"""Bytes: well above what a few segments and pieces need, far below the file."""

CHILD = f"""
import sys
from pathlib import Path
from sovrgit.objects.ids import blob_id
from sovrgit.remotes.sealing.key import PodKey
from sovrgit.remotes.sealing.labels import Label
from sovrgit.remotes.sealing.seal import seal, seal_bytes
from sovrgit.remotes.sealing.unseal import unseal, unseal_bytes

def peak():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) << 10

folder = Path(sys.argv[1])
source, middle, target = (folder / name for name in ("source", "middle", "target"))
with open(source, "wb") as file:
    file.truncate({SIZE})
key, label = PodKey.new(), Label.of_pack(blob_id(b""))
unseal_bytes(seal_bytes(bytes(1000), key, label), key, label, limit=1000)
before = peak()
seal(source, middle, key, label)
source.unlink()
written = peak() - before
size = unseal(middle, target, key, label, limit={SIZE})
assert size == target.stat().st_size == {SIZE}
print(written, peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
def test_a_large_file_is_sealed_and_opened_piece_by_piece(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", CHILD, str(tmp_path)], capture_output=True, text=True, check=True)
    written, total = map(int, done.stdout.split())
    assert written < BOUND
    assert total < BOUND


def test_the_library_is_loaded_with_the_first_file_only() -> None:
    code = (
        "import sys, pkgutil, importlib, sovrgit.remotes.sealing as package\n"
        "for found in pkgutil.iter_modules(package.__path__):\n"
        "    importlib.import_module(f'{package.__name__}.{found.name}')\n"
        "from sovrgit.remotes.sealing.key import PodKey\n"
        "PodKey.parse(PodKey.new().reveal()).fingerprint\n"
        "assert not [name for name in sys.modules if name.partition('.')[0] in ('cryptography', 'httpx', 'keyring')]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
