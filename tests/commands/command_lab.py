"""The command line in a folder of its own: in this process, in another one, and on a terminal."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sovrgit.commands.main import run

PATIENCE = 30.0
"""Seconds after which a test gives up; nothing waits that long when all is well."""

ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LC_ALL": "C.UTF-8",
    "SOVR_CONFIG": "",
    "SOVR_CREDENTIALS": "/nonexistent/credentials",
    "SOVR_AUTHOR_NAME": "Ann",
    "SOVR_AUTHOR_EMAIL": "ann@example.org",
    "TERM": "xterm",
    "PYTHONWARNINGS": "error",
}
ID = re.compile(r"\b[0-9a-f]{64}\b")


@dataclass(frozen=True)
class Said:
    """What a command printed, and how it ended."""

    out: str
    err: str
    code: int

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Cli:
    """Runs `sovr` in `folder`, in this process."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[bytes], patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._capture = capture
        self._patch = patch

    def __call__(self, *arguments: str, code: int = 0) -> Said:
        self._patch.chdir(self.folder)
        self._capture.readouterr()
        ended = run(arguments)
        out, err = self._capture.readouterr()
        said = Said(*(text.decode("utf-8", "surrogateescape") for text in (out, err)), ended)
        assert said.code == code, said
        return said

    def json(self, command: str, *arguments: str, code: int = 0) -> Any:
        """The document that a command prints, checked against its schema."""
        said = self("--json", command, *arguments, code=code)
        (line,) = said.lines
        return checked(command, line)

    def failure(self, *arguments: str, code: int) -> Any:
        """The document about a failure that a command prints, and nothing else."""
        said = self("--json", *arguments, code=code)
        assert said.out == ""
        found = checked("error", said.err.splitlines()[-1])["error"]
        assert found["exit_code"] == code
        return found

    def set(self, **variables: str) -> None:
        for name, value in variables.items():
            self._patch.setenv(name, value)

    def write(self, path: str, text: str | bytes) -> Path:
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text if isinstance(text, bytes) else text.encode())
        return place

    def read(self, path: str) -> str:
        return (self.folder / path).read_text()

    def script(self, text: str) -> None:
        self.write("script/run.sh", text + "\n")

    def pod(self, name: str = "pod", **golem: Any) -> None:
        """Make a pod that copies `payload/in.txt` to `output/out.txt`, and work in it from now on."""
        self.folder = self.folder / name
        recipe = {"name": name, "golem": {"exec": "sh script/run.sh", **golem}}
        self.write("recipe.json", json.dumps(recipe, indent=2) + "\n")
        self.script("echo working\ncp payload/in.txt output/out.txt")
        self.write("payload/in.txt", "one\n")
        self("init", "-q")
        (self.folder / ".sovrignore").unlink()
        self("commit", "-q", "-m", "First version")

    def share(self) -> Path:
        """Push the pod to a remote beside it."""
        place = self.folder.parent / "shared"
        self("remote", "add", "origin", "../shared")
        self("push")
        return place

    def at(self, folder: Path) -> Cli:
        """The same somewhere else."""
        return Cli(folder, self._capture, self._patch)


@cache
def schema(name: str) -> dict[str, Any]:
    """A schema, by the name of its command."""
    loaded: dict[str, Any] = json.loads(files("sovrgit.ui").joinpath("schemas", f"{name}.json").read_text("utf-8"))
    return loaded


def checked(name: str, text: str) -> Any:
    """A document, checked against a schema. It is text that every program can read."""
    document = json.loads(text)
    text.encode("ascii")
    json.dumps(document, ensure_ascii=False).encode("utf-8")  # fails for halves of surrogate pairs
    jsonschema.Draft202012Validator(schema(name)).validate(document)
    return document


def words(text: str) -> str:
    """The text without ids and lengths of time, which differ from run to run."""
    text = re.sub(r"\b[0-9a-f]{64}\b", "<ID>", text)
    text = re.sub(r"\b[0-9a-f]{10}\b", "<id>", text)
    return re.sub(r"\b[0-9.]+ (?:µs|ms|s)\b", "<time>", text)


def argv(*arguments: str) -> list[str]:
    """The command line of another process."""
    return [sys.executable, "-m", "sovrgit", *arguments]


class Terminal:
    """A process on a terminal of 80 columns and 24 lines."""

    def __init__(self, folder: Path, command: Sequence[str], environ: Mapping[str, str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.seen = b""
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env={**ENVIRONMENT, **environ},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def expect(self, text: str) -> None:
        """Read until the text has come."""
        deadline = time.monotonic() + PATIENCE
        while text.encode() not in self.seen:
            assert self._read(deadline), f"no {text!r} in {self.seen!r}"

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait_for_sleep(self) -> None:
        """Wait until the process waits itself. A signal just before it begins to read would not wake it."""
        stat = Path(f"/proc/{self.process.pid}/stat")
        deadline = time.monotonic() + PATIENCE
        while stat.exists() and b") S " not in stat.read_bytes():
            assert time.monotonic() < deadline

    def end(self) -> tuple[str, int]:
        """Everything that was shown, with plain line ends, and the exit code."""
        deadline = time.monotonic() + PATIENCE
        while self._read(deadline):
            pass
        code = self.process.wait(PATIENCE)
        return self.seen.decode("utf-8", "surrogateescape").replace("\r\n", "\n"), code

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)

    def _read(self, deadline: float) -> bool:
        if not select.select([self._master], [], [], max(deadline - time.monotonic(), 0))[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # Linux reports the end of a terminal so
            return False
        self.seen += data
        return bool(data)


@contextlib.contextmanager
def terminal(folder: Path, *arguments: str, environ: Mapping[str, str] = {}) -> Iterator[Terminal]:
    """`sovr` on a terminal."""
    made = Terminal(folder, argv(*arguments), environ)
    try:
        yield made
    finally:
        made.close()


def on_terminal(folder: Path, *arguments: str, environ: Mapping[str, str] = {}) -> tuple[str, int]:
    """What `sovr` shows on a terminal, and its exit code."""
    with terminal(folder, *arguments, environ=environ) as made:
        return made.end()
