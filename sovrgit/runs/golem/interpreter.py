"""The interpreter that requestor scripts run in: finding it, and finding out whether yapapi works there."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sovrgit.errors import InterpreterUnfit

SHIM = Path(__file__).parents[2] / "devnet" / "golem" / "shim"
"""The folder for PYTHONPATH with what makes yapapi work on every Python of today."""

_PATIENCE = 60.0
"""Seconds: the first import after an installation compiles everything."""

_PROBE = """
import json, sys
from importlib.metadata import distributions
print(sys.version.split()[0])
found = {}
for one in distributions():
    name = (one.metadata["Name"] or "").lower()
    if name in ("yapapi", "ya-aioclient", "aiohttp", "golem-core-python", "setuptools"):
        found.setdefault(name, one.version)
print(json.dumps(found))
sys.stdout.flush()
import yapapi
print("works")
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """An interpreter in which yapapi works, with the versions that a result may depend on."""

    path: Path
    python: str
    packages: Mapping[str, str]


def check_interpreter(path: Path, environ: Mapping[str, str]) -> Interpreter:
    """Try an interpreter.

    Args:
        environ: what scripts get to see.

    Raises:
        InterpreterUnfit: saying what is wrong with it.
    """
    try:
        done = subprocess.run(
            [path, "-c", _PROBE],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=with_shim(environ),
            timeout=_PATIENCE,
            check=False,
        )
    except OSError as error:
        reason = f"it cannot be started: {(error.strerror or str(error)).lower()}"
        hint = "name one that is there: `sovr config --user golem.python PATH`"
        raise InterpreterUnfit(python=path, reason=reason, hint=hint) from None
    except subprocess.TimeoutExpired:
        raise InterpreterUnfit(python=path, reason=f"it says nothing for {_PATIENCE:.0f} s") from None
    try:
        version, packages, *works = done.stdout.decode("utf-8", "replace").splitlines()
        found = json.loads(packages)
    except ValueError:
        raise InterpreterUnfit(python=path, reason=f"it is no Python that works ({_last_line(done.stderr)})") from None
    if works != ["works"]:
        if "yapapi" not in found:
            raise InterpreterUnfit(python=path, reason="yapapi is not installed there")
        reason = f"yapapi {found['yapapi']} is broken there ({_last_line(done.stderr)})"
        hint = (
            f"install it anew: `{path} -m pip install --force-reinstall 'sovrgit[golem]'`, or name another one: "
            "`sovr config --user golem.python PATH`"
        )
        raise InterpreterUnfit(python=path, reason=reason, hint=hint)
    return Interpreter(path, version, found)


def with_shim(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment in which Python finds the start-up shim."""
    search = [os.fspath(SHIM), *filter(None, [environ.get("PYTHONPATH")])]
    made = {**environ, "PYTHONPATH": os.pathsep.join(search)}
    # It would lead another Python to the libraries of this one.
    made.pop("PYTHONHOME", None)
    return made


def _last_line(text: bytes) -> str:
    lines = text.decode("utf-8", "replace").strip().splitlines()
    return lines[-1].strip()[:300] if lines else "no output"
