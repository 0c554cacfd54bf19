"""Documentation that is executed: the `console` blocks of a page are one session, and must say what really happens.

    python tests/docs/transcripts.py --update docs/tutorial.md

A line `$ command` is run by a shell, all of a page in one shell and one folder; the lines below it are what it prints.
Text and output may differ in ids, keys, times, sizes and dates, but what is one id in the text is one id in the output,
also where a command of the text has it. `…` or `...` stands for anything in a line, and alone on a line for any lines.

Comments on a line of their own direct it:

    <!-- $ command -->            is run too, unseen, and must succeed
    <!-- $ become grace NAME -->  what follows is done by somebody else, on a machine of their own
    <!-- needs: MODULE -->        the page cannot be run without a Python module
    <!-- fairos: ADDRESS -->      a stand-in for a FairOS server, which is at this address in the text; the first one of
                                  a page is the server that `sovr` uses when it is told of none
    <!-- not yet -->              the block that follows is not run, because the program cannot do it yet
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from likeness import Ids, line_matches, matches, rewritten
from terminals import Terminal

_FENCE = re.compile(r"^(\s*)```console\s*$")
_HIDDEN = re.compile(r"^<!-- \$ (.*) -->$")
_NOT_YET = "<!-- not yet -->"
_NEEDS = re.compile(r"^<!-- needs: (\S+) -->$", re.MULTILINE)
_SERVER = re.compile(r"^<!-- fairos: (\S+) -->$", re.MULTILINE)

_ANNOUNCES = "running, because "
"""`sovr run` prints the command that it runs with a `$` of its own, in the line after this one."""


@dataclass
class Step:
    """A command with what the text says that it prints. `first` and `last` are lines of the page, for an update."""

    command: str
    hidden: bool = False
    expected: list[str] = field(default_factory=list)
    first: int = 0
    last: int = 0
    indent: str = ""


class Mismatch(AssertionError):
    """The text says something else than the program."""


def parse(text: str) -> list[Step]:
    """The commands of a page that can be run, in order."""
    steps: list[Step] = []
    indent: str | None = None
    is_run = True
    for number, line in enumerate(text.splitlines()):
        if indent is None:
            if fence := _FENCE.match(line):
                indent = fence[1]
                inside: Step | None = None
            elif hidden := _HIDDEN.match(line):
                steps.append(Step(hidden[1], hidden=True))
            elif line == _NOT_YET:
                is_run = False
            continue
        if line.strip() == "```":
            indent = None
            is_run = True
            continue
        if not is_run:
            continue
        body = line.removeprefix(indent)
        announced = inside is not None and inside.expected and inside.expected[-1].startswith(_ANNOUNCES)
        if body.startswith("$ ") and not announced:
            inside = Step(body[2:], first=number + 1, last=number + 1, indent=indent)
            steps.append(inside)
        elif inside is not None and body.startswith("> ") and not inside.expected:
            inside.command += "\n" + body[2:]
            inside.first = inside.last = number + 1
        elif inside is not None:
            inside.expected.append(body)
            inside.last = number + 1
        else:
            raise ValueError(f"line {number + 1}: a console block begins with a command")
    return steps


def needs(text: str) -> list[str]:
    """The Python modules without which a page cannot be run."""
    return _NEEDS.findall(text)


def check(text: str, folder: Path) -> None:
    """Run a page.

    Raises:
        Mismatch: if the program does not say what the text says.
    """
    ids = Ids()
    with closing(_play(text, folder, ids)) as played:
        for step, actual in played:
            if not matches(step.expected, actual, ids):
                said, prints = "\n".join(step.expected), "\n".join(actual)
                raise Mismatch(f"$ {step.command}\n--- the text says\n{said}\n--- it prints\n{prints}")


def updated(text: str, folder: Path) -> str:
    """The page with the output of today, where that is not what it says."""
    ids = Ids()
    lines = text.splitlines()
    changes: list[tuple[Step, list[str]]] = []
    for step, actual in _play(text, folder, ids):
        expected = step.expected
        if not ids.learn(lambda tried, a=expected, b=actual: matches(a, b, tried)):
            changes.append((step, [f"{step.indent}{line}".rstrip() for line in _written(expected, actual, ids)]))
    for step, actual in reversed(changes):
        lines[step.first : step.last] = actual
    return "\n".join(lines) + "\n"


def _play(text: str, folder: Path, ids: Ids) -> Generator[tuple[Step, list[str]], None, None]:
    """Run the commands of a page in a new session: each that can be seen, with what it printed.

    What is learned of ids from one is used in the next.
    """
    with Terminal(folder, _SERVER.findall(text)) as terminal:
        for step in parse(text):
            printed, code = terminal.run(ids.meant(step.command))
            output = "\n".join(printed)
            if not code.isdigit() or ("Traceback (most recent call last)" in output and "/sovrgit/commands/" in output):
                raise Mismatch(f"$ {step.command}\n{output}")
            if not step.hidden:
                yield step, printed
            elif code != "0":
                raise Mismatch(f"the hidden command `{step.command}` ended with {code}:\n{output}")


def _written(expected: list[str], actual: list[str], ids: Ids) -> Iterator[str]:
    """What to write: lines that are right stay as they are."""
    for number, line in enumerate(actual):
        if number < len(expected) and ids.learn(lambda tried, a=expected[number], b=line: line_matches(a, b, tried)):
            yield expected[number]
        else:
            yield rewritten(line, ids)


def main() -> None:
    """Bring pages up to date, or check them."""
    update = "--update" in sys.argv
    for name in [argument for argument in sys.argv[1:] if argument != "--update"]:
        path = Path(name)
        with tempfile.TemporaryDirectory() as folder:
            if update:
                path.write_text(updated(path.read_text(), Path(folder)))
            else:
                check(path.read_text(), Path(folder))


if __name__ == "__main__":
    main()
