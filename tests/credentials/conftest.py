"""Stores of secrets that are no one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from sovrgit.credentials.filestore import FileStore
from sovrgit.credentials.stores import Secrets


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a file of secrets will be."""
    return tmp_path / "config" / "credentials"


@pytest.fixture
def secrets(path: Path) -> Secrets:
    """Secrets in a file."""
    return Secrets([FileStore(path)])
