"""The pods that payload is taken from, and put into."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "runs"))
sys.path.append(str(Path(__file__).parents[1] / "remotes" / "firstcli"))

from payload_lab import Taker, zipped
from run_lab import Lab

from sovrgit.pod.pod import Pod
from sovrgit.remotes import base


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "FIRST_PAUSE", 0.0)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A pod that copies `payload/in.txt` to `output/out.txt`, not run yet."""
    with Pod.create(tmp_path / "a pod") as pod:
        made = Lab(pod)
        made.recipe()
        made.script("cp payload/in.txt output/out.txt")
        made.write("payload/in.txt", "one\n")
        made.commit("First version")
        yield made


@pytest.fixture
def giver(tmp_path: Path) -> Iterator[Lab]:
    """A pod called `data` with something to take: a file, a folder, an archive, a program."""
    with Pod.create(tmp_path / "data") as pod:
        made = Lab(pod)
        made.recipe()
        made.write("output/model.bin", "model\n")
        made.write("output/set/train/a.csv", "1,2\n")
        made.write("output/set/b.csv", "3,4\n")
        made.write("bin/solve", "#!/bin/sh\n").chmod(0o755)
        (made.root / "images.zip").write_bytes(zipped({"images/one.txt": "im1\n", "images/deep/two.txt": "im2\n"}))
        made.commit("Data")
        yield made


@pytest.fixture
def taker(tmp_path: Path, giver: Lab) -> Iterator[Taker]:
    """A pod beside it that takes nothing yet, and puts out what it is given."""
    made = Taker.make(tmp_path / "taker")
    yield made
    made.pod.close()
