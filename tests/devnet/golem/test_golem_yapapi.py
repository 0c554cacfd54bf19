"""Unmodified requestor scripts on yapapi, if there is an interpreter that has it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from golem_lab import PAYMENT, Requestor
from yapapi_scripts import FILES, HELLO, PYTHON, needs_yapapi

from sovrgit.devnet.golem import GolemStandIn

PATIENCE = 120.0


def play(golem: GolemStandIn, folder: Path, script: str) -> str:
    """What a script prints that is run as the documentation says."""
    (folder / "script.py").write_text(script)
    command = f'. "{golem.folder}/env"; exec "$0" script.py'
    environ = {"PATH": os.defpath, "HOME": str(folder)}
    assert PYTHON is not None
    argv = ["/bin/sh", "-c", command, PYTHON]
    done = subprocess.run(argv, cwd=folder, env=environ, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_yapapi
def test_hello(tmp_path: Path, golem: GolemStandIn, ada: Requestor) -> None:
    assert play(golem, tmp_path, HELLO).split()[1] == "42"
    assert ada.get(f"{PAYMENT}/allocations") == []
    assert [one["status"] for one in ada.get(f"{PAYMENT}/invoices")] == ["SETTLED"]


@needs_yapapi
def test_files(tmp_path: Path, walled: GolemStandIn, bob: Requestor) -> None:
    said = play(walled, tmp_path, FILES)
    assert all(f"done {number}" in said and f'{{"n": {number}}}' in said for number in range(4)) and "paid 0.0" in said
    sizes = {(tmp_path / f"size-{number}").read_text().strip() for number in range(4)}
    assert sizes == {str(len(FILES))}


@needs_yapapi
def test_a_provider_that_crashes_costs_an_attempt_only(tmp_path: Path, golem: GolemStandIn, ada: Requestor) -> None:
    ada.fault(kind="crash")
    assert play(golem, tmp_path, HELLO).split()[1] == "42"
    assert len(ada.get(f"{PAYMENT}/invoices")) == 2
