"""Pods to ask, new for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lineage_lab import Lab

from sovrgit.pod.pod import Pod
from sovrgit.runs.run import RunResult


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """An empty pod."""
    with Pod.create(tmp_path / "lab") as pod:
        yield Lab(pod)


@pytest.fixture
def copied(lab: Lab) -> tuple[Lab, RunResult]:
    """A pod that has sorted a file in a run: `payload/words.txt` to `output/sorted.txt`."""
    lab.recipe("sort -o output/sorted.txt payload/words.txt")
    lab.write("payload/words.txt", "pear\napple\n")
    lab.write("script/notes.txt", "by hand\n")
    lab.commit("First version")
    return lab, lab.run()
