"""The pods that payload is taken from, and put into."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "runs"))

from run_lab import Lab

from sovrgit.pod.pod import Pod


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
