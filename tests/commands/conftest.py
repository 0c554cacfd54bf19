"""The command line in an empty folder, and in a pod."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from command_lab import ENVIRONMENT, Cli


@pytest.fixture
def cli(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """`sovr` in an empty folder, with an environment of its own."""
    for name in list(os.environ):
        if name.startswith(("SOVR_", "GIT_")) or name in ("NO_COLOR", "FORCE_COLOR", "PAGER", "EDITOR", "VISUAL"):
            monkeypatch.delenv(name)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = tmp_path / "work"
    folder.mkdir()
    return Cli(folder, capsysbinary, monkeypatch)


@pytest.fixture
def pod(cli: Cli) -> Cli:
    """`sovr` in a pod with one commit, not run yet."""
    cli.pod()
    return cli
