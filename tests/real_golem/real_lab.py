"""The real daemon and its providers, seen from outside of the place without routes that they are in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

_INSIDE = Path(__file__).with_name("inside.py")
VARIABLE = "SOVR_TEST_YAGNA"


class Impossible(Exception):
    """This machine does not allow it."""


@dataclass(frozen=True, slots=True)
class Done:
    """How a program has ended."""

    code: int
    stdout: str
    stderr: str


def find_yagna() -> Path | None:
    """The daemon: the one that a variable names, or one beside this Python or on the path."""
    named = os.environ.get(VARIABLE)
    beside = Path(sys.executable).with_name("yagna")
    found = named or shutil.which("yagna", path=f"{beside.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}")
    return Path(found).absolute() if found else None


class RealGolem:
    """All of it, until it is closed.

    Attributes:
        version: of the daemon.
    """

    def __init__(self, binary: Path, folder: Path) -> None:
        """Start it.

        Raises:
            Impossible: if this machine does not allow it.
        """
        # What is read and written in there belongs to this user, who is somebody else inside.
        argv = [sys.executable, str(_INSIDE), str(binary), str(folder)]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        said = self._said()
        if "impossible" in said:
            self.close()
            raise Impossible(said["impossible"])
        self.version: str = said["ready"]["version"]

    def run(self, argv: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> Done:
        """Run a program in there; it finds what a requestor script needs in its environment."""
        return Done(**self._ask(run=list(argv), folder=str(folder), environment=dict(environment or {})))

    def replay(self, topic: str) -> list[Any]:
        """What the daemon answers to the cases of a topic of the fixtures."""
        answers: list[Any] = self._ask(replay=topic)["answers"]
        return answers

    def problems(self) -> list[str]:
        """What went wrong in the provider stand-ins."""
        found: list[str] = self._ask(problems=True)["problems"]
        return found

    def close(self) -> None:
        """End everything."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> RealGolem:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, **order: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._said()
        if "failed" in answer:
            raise AssertionError(answer["failed"])
        return answer

    def _said(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(f"what runs inside has ended: {self._process.wait()}")
        said: dict[str, Any] = json.loads(line)
        return said
