"""The surroundings in which a page's commands are run: one shell, homes of people who are not there, servers."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

PERSON = "ada"
"""Whose home a session begins in."""

_HOMES = "/home"
"""Where the homes of the session are in the text."""

_PATIENCE = 120.0
"""Seconds for all commands of a page."""

_SOVR = """\
#!/bin/sh
exec "{python}" -m sovrgit "$@"
"""
_SOVR_AT_SERVER = """\
#!/bin/sh
exec "{python}" -c 'import sys
from sovrgit.remotes.fairos import address
address.DEFAULT = sys.argv.pop(1)
from sovrgit.commands import main
main()' {server} "$@"
"""
"""The server of a page is where `sovr` looks for one when it is told of none, whatever port it has."""

_BECOME = """\
become() {{
    export HOME="{homes}/$1" SOVR_AUTHOR_NAME="$2" SOVR_AUTHOR_EMAIL="$1@example.org"
    mkdir -p "$HOME" && cd
}}
"""


class Terminal:
    """A shell that runs one command after the other.

    Args:
        folder: an empty one, for everything that the session leaves.
        servers: addresses of the text. Behind each stands a FairOS stand-in, in this process, on a port that is free;
            the first one is the server that `sovr` uses when it is told of none.
    """

    def __init__(self, folder: Path, servers: Sequence[str] = ()) -> None:
        self._homes, self._results = folder / "home", folder / "results"
        self._shown: dict[str, str] = {}
        self._count = 0
        tools, home = folder / "bin", self._homes / PERSON
        for place in (tools, home, self._results):
            place.mkdir(parents=True)
        with ExitStack() as opened:
            for number, server in enumerate(servers):
                from sovrgit.devnet.fairos import StandIn

                self._shown[server] = opened.enter_context(StandIn(folder / f"server{number}")).url
            program = _SOVR_AT_SERVER if servers else _SOVR
            first = self._shown[servers[0]] if servers else ""
            (tools / "sovr").write_text(program.format(python=sys.executable, server=first))
            (tools / "sovr").chmod(0o755)
            self._shell = subprocess.Popen(
                ["bash", "-s"],
                cwd=home,
                env=_environment(tools, home),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                bufsize=1,
            )
            opened.callback(self._end)
            self._watch = threading.Timer(_PATIENCE, self._shell.kill)
            self._watch.start()
            self._send(_BECOME.format(homes=self._homes))
            self._opened = opened.pop_all()

    def run(self, command: str) -> tuple[list[str], str]:
        """Run a command of the text; what it printed, line by line, as the text has it, and its exit code."""
        for shown, actual in self._shown.items():
            command = command.replace(shown, actual)
        self._count += 1
        kept = self._results / str(self._count)
        # In braces and not in a subshell, so that `cd` and `export` last.
        self._send(f'{{ {command}\n}} </dev/null >"{kept}" 2>&1\nstatus=$?; echo "$status"; (exit "$status")\n')
        assert self._shell.stdout is not None
        code = self._shell.stdout.readline().strip()
        output = kept.read_text().replace(str(self._homes), _HOMES) if kept.exists() else ""
        for shown, actual in self._shown.items():
            output = output.replace(actual, shown)
        if not code.isdigit():
            output += f"\nthe shell ended: {code or 'it was too slow, or left'}"
        return [line.rstrip() for line in output.rstrip("\n").split("\n")] if output.strip() else [], code

    def _send(self, text: str) -> None:
        assert self._shell.stdin is not None
        self._shell.stdin.write(text)
        self._shell.stdin.flush()

    def _end(self) -> None:
        self._watch.cancel()
        self._shell.kill()
        self._shell.communicate()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()


def _environment(tools: Path, home: Path) -> dict[str, str]:
    return {
        "PATH": os.pathsep.join([str(tools), str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        # What is tested is this checkout, whatever is installed.
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "HOME": str(home),
        "SOVR_AUTHOR_NAME": "Ada Lovelace",
        "SOVR_AUTHOR_EMAIL": "ada@example.org",
        # Nothing of a session may get into the keyring of whoever runs the tests.
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "NO_COLOR": "1",
        "COLUMNS": "100",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        # As on a terminal, what is printed to both streams comes in order.
        "PYTHONUNBUFFERED": "1",
    }
