"""The benchmark of FairOS: that it runs to its end, at a size at which its figures mean nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "fairos.py"


def run(*arguments: str) -> str:
    done = subprocess.run([sys.executable, PROGRAM, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr
    return done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="memory and processor time are read in /proc")
def test_every_step_is_measured_and_reported(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    options = ["--scale", "0.0005", "--repeat", "1", "--set", "small", "--latency", "0", "--line", "0.5"]
    said = run(*options, "--data", str(tmp_path / "data"), "--json", str(figures))
    records = {record["step"]: record for record in json.loads(figures.read_text())["records"]}
    assert {"push", "clone", "push-edit", "pull-edit", "upload", "download", "zip-push", "zip-clone"} == set(records)
    assert all(record["seconds"] > 0 for record in records.values())
    # What was pushed was read back, and what was cloned is what was pushed.
    assert records["push"]["sent"] > records["push-edit"]["sent"] > 0
    assert records["clone"]["received"] <= records["push"]["received"]
    assert records["upload"]["sent"] == records["download"]["received"] == records["push"]["sent"]
    # The line carries half a megabyte a second, but for what was on its way when it began.
    assert records["upload"]["waiting"] > 0.8 * records["upload"]["sent"] / 0.5e6 - 0.01
    assert "| push of the edits " in said and "stand-in, 0 ms, 0.5 MB/s" in said
    assert run("--from", str(figures)) == said
