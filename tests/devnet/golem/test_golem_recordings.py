"""The stand-in answers as the real daemon was recorded to answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from recorded_golem import Case, differences, load, replay, topics

from sovrgit.devnet.golem import Fault, GolemStandIn

OWN_WAYS = (
    # What it says of itself in every offer.
    "proposal.properties has also sovr.devnet.memory-limit: ",
    # What it is called.
    "answer.json.name is 'sovr-devnet', not 'autoconfigured'",
    "answer.json.current.name is 'sovr devnet', not ",
    # In the recorded daemon both sides were at home: what it remembers of one mixes with what it does of the other.
    "answer.json.terminator is 'Requestor', not 'Provider'",
    "answer.json lacks previousDebitNoteId: '{note}'",
    # There was no chain on which anything could have been paid.
    "answer.json.status is 'SETTLED', not 'ACCEPTED'",
)
"""Where the stand-in is not like the recorded daemon."""

CASES = [case for topic in topics() for case in load(topic)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_answers_are_those_of_the_real_daemon(case: Case, tmp_path: Path) -> None:
    with GolemStandIn(tmp_path / "golem", providers=1, namespaces=False) as golem:
        key = golem.variables["YAGNA_APPKEY"]
        answers = replay(case, golem.url, key, lambda fault: golem.faults.add(Fault.of(fault)))
    assert [line for line in differences(case, answers) if not any(way in line for way in OWN_WAYS)] == []


def test_there_is_something_to_compare() -> None:
    assert len(CASES) > 50 and all("answer" in step or "fault" in step for case in CASES for step in case.steps)
