"""A devnet of its own for every test that runs a declared job."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sovrgit.devnet.golem import GolemStandIn


@pytest.fixture
def devnet(tmp_path: Path) -> Iterator[GolemStandIn]:
    """One that does not keep its commands apart, which is the faster one."""
    with GolemStandIn(tmp_path / "golem", providers=3, namespaces=False) as made:
        yield made
