"""Killed at every third call that writes while it takes a result: all of it is committed, or nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
PROGRAM = Path(__file__).with_name("killed_taking.py")


def test_killed_at_every_third_call_that_writes(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(str(TESTS / name) for name in ("runs", "crash"))},
    )
    assert done.returncode == 0, done.stderr
    calls = [json.loads(line) for line in done.stdout.splitlines()]
    assert [call for call in calls if call["problems"]] == []
    assert calls[-1]["ended"] and len(calls) > 25
