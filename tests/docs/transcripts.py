"""Documentation that is executed: the `console` blocks of a page are one session, and must say what really happens.

    python tests/docs/transcripts.py --update docs/tutorial.md

A line `$ command` is run by a shell, all of a page in one shell and one folder; the lines below it are what it prints.
A comment `<!-- $ command -->` is run too, unseen, and must succeed. A comment `<!-- needs: MODULE -->` says that a page
cannot be run without a Python module.

Text and output may differ in ids, times, sizes and dates, but what is one id in the text is one id in the output. `…`
or `...` stands for anything in a line, and alone on a line for any lines.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

HOME = "/home/ada"
"""What the folder of the session is called in the text."""

_FENCE = re.compile(r"^(\s*)```console\s*$")
_HIDDEN = re.compile(r"^<!-- \$ (.*) -->$")
_NEEDS = re.compile(r"^<!-- needs: (\S+) -->$", re.MULTILINE)

_ANNOUNCES = "running, because "
"""`sovr run` prints the command that it runs with a `$` of its own, in the line after this one."""

_VARIABLE = re.compile(
    r"(?P<id>\b[0-9a-f]{64}\b|\b(?=[a-f]*\d)[0-9a-f]{10}\b|\b[a-f]{10}\b)"
    r"|(?P<time>\b\d+(?:\.\d+)? (?:ns|µs|ms|s|min|h)\b)"
    r"|(?P<size>\b\d+(?:\.\d+)? (?:B|KiB|MiB|GiB)\b)"
    r"|(?P<date>\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::[\d.]+)?(?:Z| [+-]\d{4})?)?)"
    r"|(?P<clock>\b\d\d:\d\d:\d\d\.\d{3}\b)"
    r"|(?P<ago>\b\d+ \w+ ago\b)"
)
_SHAPES = {
    "time": r"[\d.]+ \w+",
    "size": r"[\d.]+ \w+",
    "date": r"\d{4}-\d\d-\d\d(?:[T ][\d:.]+(?:Z| [+-]\d{4})?)?",
    "clock": r"[\d:.]+",
    "ago": r"\d+ \w+ ago",
}
_MACHINE = re.compile(r"((?<!\w)on |^Platform: +|^Executor: +|^Used: +)(?:\w+ \w+, Python [\d.]+|(?<=: ).*)")
_SHORT_ID = re.compile(r"\b[0-9a-f]{10}\b")
_GAP = re.compile(r"(?<=\S) {2,}")
_ANYTHING = re.compile(r"…|\.\.\.")


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
    """The commands of a page, in order."""
    steps: list[Step] = []
    indent: str | None = None
    for number, line in enumerate(text.splitlines()):
        if indent is None:
            if fence := _FENCE.match(line):
                indent = fence[1]
                inside: Step | None = None
            elif hidden := _HIDDEN.match(line):
                steps.append(Step(hidden[1], hidden=True))
            continue
        if line.strip() == "```":
            indent = None
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


def run(steps: list[Step], folder: Path) -> list[list[str]]:
    """Run the commands of a page in a new session; what each of them printed, line by line."""
    home, tools, results = folder / "home", folder / "bin", folder / "results"
    for place in (home, tools, results):
        place.mkdir()
    (tools / "sovr").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sovrgit "$@"\n')
    (tools / "sovr").chmod(0o755)
    script = ["exec </dev/null"]
    for number, step in enumerate(steps):
        kept = f'"{results}/{number}'
        script += [f'{{ {step.command}\n}} >{kept}.out" 2>&1', f'status=$?; echo $status >{kept}.code"; (exit $status)']
    environ = {
        "PATH": os.pathsep.join([str(tools), str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        # What is tested is this checkout, whatever is installed.
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "HOME": str(home),
        "SOVR_AUTHOR_NAME": "Ada Lovelace",
        "SOVR_AUTHOR_EMAIL": "ada@example.org",
        "NO_COLOR": "1",
        "COLUMNS": "100",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        # As on a terminal, what is printed to both streams comes in order.
        "PYTHONUNBUFFERED": "1",
    }
    subprocess.run(["bash", "-c", "\n".join(script)], cwd=home, env=environ, timeout=120, check=False)
    printed = []
    for number, step in enumerate(steps):
        code = (results / f"{number}.code").read_text().strip()
        output = (results / f"{number}.out").read_text().replace(str(home), HOME)
        if "Traceback (most recent call last)" in output and "/sovrgit/commands/" in output:
            raise Mismatch(f"$ {step.command}\n{output}")
        if step.hidden and code != "0":
            raise Mismatch(f"the hidden command `{step.command}` ended with {code}:\n{output}")
        printed.append([line.rstrip() for line in output.rstrip("\n").split("\n")] if output.strip() else [])
    return printed


class Ids:
    """Which id of the text is which id of the output."""

    def __init__(self) -> None:
        self.actual: dict[str, str] = {}
        self.written: dict[str, str] = {}

    def same(self, written: str, actual: str) -> bool:
        """Whether two ids may stand for the same thing; remembered if they do."""
        written, actual = written[:10], actual[:10]
        if self.actual.get(written, actual) != actual or self.written.get(actual, written) != written:
            return False
        self.actual[written], self.written[actual] = actual, written
        return True

    def name(self, actual: str) -> str:
        """What an id of the output is called in the text; a new one is called what it is, if that is free."""
        return self.written[actual] if actual in self.written or not self.same(actual, actual) else actual

    def learn(self, tried: Callable[[Ids], bool]) -> bool:
        """Try something with a copy, and remember what that learned only if it holds."""
        other = Ids()
        other.actual, other.written = dict(self.actual), dict(self.written)
        if not tried(other):
            return False
        self.actual, self.written = other.actual, other.written
        return True


def matches(expected: list[str], actual: list[str], ids: Ids) -> bool:
    """Whether the text says what was printed; `ids` learns what it did not know."""
    if not expected:
        return not actual
    if expected[0].strip() in ("…", "..."):
        return any(
            ids.learn(lambda tried, rest=actual[skipped:]: matches(expected[1:], rest, tried))
            for skipped in range(len(actual) + 1)
        )
    if not actual or not line_matches(expected[0], actual[0], ids):
        return False
    return matches(expected[1:], actual[1:], ids)


def line_matches(expected: str, actual: str, ids: Ids) -> bool:
    """Whether one line says the same."""
    pattern, written = _pattern(expected)
    found = re.fullmatch(pattern, _GAP.sub("  ", actual.rstrip()))
    return found is not None and all(ids.same(one, found[f"id{n}"]) for n, one in enumerate(written))


def _pattern(line: str) -> tuple[str, list[str]]:
    """A regular expression for a line, and the ids in it."""
    line = _GAP.sub("  ", line.rstrip())
    parts: list[str] = []
    written: list[str] = []
    at = 0
    for found in _VARIABLE.finditer(line):
        parts.append(_literal(line[at : found.start()]))
        at = found.end()
        if found.lastgroup == "id":
            parts.append(f"(?P<id{len(written)}>[0-9a-f]{{{len(found[0])}}})")
            written.append(found[0])
        else:
            parts.append(_SHAPES[found.lastgroup or ""])
    parts.append(_literal(line[at:]))
    return "".join(parts), written


def _literal(text: str) -> str:
    return ".*?".join(map(re.escape, _ANYTHING.split(text)))


def check(text: str, folder: Path) -> None:
    """Run a page.

    Raises:
        Mismatch: if the program does not say what the text says.
    """
    steps, ids = parse(text), Ids()
    for step, actual in zip(steps, run(steps, folder), strict=True):
        if not step.hidden and not matches(step.expected, actual, ids):
            said, prints = "\n".join(step.expected), "\n".join(actual)
            raise Mismatch(f"$ {step.command}\n--- the text says\n{said}\n--- it prints\n{prints}")


def updated(text: str, folder: Path) -> str:
    """The page with the output of today, where that is not what it says."""
    steps, ids = parse(text), Ids()
    lines = text.splitlines()
    changes: list[tuple[Step, list[str]]] = []
    for step, actual in zip(steps, run(steps, folder), strict=True):
        expected = step.expected
        if not step.hidden and not ids.learn(lambda tried, a=expected, b=actual: matches(a, b, tried)):
            changes.append((step, [f"{step.indent}{line}".rstrip() for line in _written(step.expected, actual, ids)]))
    for step, actual in reversed(changes):
        lines[step.first : step.last] = actual
    return "\n".join(lines) + "\n"


def _written(expected: list[str], actual: list[str], ids: Ids) -> Iterator[str]:
    """What to write: lines that are right stay as they are, known ids keep their names, machines have none."""
    for number, line in enumerate(actual):
        if number < len(expected) and ids.learn(lambda tried, a=expected[number], b=line: line_matches(a, b, tried)):
            yield expected[number]
        else:
            yield _MACHINE.sub(r"\1…", _SHORT_ID.sub(lambda found: ids.name(found[0]), line))


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
