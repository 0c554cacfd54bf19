"""Interpreters for requestor scripts: what is wrong with one is said, with the way to mend it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from job_lab import PYTHON, needs_yapapi

from sovrgit.errors import InterpreterUnfit
from sovrgit.runs.golem.interpreter import check_interpreter, with_shim

ENVIRON = {"PATH": os.defpath}


def fake(folder: Path, body: str, version: str = "0.13.1") -> dict[str, str]:
    """An environment in which there is a yapapi of the test's own."""
    (folder / "yapapi").mkdir(parents=True)
    (folder / "yapapi" / "__init__.py").write_text(body)
    about = folder / f"yapapi-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: yapapi\nVersion: {version}\n")
    return {**ENVIRON, "PYTHONPATH": str(folder)}


def program(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_one_that_works(tmp_path: Path) -> None:
    found = check_interpreter(Path(sys.executable), fake(tmp_path, ""))
    assert found.packages["yapapi"] == "0.13.1" and found.python == sys.version.split()[0]


def test_yapapi_is_missing(tmp_path: Path) -> None:
    python = program(tmp_path / "python", f'exec {sys.executable} -I -S "$@"')
    with pytest.raises(InterpreterUnfit, match="yapapi is not installed there") as caught:
        check_interpreter(python, ENVIRON)
    assert "pip install 'sovrgit[golem]'" in caught.value.hint and "golem.python" in caught.value.hint


def test_yapapi_is_broken(tmp_path: Path) -> None:
    environ = fake(tmp_path, "from jsonrpc_base import nothing_like_it")
    with pytest.raises(InterpreterUnfit, match=r"yapapi 0.13.1 is broken there \(.*Error: ") as caught:
        check_interpreter(Path(sys.executable), environ)
    assert "--force-reinstall" in caught.value.hint


def test_one_that_ends_in_the_middle_of_the_import(tmp_path: Path) -> None:
    with pytest.raises(InterpreterUnfit, match="broken"):
        check_interpreter(Path(sys.executable), fake(tmp_path, "import os; os._exit(0)"))


def test_what_is_no_interpreter(tmp_path: Path) -> None:
    with pytest.raises(InterpreterUnfit, match="cannot be started: no such file"):
        check_interpreter(tmp_path / "python", ENVIRON)
    with pytest.raises(InterpreterUnfit, match="no Python that works"):
        check_interpreter(program(tmp_path / "python", "echo hello"), ENVIRON)
    with pytest.raises(InterpreterUnfit, match=r"no Python that works \(boom\)"):
        check_interpreter(program(tmp_path / "python", "echo boom >&2; exit 1"), ENVIRON)


def test_the_search_path_of_the_user_stays() -> None:
    made = with_shim({"PYTHONPATH": "/a:/b", "PYTHONHOME": "/c"})
    assert made["PYTHONPATH"].endswith(":/a:/b") and "PYTHONHOME" not in made


@needs_yapapi
def test_the_real_one() -> None:
    assert check_interpreter(Path(PYTHON), ENVIRON).packages["yapapi"] == "0.13.1"
