"""An empty pod to try things on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pod_lab import Lab

from sovrgit.pod.pod import Pod


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with Pod.create(tmp_path / "pod") as pod:
        yield Lab(pod)
