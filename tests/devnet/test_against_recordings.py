"""The stand-in answers as a real server was recorded to answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from recorded import Case, differences, load, replay, topics

from sovrgit.devnet.fairos import StandIn

NOT_OFFERED = ("/v1/dir/rename", "/v1/dir/chmod", "/v1/file/update", "/v1/file/chmod")
"""Calls that the stand-in does not have, because nothing here uses them. Cases are followed up to the first of them."""

OWN_WAYS = ("answer.json.nameHash is ", "GET /version: answer.text is '0.10.1\\n', not 'dev\\n'")
"""Where the stand-in is not like the recorded server: this was run without a name service, and built by hand."""

ANY_WORDS_WILL_DO = ("users/signup-with-mnemonic", 3)
"""The case and the step that need the list of words of mnemonics, which the stand-in does not have."""

CASES = [case for topic in topics() for case in load(topic)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_answers_are_those_of_a_real_server(case: Case, tmp_path: Path) -> None:
    folder = tmp_path / "fairos"
    server = StandIn(folder, cookie_domain="")

    def restart() -> None:
        nonlocal server
        server.close()
        server = StandIn(folder, port=server.port, cookie_domain="")

    try:
        answers = replay(case, server.url, restart)
    finally:
        server.close()

    found = differences(case, answers)
    if str(case) == ANY_WORDS_WILL_DO[0]:
        assert any(f"step {ANY_WORDS_WILL_DO[1]}," in line for line in found), "the exception is no longer needed"
        found = [line for line in found if f"step {ANY_WORDS_WILL_DO[1]}," not in line]
    found = [line for line in found if not any(way in line for way in OWN_WAYS)]
    end = next((n for n, step in enumerate(case.steps, 1) if _path(step.get("send", "")) in NOT_OFFERED), None)
    assert [line for line in found if end is None or _step(line) < end] == []


def test_there_is_something_to_compare() -> None:
    assert len(CASES) > 50


def _path(send: str) -> str:
    return send.partition(" ")[2]


def _step(line: str) -> int:
    return int(line.partition(" step ")[2].partition(",")[0])
