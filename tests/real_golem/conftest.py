"""The real daemon, started once, where no route leads out. These tests run if they are asked for, and can."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "devnet" / "golem"))

from real_lab import VARIABLE, Impossible, RealGolem, find_yagna  # noqa: E402 - they need the path above


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave them out where nobody asks for them: a daemon that is only installed is no reason to start it."""
    asked = "real_golem" in str(config.getoption("markexpr")) or VARIABLE in os.environ
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.real_golem)
            if not asked:
                item.add_marker(pytest.mark.skip(reason=f"asked for with `-m real_golem`, or by {VARIABLE}"))


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealGolem]:
    """The daemon and its providers."""
    pytest.importorskip("flatbuffers", reason="the service bus needs `flatbuffers`, of the extra `test`")
    binary = find_yagna()
    if binary is None:
        pytest.skip(f"no `yagna`: {VARIABLE} does not name one, and there is none on the path")
    try:
        golem = RealGolem(binary, tmp_path_factory.mktemp("real-golem"))
    except Impossible as error:
        pytest.skip(str(error))
    with golem:
        yield golem
        assert golem.problems() == []
