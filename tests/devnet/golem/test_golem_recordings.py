"""The stand-in answers as the real daemon was recorded to answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from recorded_golem import Case, differences, load, replay, topics

from sovrgit.devnet.golem import Fault, GolemStandIn

CASES = [case for topic in topics() for case in load(topic)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_answers_are_those_of_the_real_daemon(case: Case, tmp_path: Path) -> None:
    with GolemStandIn(tmp_path / "golem", providers=1, namespaces=False) as golem:
        key = golem.variables["YAGNA_APPKEY"]
        answers = replay(case, golem.url, key, lambda fault: golem.faults.add(Fault.of(fault)))
    assert differences(case, answers) == []
