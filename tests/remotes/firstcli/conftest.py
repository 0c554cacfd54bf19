"""A stand-in, and a user of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import firstcli_lab
import pytest

from sovrgit.devnet.fairos import StandIn
from sovrgit.remotes.fairos.client import FairOS


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
