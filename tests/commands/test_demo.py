"""`sovr demo`: every step is really run, and the first that fails ends it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sovrgit.commands import demosteps

_ENVIRON = {
    **{name: value for name, value in os.environ.items() if not name.startswith("SOVR_")},
    "SOVR_CONFIG": "",
    "SOVR_AUTHOR_NAME": "Ada Lovelace",
}


def demo(*arguments: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the demo as a user would."""
    return subprocess.run(
        [sys.executable, "-m", "sovrgit", "demo", *arguments],
        cwd=cwd,
        env={**_ENVIRON, **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def without_sklearn(folder: Path) -> str:
    """A value of PYTHONPATH with which the demo finds no scikit-learn, whatever is installed."""
    (folder / "sitecustomize.py").write_text(
        "import importlib.util as util\n"
        "found = util.find_spec\n"
        "util.find_spec = lambda name, package=None: None if name == 'sklearn' else found(name, package)\n"
    )
    return str(folder)


def commands(document: dict[str, object]) -> list[str]:
    """The words after `sovr` that name the commands of the steps."""
    steps = document["steps"]
    assert isinstance(steps, list)
    return [step["command"].split()[1] if step["command"] else "edit" for step in steps]


LOOP = ["init", "commit", "run", "run", "remote", "push", "clone", "verify", "edit", "run", "diff", "lineage"]


def test_without_scikit_learn_the_small_pod_is_shown(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    here = tmp_path / "here"
    here.mkdir()

    shown = demo(cwd=here, PYTHONPATH=without_sklearn(tmp_path / "site"))

    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "pip install 'sovrgit[digits]'" in shown.stdout
    assert "$ cd sovr-demo" in shown.stdout
    assert '$ sovr commit -m "First version"' in shown.stdout.replace("'", '"')
    assert "is identical, 1 file" in shown.stdout
    assert "`payload/name.txt` was modified" in shown.stdout
    assert "+Hello, Ada!" in shown.stdout
    assert "What to try next" in shown.stdout
    assert (here / "sovr-demo/pod/output/greeting.txt").read_text() == "Hello, Ada!\n"
    assert (here / "sovr-demo/copy/output/greeting.txt").read_text() == "Hello, World!\n"


def test_digits_in_a_named_folder_as_json(tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="the digits pod needs scikit-learn")

    shown = demo("--json", "somewhere/new", cwd=tmp_path)

    assert shown.returncode == 0, shown.stdout + shown.stderr
    document = json.loads(shown.stdout)
    assert document["command"] == "demo"
    assert document["folder"] == str(tmp_path / "somewhere/new")
    assert document["template"] == "digits"
    assert commands(document) == LOOP
    assert {step["exit_code"] for step in document["steps"]} == {0}
    diff = document["steps"][-2]["output"]
    assert "accuracy" in diff and "settings.gamma: 0.001 -> 0.0005" in diff
    lineage = document["steps"][-1]["output"]
    assert "output/metrics.json" in lineage and "payload/settings.json" in lineage


def test_what_is_there_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "sovr-demo").mkdir()

    shown = demo(cwd=tmp_path)

    assert shown.returncode == 11
    assert "`sovr-demo` exists already" in shown.stderr
    assert shown.stdout == ""
    assert list((tmp_path / "sovr-demo").iterdir()) == []


def test_a_step_that_fails_ends_it(tmp_path: Path) -> None:
    # A configuration that cannot be read lets the very first command fail.
    broken = tmp_path / "config"
    broken.write_text("[nonsense\n")

    shown = demo("--json", cwd=tmp_path, SOVR_CONFIG=str(broken), SOVR_AUTHOR_NAME="")
    told = demo("other", cwd=tmp_path, SOVR_CONFIG=str(broken), SOVR_AUTHOR_NAME="")

    document = json.loads(shown.stdout)
    assert shown.returncode == document["exit_code"] == told.returncode == 13
    assert [step["exit_code"] for step in document["steps"]] == [13]
    assert str(broken) in document["steps"][0]["output"]
    assert "error:" in told.stdout and str(broken) in told.stdout
    assert "the demo ends here: `sovr init" in told.stderr
    assert "What to try next" not in told.stdout


@pytest.mark.parametrize("subject", [demosteps.DIGITS, demosteps.HELLO])
def test_both_pods_go_through_the_same_loop(subject: demosteps.Subject) -> None:
    assert [step.arguments[0] if step.arguments else "edit" for step in demosteps.steps(subject)] == LOOP
