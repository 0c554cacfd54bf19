"""A stand-in and a user of it, and a way to unpack bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import firstcli_lab
import pytest

from sovrgit.devnet.fairos import StandIn
from sovrgit.remotes.fairos.client import FairOS
from sovrgit.remotes.firstcli.archive import Unpacked, unpack
from sovrgit.remotes.firstcli.members import LIMITS, Limits


@pytest.fixture
def standin(tmp_path: Path) -> Iterator[StandIn]:
    with StandIn(tmp_path / "fairos") as made:
        yield made


@pytest.fixture
def reza(standin: StandIn) -> Iterator[FairOS]:
    """Somebody who has used the first Sovr CLI."""
    with firstcli_lab.user(standin) as made:
        yield made


@pytest.fixture
def stranger(standin: StandIn) -> Iterator[FairOS]:
    """Somebody without an account."""
    with firstcli_lab.nobody(standin) as made:
        yield made


@pytest.fixture
def unpacked(tmp_path: Path) -> Callable[..., Unpacked]:
    """Unpacks bytes into `tmp_path / "new"`."""

    def run(data: bytes, limits: Limits = LIMITS) -> Unpacked:
        (tmp_path / "archive").write_bytes(data)
        return unpack(tmp_path / "archive", tmp_path / "new", limits=limits)

    return run
