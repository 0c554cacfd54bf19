"""The task that tests work with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from task_lab import TaskLab

from sovrgit.pod.pod import Pod


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[TaskLab]:
    """A task without pods."""
    with Pod.create(tmp_path / "a task") as pod:
        yield TaskLab(pod)
