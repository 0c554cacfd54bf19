"""Draws `_static/session.svg`: a real session, run in a temporary folder, as a terminal shows it.

python docs/make_terminal_picture.py
"""

from __future__ import annotations

import errno
import html
import io
import os
import re
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "_static" / "session.svg"
COLUMNS = 100
HOME = "/home/ada"
DATE = "1795424000"

SESSION = """\
 sovr init -q --template digits digits && cd digits && sovr remote add origin ../shared
sovr commit -m "First version"
sovr run
sed -i 's/"gamma": 0.001/"gamma": 0.0005/' payload/settings.json
sovr run
sovr diff --keys HEAD~1 HEAD output/metrics.json
sovr lineage output/metrics.json
sovr push
cd .. && sovr clone shared copy && cd copy
sovr verify --yes
"""
"""What is typed. Lines that begin with a space are run and not shown."""

THEME = TerminalTheme(
    (22, 27, 34),
    (222, 227, 234),
    [
        *((72, 79, 88), (255, 123, 114), (99, 205, 120), (226, 178, 84)),
        *((108, 172, 255), (200, 160, 255), (84, 200, 214), (222, 227, 234)),
    ],
)


def play(folder: Path) -> str:
    """Run the session; what the terminal shows, with escape sequences."""
    tools, home = folder / "bin", folder / "home"
    tools.mkdir()
    home.mkdir()
    (tools / "sovr").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sovrgit "$@"\n')
    (tools / "sovr").chmod(0o755)
    environ = {
        "PATH": os.pathsep.join([str(tools), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": str(ROOT),
        "HOME": str(home),
        "COLUMNS": str(COLUMNS),
        "TERM": "xterm-256color",
        "SOVR_PAGER": "",
        "SOVR_NO_PROGRESS": "1",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "SOVR_AUTHOR_NAME": "Ada Lovelace",
        "SOVR_AUTHOR_EMAIL": "ada@example.org",
        "SOVR_DATE": DATE,
    }
    lines = ["set -e"]
    for command in SESSION.splitlines():
        if not command.startswith(" "):
            shown = f"\x1b[1;32m$\x1b[0m \x1b[1m{command}\x1b[0m"
            lines.append(f"printf '%s\\n' {_quoted(shown)}")
            lines.append(command)
        else:
            lines.append(f"{{ {command}; }} >/dev/null 2>&1")
    output, code = _on_terminal(["bash", "-c", "\n".join(lines)], home, environ)
    if code:
        sys.exit(output)
    return output.replace("\r\n", "\n").replace(str(home), HOME)


def _on_terminal(command: list[str], folder: Path, environ: dict[str, str]) -> tuple[str, int]:
    """Run a command that sees a terminal; what it showed, and its exit code."""
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (50, COLUMNS))
    with subprocess.Popen(
        command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs
    ) as run:
        os.close(theirs)
        shown = b""
        try:
            while data := os.read(ours, 65536):
                shown += data
        except OSError as error:
            if error.errno != errno.EIO:  # how Linux says that the other end was closed
                raise
        os.close(ours)
    return shown.decode(), run.returncode


def draw(output: str) -> str:
    """The SVG, without the fonts that would be fetched from elsewhere."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(output.rstrip("\n")), soft_wrap=False)
    svg = console.export_svg(title="sovr", theme=THEME, unique_id="session")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace("font-family: Fira Code, monospace", "font-family: ui-monospace, Menlo, Consolas, monospace")
    svg = _TEXT.sub(_without_outer_spaces, svg)
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


_TEXT = re.compile(r' x="([\d.]+)" y="([\d.]+)" textLength="([\d.]+)"([^>]*)>([^<]*)</text>')


def _without_outer_spaces(found: re.Match[str]) -> str:
    """A piece of text that begins and ends with ink: what draws SVG does not agree on spaces there."""
    x, y, length, more, content = found.groups()
    text = html.unescape(content)
    inner = text.strip("\xa0")
    width = float(length) / max(len(text), 1)
    x, length = float(x) + width * (len(text) - len(text.lstrip("\xa0"))), width * len(inner)
    shown = html.escape(inner).replace("\xa0", "&#160;")
    return f' x="{x:.5g}" y="{y}" textLength="{length:.5g}"{more}>{shown}</text>'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        TARGET.write_text(draw(play(Path(temporary))), encoding="utf-8")
    sys.stdout.write(f"wrote {TARGET}\n")
