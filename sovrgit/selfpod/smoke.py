"""The script of the program's own pod: installs it in a new environment, and makes, runs, pushes, clones and verifies
a pod with it.

Where the libraries that it needs are installed already, no network is needed. What is written to output/smoke.json is
the same on every machine. Below, `POD` is right for `script/smoke.py`, where a copy of this file is.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

POD = Path(__file__).absolute().parent.parent
STEPS = [
    (".", ["init", "--template", "hello-world", "pod"]),
    ("pod", ["commit", "-m", "First version"]),
    ("pod", ["run"]),
    ("pod", ["remote", "add", "origin", "../shared"]),
    ("pod", ["push"]),
    (".", ["clone", "shared", "copy"]),
    ("copy", ["verify", "--yes"]),
]


def main() -> None:
    """Install and try."""
    # Below the pod no more: there, the program would be found without being installed.
    with TemporaryDirectory() as folder:
        place = Path(folder)
        python = install(place / "environment")
        installed = sovr(python, place, ["--version"]).split()[-1]
        for step, (where, arguments) in enumerate(STEPS, start=1):
            say(f"{step}. sovr {' '.join(arguments)}")
            sovr(python, place / where, arguments)
        greeting = (place / "copy" / "output" / "greeting.txt").read_text(encoding="utf-8")
    result = {"version": installed, "steps": [" ".join(arguments) for _, arguments in STEPS], "greeting": greeting}
    (POD / "output").mkdir(exist_ok=True)
    (POD / "output" / "smoke.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    say(f"sovr {installed} works")


def install(environment: Path) -> Path:
    """Install the program into a new environment; the Python there."""
    python = environment / "bin" / "python"
    missing = [name for name in requirements() if not is_here(name)]
    if missing:
        say(f"not here, so pip gets what is needed: {', '.join(missing)}")
        venv.create(environment, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", POD], check=True)
        return python
    venv.create(environment)
    packages = next(environment.glob("lib/python*/site-packages"))
    libraries = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    (packages / "libraries.pth").write_text("\n".join(libraries) + "\n", encoding="utf-8")
    sys.path.insert(0, str(POD))
    from sovrgit.selfpod.backend import build_wheel

    os.chdir(POD)
    with zipfile.ZipFile(environment / build_wheel(str(environment))) as wheel:
        wheel.extractall(packages)
    return python


def requirements() -> list[str]:
    """The names of the libraries that are needed in any case."""
    head = (POD / "PKG-INFO").read_text(encoding="utf-8").partition("\n\n")[0]
    needed = re.findall(r"^Requires-Dist: ([\w.-]+)(.*)$", head, re.MULTILINE)
    return [name for name, rest in needed if ";" not in rest]


def is_here(name: str) -> bool:
    """Whether a library is installed."""
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def sovr(python: Path, folder: Path, arguments: list[str]) -> str:
    """What the installed program prints."""
    own = {"SOVR_CONFIG": "", "SOVR_AUTHOR_NAME": "Smoke Test", "SOVR_NO_INPUT": "1"}
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("SOVR_", "PYTHONPATH"))}
    ended = subprocess.run(
        [python, "-m", "sovrgit", *arguments],
        cwd=folder,
        env={**environ, **own},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if ended.returncode:
        sys.exit(f"{ended.stdout}\nsovr {' '.join(arguments)} ended with {ended.returncode}")
    return ended.stdout


def say(text: str) -> None:
    """Tell what happens."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
