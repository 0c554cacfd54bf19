"""The templates for Golem, run as their README says, if there is an interpreter that has yapapi."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from golem_lab import PATIENCE
from test_golem_yapapi import PYTHON, needs_yapapi

from sovrgit.devnet.golem.sandbox import Sandbox
from sovrgit.pod.scaffold import write_template

pytestmark = needs_yapapi


@pytest.fixture
def images(tmp_path: Path) -> None:
    """Only where images can be used."""
    (tmp_path / "probe").mkdir()
    sandbox = Sandbox(tmp_path / "probe")
    if sandbox.kind == "none":
        pytest.skip(f"no namespaces on this machine: {sandbox.reason}")


def run(home: Path, pod: Path) -> Any:
    """The record of a run of a pod on the devnet."""
    environ = {
        "PATH": os.defpath,
        "HOME": str(home),
        "SOVR_CONFIG": str(home / "config.toml"),
        "SOVR_AUTHOR_NAME": "Ann",
        "SOVR_AUTHOR_EMAIL": "ann@example.org",
        "LC_ALL": "C.UTF-8",
    }

    def sovr(*arguments: str) -> str:
        argv = [sys.executable, "-m", "sovrgit", *arguments]
        done = subprocess.run(
            argv,
            cwd=pod,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE,
            check=False,
        )
        assert done.returncode == 0, (done.stdout, done.stderr)
        return done.stdout

    sovr("config", "--user", "golem.python", str(PYTHON))
    sovr("init")
    return json.loads(sovr("--json", "--yes", "run", "--on", "devnet").splitlines()[-1])


def change(pod: Path, name: str, old: str, new: str) -> None:
    text = (pod / name).read_text()
    assert old in text
    (pod / name).write_text(text.replace(old, new))


def test_golem_hello(tmp_path: Path) -> None:
    write_template("golem-hello", tmp_path / "pod")
    run(tmp_path, tmp_path / "pod")
    assert (tmp_path / "pod" / "output" / "greeting.txt").read_text() == "Hello, World!\n"


def test_classify(tmp_path: Path) -> None:
    write_template("classify", tmp_path / "pod")
    for image in (tmp_path / "pod" / "payload" / "images").iterdir():
        if image.stem not in ("three", "eight"):
            image.unlink()
    run(tmp_path, tmp_path / "pod")
    found = {file.stem: json.loads(file.read_text())["digit"] for file in (tmp_path / "pod" / "output").iterdir()}
    assert found == {"three": 3, "eight": 8}


@pytest.mark.usefixtures("images")
def test_blender(tmp_path: Path) -> None:
    write_template("blender", tmp_path / "pod")
    options = "blender.py --frames 7 --width 40 --height 30"
    change(tmp_path / "pod", "recipe.json", "blender.py", options)
    run(tmp_path, tmp_path / "pod")
    (frame,) = (tmp_path / "pod" / "output").iterdir()
    assert frame.name == "output_7.png" and b"stand-in for Blender" in frame.read_bytes()


@pytest.mark.usefixtures("images")
def test_blender_declared(tmp_path: Path) -> None:
    write_template("blender-declared", tmp_path / "pod")
    frames = sorted((tmp_path / "pod" / "payload" / "frames").iterdir())
    for frame in frames[1:]:
        frame.unlink()
    change(tmp_path / "pod", "payload/frames/0000.json", "400,\n    300", "40,\n    30")
    run(tmp_path, tmp_path / "pod")
    (frame,) = (tmp_path / "pod" / "output").iterdir()
    assert frame.name == "out0000.png" and b"stand-in for Blender" in frame.read_bytes()
