"""Every decoder refuses spoiled bytes as it should. `run.py` does the same for as long as one likes."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import mutated
from run import FOUND, try_one
from targets import Target, make_targets

NAMES = (
    *("tree", "commit", "run", "tag", "verdict", "toc", "manifest"),
    *("pack", "pack header", "entry header", "chunk list"),
    *("refs", "journal", "index", "merge state", "remote state", "config"),
    *("recipe", "ignore", "log", "registry", "archive", "bundle", "sealed"),
    *("tar archive", "approvals", "call log", "receipts", "recipe lock", "lock holder"),
)


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Target]:
    return make_targets(tmp_path_factory.mktemp("fuzz"))


def test_all_are_named(targets: dict[str, Target]) -> None:
    assert tuple(targets) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_what_is_good_is_read(targets: dict[str, Target], name: str) -> None:
    for seed in targets[name].seeds:
        targets[name].check(seed)
        targets[name].check(targets[name].mend(seed))


@pytest.mark.parametrize("name", NAMES)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(random=st.randoms(use_true_random=False))
def test_spoiled_bytes_are_refused(targets: dict[str, Target], name: str, random: Random) -> None:
    target = targets[name]
    data = mutated(random.choice(target.seeds), random, target.seeds)
    try_one(target, data)
    try_one(target, target.mend(data))


@pytest.mark.parametrize("path", sorted(FOUND.iterdir()), ids=lambda path: path.name)
def test_what_was_found_once(targets: dict[str, Target], path: Path) -> None:
    name = path.name.rpartition("-")[0].replace("-", " ")
    try_one(targets[name], path.read_bytes())
