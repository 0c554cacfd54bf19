"""A stand-in, and a user of it who has pods of several kinds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sovrgit.devnet.fairos import StandIn
from sovrgit.remotes.fairos.client import FairOS

# How pods are put onto a stand-in is shared with the tests of what reads them.
sys.path.append(str(Path(__file__).parents[1] / "remotes" / "firstcli"))

import firstcli_lab


@pytest.fixture
def standin(tmp_path: Path) -> Iterator[StandIn]:
    with StandIn(tmp_path / "fairos") as made:
        yield made


@pytest.fixture
def reza(standin: StandIn) -> Iterator[FairOS]:
    with firstcli_lab.user(standin) as made:
        yield made


@pytest.fixture
def stranger(standin: StandIn) -> Iterator[FairOS]:
    """Somebody without an account."""
    with firstcli_lab.nobody(standin) as made:
        yield made
