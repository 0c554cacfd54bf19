"""Measure `sovr` and its peers on the same data, in turn, and print the figures with their ratios.

    python benchmarks/run.py --scale 0.01 --set small,large,edit,startup --tools sovr,git,cp,tar

What each figure means and how it is taken is in `benchmarks/README.md`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

import machine
from data import LARGE_SIZE, MIXED_COUNT, SMALL_COUNT, prepare
from report import as_json, as_markdown
from scenario import Outcome, needed_space, run_all
from startup import Startup, run_startup
from tools import TOOLS, Tool, choose

SETS = ("small", "large", "edit", "mixed", "startup")


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    options = _parse(arguments)
    try:
        tools = choose(options.tools, dict(options.tool_path))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    versions = {tool.name: _version(tool) for tool in tools}
    present = [tool for tool in tools if not tool.missing]
    options.data.mkdir(parents=True, exist_ok=True)
    work = (options.work or options.data / "work").resolve()
    work.mkdir(parents=True, exist_ok=True)
    header = machine.describe(work)
    sets = set(options.set) - {"startup"}
    _say("making the data")
    data = prepare(options.data.resolve(), options.scale, sets)
    free, (needed, _) = shutil.disk_usage(work).free, needed_space(data, sets)
    if free < needed:
        print(f"error: {needed / 2**30:.1f} GiB are needed at {work}, {free / 2**30:.1f} are free", file=sys.stderr)
        return 1
    outcome = Outcome()
    if sets:
        outcome = run_all(sets, present, data, work, repeat=options.repeat, timeout=options.timeout, say=_say)
    startup: list[Startup] = []
    failures: dict[str, str] = {}
    if "startup" in options.set:
        _say("startup")
        startup, failures = run_startup(present, work)
    settings = {"scale": options.scale, "repeat": options.repeat, "timeout": options.timeout}
    header |= {"scale": f"{options.scale:g}", "repetitions": str(options.repeat)}
    ordered = [name for name in SETS if name in options.set]
    names = [tool.name for tool in present]
    text = as_markdown(header, versions, outcome, startup, failures, names, ordered, _descriptions(options.scale))
    print(text)
    if options.markdown:
        options.markdown.write_text(text)
    if options.json:
        document = as_json(header, versions, outcome, startup, settings)
        options.json.write_text(json.dumps(document, indent=1) + "\n")
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    here = Path(__file__).parent
    parser.add_argument("--set", type=_sets, default=list(SETS), help=f"of {','.join(SETS)}; all by default")
    parser.add_argument(
        "--tools",
        type=_list,
        default=["sovr", "git", "cp", "tar"],
        help=f"of {','.join(TOOLS)}; cp and tar are families",
    )
    parser.add_argument(
        "--tool-path", type=_assignment, action="append", default=[], metavar="NAME=PATH", help="an executable"
    )
    parser.add_argument("--repeat", type=int, default=3, help="repetitions of each tool on each set")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full size, to try things out")
    parser.add_argument("--timeout", type=float, default=900.0, help="seconds that a step may take")
    parser.add_argument("--data", type=Path, default=here / "data", help="where the data is kept")
    parser.add_argument("--work", type=Path, help="where to measure; `work` in the data folder by default")
    parser.add_argument("--markdown", type=Path, help="write the report here too")
    parser.add_argument("--json", type=Path, help="write every single run here")
    options = parser.parse_args(arguments)
    if options.repeat < 1 or options.scale <= 0:
        parser.error("--repeat and --scale must be positive")
    return options


def _list(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def _sets(text: str) -> list[str]:
    for name in _list(text):
        if name not in SETS:
            raise argparse.ArgumentTypeError(f"no set named {name}; there are {', '.join(SETS)}")
    return _list(text)


def _assignment(text: str) -> tuple[str, str]:
    name, mark, path = text.partition("=")
    if not mark:
        raise argparse.ArgumentTypeError(f"{text} is not NAME=PATH")
    return name, path


def _version(tool: Tool) -> str:
    return f"not installed ({tool.missing})" if tool.missing else tool.version()


def _descriptions(scale: float) -> dict[str, str]:
    return {
        "small": f"{max(20, round(SMALL_COUNT * scale)):,} files of about 2 kB, 10 of them edited",
        "large": f"one random file of {LARGE_SIZE * scale / 2**20:,.0f} MiB",
        "edit": "the large file with 64 KiB inserted and 1 % of its blocks overwritten, committed after it",
        "mixed": f"{max(2, round(MIXED_COUNT * scale)):,} files of 1 to 20 MB, half of them compressible, 10 edited",
        "startup": "commands in a repository of 10 files",
    }


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
