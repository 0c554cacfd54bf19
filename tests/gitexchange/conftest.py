"""A Git repository to put things into."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from git_lab import Git


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    # Whatever a test writes need not survive a power failure.
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    return Git(tmp_path / "in.git")
