"""Golem stand-ins, what stands in front of them, and pods that run there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sovrgit.devnet.golem import GolemStandIn
from sovrgit.pod.pod import Pod

# The requestor of the stand-in's tests is that of these.
sys.path.append(str(Path(__file__).parents[2] / "devnet" / "golem"))

from gateway_lab import Front, front
from golem_pod import GolemPod


@pytest.fixture
def golem(tmp_path: Path) -> Iterator[GolemStandIn]:
    """One that does not keep its commands apart, which is the faster one."""
    with GolemStandIn(tmp_path / "golem", providers=3, namespaces=False) as made:
        yield made


@pytest.fixture
def devnet(golem: GolemStandIn) -> GolemStandIn:
    """The same, as those who run pods call it."""
    return golem


@pytest.fixture
def lab(tmp_path: Path, devnet: GolemStandIn) -> Iterator[GolemPod]:
    """A pod whose script is not written yet."""
    with Pod.create(tmp_path / "a pod") as pod:
        yield GolemPod(pod, devnet)


@pytest.fixture(scope="module")
def eve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """Eve, who is refused everything, so that her stand-in can serve many tests."""
    folder = tmp_path_factory.mktemp("eve")
    with (
        GolemStandIn(folder / "golem", providers=1, namespaces=False) as golem,
        front(golem, folder / "calls.jsonl") as made,
    ):
        yield made


@pytest.fixture
def ada(golem: GolemStandIn, tmp_path: Path) -> Iterator[Front]:
    """Ada, behind a gateway that lets her spend 2 on hoodi."""
    with front(golem, tmp_path / "calls.jsonl") as made:
        yield made
