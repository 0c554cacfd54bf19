"""Killed at every call that writes: nothing that was committed is lost, and what is left is whole."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from killing import ACTIONS

PROGRAM = Path(__file__).with_name("killing.py")


@pytest.mark.parametrize("action", ACTIONS)
def test_killed_at_every_call_that_writes(tmp_path: Path, action: str) -> None:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(tmp_path), action], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    calls = [json.loads(line) for line in done.stdout.splitlines()]
    assert [call for call in calls if call["problems"]] == []
    assert calls[-1]["ended"] and len(calls) > 5
