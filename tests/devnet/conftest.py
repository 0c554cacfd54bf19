"""A stand-in of its own for every test, and somebody who has signed up there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from standin_lab import Person

from sovrgit.devnet.fairos import StandIn


@pytest.fixture
def standin(tmp_path: Path) -> Iterator[StandIn]:
    with StandIn(tmp_path / "fairos") as made:
        yield made


@pytest.fixture
def ada(standin: StandIn) -> Iterator[Person]:
    """Ada, who has a pod `box`."""
    person = Person(standin.url).sign_up()
    person.reference = person.pod()
    yield person
    person.http.close()
