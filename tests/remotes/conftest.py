"""Pods and remotes in temporary folders."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from memory import MemoryRemote
from transfer_lab import Lab, small_constants

from sovrgit.pod.pod import Pod
from sovrgit.remotes import base


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "FIRST_PAUSE", 0.0)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    small_constants(monkeypatch)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """An empty pod."""
    made = Lab.create(tmp_path / "lab")
    yield made
    made.pod.close()


@pytest.fixture
def remote() -> MemoryRemote:
    return MemoryRemote()


@pytest.fixture
def noise() -> random.Random:
    """Bytes that do not compress, the same in every run."""
    return random.Random(7)


@pytest.fixture(autouse=True)
def pods_are_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let go of the files of every pod that a test has opened, or a worker would run out of descriptors."""
    opened: list[Pod] = []
    original = Pod.__init__

    def remembered(self: Pod, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **options)
        opened.append(self)

    monkeypatch.setattr(Pod, "__init__", remembered)
    yield
    for pod in opened:
        pod.close()
