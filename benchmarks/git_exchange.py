"""Measure `sovr git import` and `export` beside `git clone`, on a Git repository of your own.

    python benchmarks/git_exchange.py REPOSITORY [--repeat 3] [--work DIR] [--sovr PATH]

`git clone --no-local` reads every object that it takes, as an import does; the usual clone of a folder links the files
of the packs and reads none. What comes back is compared with what was there, ref by ref.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import measure

TIMEOUT = 3600.0
"""Seconds that a step may take."""


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("repository", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--work", type=Path, help="a folder on the disk that is to be measured")
    parser.add_argument("--sovr", default=shutil.which("sovr") or "sovr")
    options = parser.parse_args()
    source = options.repository.resolve()
    # Taken from the folder that this is called in; the steps run in others.
    sovr = os.path.abspath(shutil.which(options.sovr) or options.sovr)
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        work = Path(folder)
        environment = {**os.environ, "HOME": folder, "SOVR_CONFIG": "", "GIT_CONFIG_NOSYSTEM": "1"}
        # A pod and a repository that take in what is there, over which repetitions go.
        steps = {
            "git clone --no-local": ["git", "clone", "-q", "--no-local", str(source), str(work / "clone")],
            "sovr git import": [sovr, "git", "import", str(source), str(work / "pod")],
            "sovr git import, nothing new": [sovr, "-C", str(work / "pod"), "git", "import", str(source)],
            "sovr git export": [sovr, "-C", str(work / "pod"), "git", "export", str(work / "out.git")],
            "sovr git export, nothing new": [
                sovr,
                "-C",
                str(work / "pod"),
                "git",
                "export",
                str(work / "out.git"),
            ],
        }
        taken: dict[str, list[measure.Measurement]] = {title: [] for title in steps}
        for number in range(options.repeat):
            for place in ("clone", "pod", "out.git"):
                shutil.rmtree(work / place, ignore_errors=True)
            for title, argv in steps.items():
                print(f"{number + 1}: {title}", file=sys.stderr)
                found = measure.run(argv, folder=work, environment=environment, timeout=TIMEOUT)
                if found.failure:
                    print(f"error: {title}: {found.failure}", file=sys.stderr)
                    return 1
                taken[title].append(found)
        print(table(taken))
        kept = _refs(source) == _refs(work / "out.git")
        print(f"\n{len(_refs(source))} branches and tags, {_commits(source)} commits; ids the same: {kept}")
    return 0 if kept else 1


def table(taken: dict[str, list[measure.Measurement]]) -> str:
    """The medians, as Markdown."""
    base = statistics.median(found.seconds for found in next(iter(taken.values())))
    rows = ["| step | seconds | times Git's | processor, s | peak memory, MB |", "| --- | ---: | ---: | ---: | ---: |"]
    for title, found in taken.items():
        seconds = statistics.median(one.seconds for one in found)
        processor = statistics.median(one.processor for one in found)
        peak = max(one.peak for one in found) / 1e6
        rows.append(f"| `{title}` | {seconds:.1f} | {seconds / base:.1f} | {processor:.1f} | {peak:.0f} |")
    return "\n".join(rows)


def _refs(repository: Path) -> list[str]:
    """Branches and tags with their ids."""
    asked = [
        "git",
        "-C",
        str(repository),
        "for-each-ref",
        "refs/heads",
        "refs/tags",
        "--format=%(refname) %(objectname)",
    ]
    return _lines(asked)


def _commits(repository: Path) -> int:
    return int(_lines(["git", "-C", str(repository), "rev-list", "--count", "--branches", "--tags"])[0])


def _lines(argv: Sequence[str]) -> list[str]:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.splitlines()


if __name__ == "__main__":
    sys.exit(main())
