"""Measure `sovr run` in tasks: planning, what is added to the time of each pod, and how well pods run side by side.

    python benchmarks/tasks.py [--pods 200] [--repeat 3] [--work DIR] [--sovr PATH] [--shape folders,matrix,references]

Beside it runs `make -j`, which does nothing but start the same commands and look at the times of files: nothing is
committed, recorded or kept apart.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import machine
import measure

TIMEOUT = 1800.0
"""Seconds that a step may take."""

SLEEPERS, SLEEP, JOBS = 8, 2, 2
"""Pods that run side by side, how many seconds each takes, and how many run at the same time."""

AUTHOR = {"SOVR_AUTHOR_NAME": "Bench", "SOVR_AUTHOR_EMAIL": "bench@example.org"}


class Bench:
    """Where it is measured, with what, and how often."""

    def __init__(self, work: Path, sovr: str, repeat: int) -> None:
        self.work = work
        self.sovr = sovr
        self.repeat = repeat
        self.environment = {**os.environ, "HOME": str(work), "SOVR_CONFIG": "", **AUTHOR}
        self.rows: list[str] = []

    def prepare(self, folder: Path, *arguments: str) -> None:
        """Run `sovr` without measuring it."""
        subprocess.run([self.sovr, *arguments], cwd=folder, env=self.environment, check=True, stdout=subprocess.DEVNULL)

    def measure(
        self,
        title: str,
        folder: Path,
        argv: Sequence[str],
        aim: str,
        shown: Callable[[float], str],
        before: Callable[[], None] = lambda: None,
    ) -> float:
        """Run a command some times in a folder; the median of the seconds.

        Args:
            shown: says in a table what the seconds mean.
            before: what is done before each, and is not measured.
        """
        found: list[measure.Measurement] = []
        for _ in range(self.repeat):
            before()
            print(f"{title} …", file=sys.stderr)
            one = measure.run(argv, folder=folder, environment=self.environment, timeout=TIMEOUT)
            if one.failure:
                sys.exit(f"error: {title}: {one.failure}")
            found.append(one)
        seconds = [one.seconds for one in found]
        middle = statistics.median(seconds)
        peak = max(one.peak for one in found) / 1e6
        span = f"{min(seconds):.2f} to {max(seconds):.2f}"
        self.rows.append(f"| {title} | {middle:.2f} | {span} | {shown(middle)} | {aim} | {peak:.0f} |")
        return middle


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pods", type=int, default=200)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--shape", default="folders,matrix,references")
    parser.add_argument("--work", type=Path, help="a folder on the disk that is to be measured")
    parser.add_argument("--sovr", default=shutil.which("sovr") or "sovr")
    given = parser.parse_args()
    sovr = os.path.abspath(shutil.which(given.sovr) or given.sovr)
    with tempfile.TemporaryDirectory(dir=given.work, prefix="sovr-bench.") as folder:
        facts = machine.describe(Path(folder))
        bench = Bench(Path(folder), sovr, given.repeat)
        # Work that is known is not done: what is left is the start of the program.
        begin = bench.measure("sovr --version", Path(folder), [sovr, "--version"], "", lambda _: "")
        for shape in given.shape.split(","):
            chain(bench, shape, given.pods, begin)
        side_by_side(bench)
    print("; ".join(f"{name}: {value}" for name, value in facts.items()))
    print("\n| step | seconds | least to most | that is | aim | peak memory, MB |")
    print("| --- | ---: | ---: | --- | --- | ---: |")
    print("\n".join(bench.rows))


def chain(bench: Bench, shape: str, pods: int, begin: float) -> None:
    """Plan and run a task of pods that do next to nothing."""
    task = bench.work / shape
    make_task(bench, task, shape, pods, "echo done > output/out")
    run = [bench.sovr, "--yes", "run", "--jobs", "1"]

    def each(seconds: float) -> str:
        return f"{(seconds - begin) / pods * 1000:.0f} ms a pod"

    def nothing_run() -> None:
        shutil.rmtree(task)
        make_task(bench, task, shape, pods, "echo done > output/out")
        # Pods that are got are there once they were planned.
        bench.prepare(task, "--yes", "run", "--plan")

    title = f"{pods} pods, {shape}"
    bench.measure(f"{title}: first run, one after the other", task, run, "100 ms a pod", each, nothing_run)
    bench.measure(f"{title}: run again, `--force`", task, [*run, "--force"], "100 ms a pod", each)
    plan = [*run[:3], "--plan"]
    bench.measure(f"{title}: plan, all known", task, plan, "2 s", lambda seconds: f"{seconds / 2:.2f} of the aim")
    bench.measure(f"{title}: run, all known", task, run, "", lambda _: "")


def side_by_side(bench: Bench) -> None:
    """Pods that wait, which do not need each other."""
    task = bench.work / "sleepers"
    make_task(bench, task, "folders", SLEEPERS, f"sleep {SLEEP}; echo done > output/out", needs=False)
    ideal = math.ceil(SLEEPERS / JOBS) * SLEEP
    title = f"{SLEEPERS} pods of {SLEEP} s on {JOBS} jobs"

    def against(seconds: float) -> str:
        return f"{seconds / ideal:.3f} of the ideal {ideal} s"

    argv = [bench.sovr, "run", "--jobs", str(JOBS), "--force"]
    bench.measure(title, task, argv, "1.2", against)
    if make := shutil.which("make"):
        folder = bench.work / "make"
        folder.mkdir()
        names = " ".join(f"out-{number}" for number in range(SLEEPERS))
        (folder / "Makefile").write_text(f"all: {names}\nout-%:\n\tsleep {SLEEP}; echo done > $@\n")
        bench.measure(f"the same with `make -j {JOBS}`", folder, [make, "-sBj", str(JOBS)], "", against)


def make_task(bench: Bench, task: Path, shape: str, pods: int, script: str, *, needs: bool = True) -> None:
    """Write a task. With `needs`, the last pod takes the output of all others."""
    task.mkdir()
    entries: list[dict[str, object]]
    if shape == "matrix":
        write_pod(task / "pods/all", "all", script)
        entries = [{"ref": "pods/all", "needs": [], "matrix": {"n": list(range(pods - needs))}}]
    elif shape == "folders":
        for number in range(pods - needs):
            write_pod(task / f"pods/p{number}", f"p{number}", script)
        entries = [{"ref": f"pods/p{number}", "needs": []} for number in range(pods - needs)]
    else:
        # Every pod has a history of its own; the first is copied.
        beside = task.with_name(f"{task.name}-pods")
        if not beside.exists():
            write_pod(beside / "p0", "p0", script)
            bench.prepare(beside / "p0", "init", "-q")
            bench.prepare(beside / "p0", "commit", "-q", "-m", "First version")
            for number in range(1, pods - needs):
                shutil.copytree(beside / "p0", beside / f"p{number}")
        entries = [{"ref": f"../{beside.name}/p{number}", "needs": []} for number in range(pods - needs)]
    if needs:
        write_pod(task / "pods/last", "last", "cat payload/external/*/out > output/out")
        entries.append({"ref": "pods/last", "needs": [entry["ref"] for entry in entries]})
    (task / "recipe.json").write_text(json.dumps({"name": "bench", "pods": entries}))
    bench.prepare(task, "init", "-q")
    # Otherwise small packs are folded in the background, into the next measurement.
    bench.prepare(task, "config", "gc.auto", "false")


def write_pod(folder: Path, name: str, script: str) -> None:
    """Write the files of a pod that runs a shell script."""
    (folder / "script").mkdir(parents=True)
    (folder / "script/run.sh").write_text(f"# {name}\n{script}\n")
    (folder / "recipe.json").write_text(json.dumps({"name": name, "golem": {"exec": "sh script/run.sh"}}))


if __name__ == "__main__":
    main()
