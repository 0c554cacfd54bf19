"""What a long or a large history costs: log, diff, merge, switch, upkeep, a million files. Git does it in the same run.

    python benchmarks/history.py --scale 0.01            # small, a minute
    python benchmarks/history.py --sovr PATH --work DIR  # everything at full size

Prints a table with seconds and ratios. Everything that is measured is a whole process; what is prepared is not. With
`--markdown FILE` the table is added to the file, so that sets can be measured one by one: at full size they take from a
minute (`upkeep`) to ten (`long`, `million`), most of it for what is prepared.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import measure
from machine import describe

COMMITS = 10_000
FILES = 100_000
MANY = 1_000_000
PER_FOLDER = 100
CHANGES = 100
UPKEEP = 2 << 30
"""Bytes that are checked and collected."""

ENVIRONMENT = {
    "SOVR_AUTHOR_NAME": "Benchmark",
    "SOVR_AUTHOR_EMAIL": "benchmark@example.org",
    "SOVR_CONFIG": "",
    "SOVR_NO_INPUT": "1",
    "SOVR_NO_PROGRESS": "1",
    "SOVR_PAGER": "",
    "GIT_AUTHOR_NAME": "Benchmark",
    "GIT_AUTHOR_EMAIL": "benchmark@example.org",
    "GIT_COMMITTER_NAME": "Benchmark",
    "GIT_COMMITTER_EMAIL": "benchmark@example.org",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "PATH": os.environ.get("PATH", os.defpath),
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
}


class Row(NamedTuple):
    """A step of one tool: median seconds, and the most memory in bytes."""

    step: str
    tool: str
    seconds: float
    peak: int


class Bench:
    """Runs commands in turn, and collects what they took."""

    def __init__(self, sovr: str, git: str, work: Path, repeat: int) -> None:
        self.programs = {"sovr": sovr, "git": git}
        self.work = work
        self.repeat = repeat
        self.rows: list[Row] = []
        self.start = self.seconds(lambda: self.run("sovr", ["--version"], work))[0]

    def run(self, tool: str, arguments: Sequence[str], folder: Path, *, memory: bool = False) -> measure.Measurement:
        found = measure.run([self.programs[tool], *arguments], folder=folder, environment=ENVIRONMENT, memory=memory)
        # A merge or a diff may say that there is something by ending with 1.
        if found.exit_code not in (0, 1):
            raise SystemExit(f"{tool} {' '.join(arguments)}: {found.failure}")
        return found

    def do(self, tool: str, arguments: Sequence[str], folder: Path) -> None:
        """Run something that is not measured."""
        self.run(tool, arguments, folder)

    def seconds(self, action: Callable[[], measure.Measurement]) -> tuple[float, int]:
        taken = [action() for _ in range(self.repeat)]
        return statistics.median(one.seconds for one in taken), max(one.peak for one in taken)

    def measure(
        self,
        step: str,
        tool: str,
        arguments: Sequence[str],
        folder: Path,
        before: Callable[[], None] | None = None,
        *,
        memory: bool = False,
    ) -> float:
        def once() -> measure.Measurement:
            if before is not None:
                before()
            return self.run(tool, arguments, folder, memory=memory)

        seconds, peak = self.seconds(once)
        self.rows.append(Row(step, tool, seconds, peak))
        sys.stderr.write(f"{step}: {tool} {seconds:.3f} s\n")
        return seconds


def long_history(bench: Bench, scale: float) -> None:
    """Thousands of commits of one small file: what the log takes, and one commit more."""
    count = max(int(COMMITS * scale), 50)
    pod, repository = bench.work / "long-sovr", bench.work / "long-git"
    for folder in (pod, repository):
        folder.mkdir()
    bench.do("sovr", ["init", "--name", "long"], pod)
    bench.do("git", ["init", "-q", "-b", "main"], repository)
    for done, upto in ((0, count // 100), (count // 100, count // 10), (count // 10, count)):
        _make_commits(bench, pod, done, upto)
        number = [upto]

        def edit(folder: Path = pod, number: list[int] = number) -> None:
            number[0] += 1
            (folder / "file").write_text(f"{number[0]} once more\n")

        bench.measure(f"one commit more, after {upto}", "sovr", ["commit", "-q", "-m", "More"], pod, edit)
    stream = b"".join(
        b"commit refs/heads/main\ncommitter B <b@example.org> %d +0000\ndata 6\nChange\n"
        b"M 644 inline file\ndata %d\n%s\n" % (1_700_000_000 + number, len(b"%d\n" % number), b"%d\n" % number)
        for number in range(count)
    )
    subprocess.run(
        [bench.programs["git"], "fast-import", "--quiet"], input=stream, cwd=repository, env=ENVIRONMENT, check=True
    )
    for tool, folder in (("git", repository), ("sovr", pod)):
        bench.measure(f"log of {count} commits", tool, ["log", "--oneline"], folder)
        bench.measure("log -n 10", tool, ["log", "--oneline", "-n", "10"], folder)


def _make_commits(bench: Bench, pod: Path, start: int, end: int) -> None:
    """Commit by the library, in one process, as fast as it goes; small packs are folded as the commands would."""
    program = (
        "import sys, sovrgit\n"
        "from sovrgit.pod.gc import GcRequest, collect, worthwhile\n"
        "place, start, end = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])\n"
        "for number in range(start, end):\n"
        "    with sovrgit.open(place, author='B <b@example.org>') as pod:\n"
        "        (pod.root / 'file').write_text(f'{number}\\n')\n"
        "        pod.commit(f'Change {number}')\n"
        "        tidy = worthwhile(pod.repository)\n"
        "    if tidy:\n"
        "        with sovrgit.open(place, author='B <b@example.org>') as pod:\n"
        "            collect(pod.repository, GcRequest(10**18, few=25))\n"
    )
    python = Path(bench.programs["sovr"]).with_name("python")
    subprocess.run([str(python), "-c", program, str(pod), str(start), str(end)], env=ENVIRONMENT, check=True, cwd=pod)


def large_trees(bench: Bench, scale: float) -> None:
    """Two branches of very many files, which differ in a hundred of them."""
    count = max(int(FILES * scale), 1000)
    pod, repository = bench.work / "trees-sovr", bench.work / "trees-git"
    _write_files(pod, count)
    shutil.copytree(pod, repository)
    chosen = random.Random(1).sample(range(count), 2 * CHANGES)
    bench.do("sovr", ["init", "--name", "trees"], pod)
    bench.do("git", ["init", "-q", "-b", "main"], repository)
    for tool, folder in (("sovr", pod), ("git", repository)):
        _commit(bench, tool, folder, "First")
        bench.do(tool, ["switch", "-q", "-c", "side"], folder)
        _edit(folder, chosen[:CHANGES], "side")
        _commit(bench, tool, folder, "Side")
        bench.do(tool, ["switch", "-q", "main"], folder)
        _edit(folder, chosen[CHANGES:], "main")
        _commit(bench, tool, folder, "Main")
    for tool, folder in (("git", repository), ("sovr", pod)):
        bench.measure(
            f"diff of {count} files, {CHANGES} changed", tool, ["diff", "--name-only", "main~1", "side"], folder
        )
        bench.measure(
            f"diff of {count} files, {2 * CHANGES} changed", tool, ["diff", "--name-only", "main", "side"], folder
        )
        bench.measure("the same with content", tool, ["diff", "main", "side"], folder)

        def back(tool: str = tool, folder: Path = folder) -> None:
            bench.do(tool, ["switch", "-q", "main"], folder)

        bench.measure("switch", tool, ["switch", "-q", "side"], folder, back)
        back()
        tip = [0]

        def unmerged(tool: str = tool, folder: Path = folder, tip: list[int] = tip) -> None:
            tip[0] += 1
            bench.do(tool, ["switch", "-q", "main"], folder)
            bench.do(tool, ["switch", "-q", "-c", f"merge-{tip[0]}"], folder)

        bench.measure("merge", tool, ["merge", "-m", "Merge", "side"], folder, unmerged)


def upkeep(bench: Bench, scale: float) -> None:
    """Checking everything, and collecting what is of no use."""
    size = max(int(UPKEEP * scale), 8 << 20)
    pod = bench.work / "upkeep"
    pod.mkdir()
    source = random.Random(2)
    with (pod / "large.bin").open("wb") as file:
        for _ in range(size >> 20):
            file.write(source.randbytes(1 << 20))
    bench.do("sovr", ["init", "--name", "upkeep"], pod)
    _commit(bench, "sovr", pod, "First")
    gib = size / (1 << 30)
    for arguments in (["fsck"], ["gc", "--dry-run"]):
        seconds = bench.measure(f"{' '.join(arguments)} of {gib:.2f} GiB", "sovr", arguments, pod, memory=True)
        sys.stderr.write(f"  {size / seconds / 1e9:.2f} GB/s\n")
    repository = bench.work / "upkeep-git"
    repository.mkdir()
    os.link(pod / "large.bin", repository / "large.bin")
    bench.do("git", ["init", "-q", "-b", "main"], repository)
    bench.do("git", ["-c", "core.compression=0", "add", "-A"], repository)
    bench.do("git", ["commit", "-q", "-m", "First"], repository)
    bench.measure(f"fsck of {gib:.2f} GiB", "git", ["fsck"], repository)


def million(bench: Bench, scale: float) -> None:
    """A million files: with memory, once."""
    count = max(int(MANY * scale), 1000)
    pod = bench.work / "million"
    _write_files(pod, count)
    bench.do("sovr", ["init", "--name", "million"], pod)
    repeat, bench.repeat = bench.repeat, 1
    bench.measure(f"commit of {count} files", "sovr", ["commit", "-q", "-m", "First"], pod, memory=True)
    bench.measure("status of them", "sovr", ["status"], pod, memory=True)
    bench.do("sovr", ["remote", "add", "origin", str(bench.work / "million-remote")], pod)
    bench.measure("push of them", "sovr", ["push", "-q"], pod, memory=True)
    remote, clone = str(bench.work / "million-remote"), str(bench.work / "million-clone")
    bench.measure("clone of them", "sovr", ["clone", remote, clone], bench.work, memory=True)
    bench.repeat = repeat


def _write_files(folder: Path, count: int) -> None:
    for number in range(count):
        place = folder / f"d{number // PER_FOLDER:05d}"
        if number % PER_FOLDER == 0:
            place.mkdir(parents=True)
        (place / f"f{number % PER_FOLDER:02d}").write_bytes(b"file %d\n" % number)


def _edit(folder: Path, numbers: Sequence[int], text: str) -> None:
    for number in numbers:
        (folder / f"d{number // PER_FOLDER:05d}" / f"f{number % PER_FOLDER:02d}").write_text(f"{text} {number}\n")


def _commit(bench: Bench, tool: str, folder: Path, message: str) -> None:
    if tool == "git":
        bench.do("git", ["add", "-A"], folder)
    bench.do(tool, ["commit", "-q", "-m", message], folder)


def report(bench: Bench, facts: dict[str, str]) -> str:
    """A table, with the ratio to Git where it did the same, and the time beyond what `sovr --version` takes."""
    lines = [f"* {key}: {value}" for key, value in facts.items()]
    lines += [f"* start-up of `sovr`: {bench.start:.3f} s", ""]
    lines += [
        "| step | sovr s | beyond start-up s | git s | sovr / git | peak MiB |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    git = {row.step: row.seconds for row in bench.rows if row.tool == "git"}
    for row in bench.rows:
        if row.tool != "sovr":
            continue
        other = git.get(row.step)
        ratio = f"{row.seconds / other:.2f}" if other else "–"
        peak = f"{row.peak / 2**20:.0f}" if row.peak else "–"
        beyond = max(row.seconds - bench.start, 0.0)
        lines.append(
            f"| {row.step} | {row.seconds:.3f} | {beyond:.3f} | {f'{other:.3f}' if other else '–'} | {ratio} | {peak} |"
        )
    return "\n".join(lines) + "\n"


SETS = {"long": long_history, "trees": large_trees, "upkeep": upkeep, "million": million}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sovr", default=shutil.which("sovr") or "sovr")
    parser.add_argument("--git", default=shutil.which("git") or "git")
    parser.add_argument("--work", type=Path, default=Path(__file__).parent / "data" / "history")
    parser.add_argument("--set", default=",".join(SETS), help=f"of {', '.join(SETS)}")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    work = options.work.absolute()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    facts = {**describe(work), "scale": f"{options.scale:g}", "repetitions": str(options.repeat)}
    bench = Bench(str(Path(options.sovr).absolute()), options.git, work, options.repeat)
    for name in options.set.split(","):
        SETS[name](bench, options.scale)
    table = report(bench, facts)
    print(table)
    if options.markdown:
        if not options.markdown.exists():
            options.markdown.write_text("# Long histories and large trees\n")
        with options.markdown.open("a") as file:
            file.write(f"\n## {options.set}\n\n{table}")
    shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
