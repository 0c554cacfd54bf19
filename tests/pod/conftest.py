"""An empty pod to try things on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pod_lab import Lab

from sovrgit.pod.pod import Pod


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    # Whatever a test writes need not survive a power failure.
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    with Pod.create(tmp_path / "pod") as pod:
        yield Lab(pod)
