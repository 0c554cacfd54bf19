"""A Golem stand-in of its own for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from golem_lab import Requestor

from sovrgit.devnet.golem import GolemStandIn


@pytest.fixture
def golem(tmp_path: Path) -> Iterator[GolemStandIn]:
    """One that does not keep its commands apart, which is the faster one."""
    with GolemStandIn(tmp_path / "golem", providers=3, namespaces=False) as made:
        yield made


@pytest.fixture
def ada(golem: GolemStandIn) -> Iterator[Requestor]:
    """Ada, who demands."""
    person = Requestor(golem)
    yield person
    person.http.close()


@pytest.fixture
def walled(tmp_path: Path) -> Iterator[GolemStandIn]:
    """One that keeps its commands apart."""
    with GolemStandIn(tmp_path / "walled") as made:
        if made.sandbox == "none":
            pytest.skip(f"no namespaces on this machine: {made.reason}")
        yield made


@pytest.fixture
def bob(walled: GolemStandIn) -> Iterator[Requestor]:
    """Bob, who demands there."""
    person = Requestor(walled)
    yield person
    person.http.close()
