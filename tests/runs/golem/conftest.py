"""A devnet of its own for every test that runs a declared job."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from golem_pod import GolemPod

from sovrgit.devnet.golem import GolemStandIn
from sovrgit.pod.pod import Pod


@pytest.fixture
def devnet(tmp_path: Path) -> Iterator[GolemStandIn]:
    """One that does not keep its commands apart, which is the faster one."""
    with GolemStandIn(tmp_path / "golem", providers=3, namespaces=False) as made:
        yield made


@pytest.fixture
def lab(tmp_path: Path, devnet: GolemStandIn) -> Iterator[GolemPod]:
    """A pod whose script is not written yet."""
    with Pod.create(tmp_path / "a pod") as pod:
        yield GolemPod(pod, devnet)
