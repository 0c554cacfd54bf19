"""Requestor scripts on the real daemon, and the devnet compared with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from real_lab import RealGolem
from recorded_golem import differences, load, topics
from yapapi_scripts import FILES, HELLO, PYTHON, needs_yapapi


def play(real: RealGolem, folder: Path, script: str) -> str:
    """What an unmodified script prints."""
    (folder / "script.py").write_text(script)
    done = real.run([str(PYTHON), "script.py"], folder)
    assert done.code == 0, done.stderr
    return done.stdout


@needs_yapapi
def test_hello(real: RealGolem, tmp_path: Path) -> None:
    assert play(real, tmp_path, HELLO).split()[1] == "42"


@needs_yapapi
def test_files_and_several_tasks(real: RealGolem, tmp_path: Path) -> None:
    # What commands print does not come as it is printed: the daemon passes no streams on between its own identities.
    script = FILES.replace("stream_output=True", "stream_output=False")
    said = play(real, tmp_path, script)
    assert all(f"done {number}" in said for number in range(4)) and "paid 0.0" in said
    sizes = {(tmp_path / f"size-{number}").read_text().strip() for number in range(4)}
    assert sizes == {str(len(script))}


@pytest.mark.parametrize("topic", topics())
def test_the_recorded_answers_are_still_those_of_the_daemon(real: RealGolem, topic: str) -> None:
    found = []
    for case, answers in zip(load(topic), real.replay(topic), strict=True):
        found += differences(case, answers)
    assert found == []
