"""Two people with a pod of the same inputs, and a remote between them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# The pod that runs are tested with is of use here, too.
sys.path.append(str(Path(__file__).parents[1] / "runs"))

from reuse_lab import Person


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Callable[..., Person]]:
    """Makes people."""
    people: list[Person] = []

    def make(name: str, script: str | None = None) -> Person:
        people.append(Person.begin(tmp_path, name, script))
        return people[-1]

    yield make
    for made in people:
        made.pod.close()


@pytest.fixture
def ann(person: Callable[..., Person]) -> Person:
    """Has run the pod, and pushed it to the remote `shared`."""
    made = person("Ann")
    made.key_of(7)
    made.run()
    made.publish("shared")
    return made


@pytest.fixture
def bob(person: Callable[..., Person]) -> Person:
    """Has the same inputs, and never run them."""
    made = person("Bob")
    made.knows("shared")
    return made
