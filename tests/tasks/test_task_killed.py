"""A task that was killed anywhere goes on: nothing is lost, and the end is the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).with_name("killed_task.py")
POINTS = 8


def test_killed_at_calls_that_write(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(tmp_path), str(POINTS)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    calls = [json.loads(line) for line in done.stdout.splitlines()]
    assert [call for call in calls if call["problems"]] == []
    assert sum(call["killed"] for call in calls) > POINTS // 2
