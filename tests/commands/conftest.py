"""The command line in an empty folder, and in a pod."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_lab import ENVIRONMENT, Cli


@pytest.fixture(scope="session", autouse=True)
def no_pauses() -> Iterator[None]:
    """The list of pods of a new account is empty, and is asked for again before that is believed: here, at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sovrgit.remotes.fairos.pods.LIST_PAUSE", 0.0)
        yield


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
