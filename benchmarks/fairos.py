"""Measure pushes and clones through a FairOS server, beside an archive and plain files, and print the figures.

    python benchmarks/fairos.py --scale 0.01 --repeat 2
    python benchmarks/fairos.py --server URL --label "FairOS-dfs" --json real.json
    python benchmarks/fairos.py --from standin.json --from real.json --markdown docs/fairos-benchmarks-table.md

What each figure means and how it is taken is in `benchmarks/README.md`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import machine
from data import LARGE_NAME, LARGE_SIZE, SMALL_COUNT, prepare
from disk import Room, measure_sizes
from fairos_line import line
from fairos_report import Report, as_json, as_markdown, from_json
from fairos_scenario import Failed, Repetition, Source, base_environment, prepare_pod
from fairos_server import Server, standin

SETS = ("small", "large")
LARGE = 1 << 30
"""Bytes in the large file."""


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    options = _parse(arguments)
    try:
        if options.reports:
            report = from_json([json.loads(path.read_text()) for path in options.reports])
        else:
            report = _measure(options)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    text = as_markdown(report, _descriptions(float(report.header["scale"])))
    print(text)
    if options.markdown:
        options.markdown.write_text(text)
    if options.json:
        options.json.write_text(json.dumps(as_json(report), indent=1) + "\n")
    return 1 if report.failures else 0


def _measure(options: argparse.Namespace) -> Report:
    options.data.mkdir(parents=True, exist_ok=True)
    work = (options.work or options.data / "fairos").resolve()
    work.mkdir(parents=True, exist_ok=True)
    header = machine.describe(work) | {"scale": f"{options.scale:g}", "repetitions": str(options.repeat)}
    report = Report(header, [], {})
    for source in _sources(options):
        _say(f"{source.name}: making the data")
        size = measure_sizes((source.folder,)).allocated
        room = Room(work / "finished", size * 9, 5 * sum(1 for _ in source.folder.rglob("*")))
        room.clear()
        free = shutil.disk_usage(work).free
        if free < size * 9:
            raise OSError(f"{size * 9 / 2**30:.1f} GiB are needed at {work}, {free / 2**30:.1f} are free")
        prepared = work / "prepared"
        shutil.rmtree(prepared, ignore_errors=True)
        pod = prepare_pod(source, prepared)
        for number in range(options.repeat):
            for latency in options.latency:
                room.make()
                _repeat(options, source, pod, work, latency / 1000, number, report)
                room.put_away(work / "run")
                if source.edited is not None:
                    # Few files: nothing is lost by deleting them, and memory that was in use is not asked for anew.
                    room.clear()
        room.clear()
        shutil.rmtree(prepared)
    return report


def _repeat(
    options: argparse.Namespace, source: Source, pod: Path, work: Path, latency: float, number: int, report: Report
) -> None:
    """One repetition of one set at one server; what fails is noted, and is not tried again."""
    run = work / "run"
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir()
    where = options.label or (options.server or "stand-in")
    where += f", {latency * 1000:g} ms" if not options.server else ""
    where += f", {options.line:g} MB/s" if options.line else ""
    where += ", private" if options.private else ""
    if f"{source.name}, {where}" in report.failures:
        return
    _say(f"{source.name}, {where}: repetition {number + 1} of {options.repeat}")
    repetition = None
    try:
        with _server(options, run, latency) as server:
            repetition = Repetition(
                source,
                pod,
                server,
                where,
                number,
                run,
                private=options.private,
                timeout=options.timeout,
                downloads=options.downloads,
            )
            repetition.run()
    except Failed as error:
        report.failures[f"{source.name}, {where}"] = str(error)
    if repetition is not None:
        report.records.extend(repetition.records)


@contextlib.contextmanager
def _server(options: argparse.Namespace, run: Path, latency: float) -> Iterator[Server]:
    """The server to measure with, at the end of a line if there is to be one."""
    with contextlib.ExitStack() as stack:
        if options.server:
            server = Server(options.server, options.server_pid)
        else:
            home = run / "server-home"
            home.mkdir()
            server = stack.enter_context(standin(run / "server", latency, base_environment(home)))
        if options.line:
            near = stack.enter_context(line(server.url, options.line * 1e6))
            server = server._replace(url=near)
        yield server


def _sources(options: argparse.Namespace) -> Iterator[Source]:
    folder = options.data.resolve()
    for name in options.set:
        if name == "small":
            yield Source(name, prepare(folder, options.scale, {"small"}).small, None)
        else:
            data = prepare(folder, options.scale * LARGE / LARGE_SIZE, {"large", "edit"})
            yield Source(name, data.large, data.edited / LARGE_NAME)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    here = Path(__file__).parent
    parser.add_argument("--set", type=_sets, default=list(SETS), help=f"of {','.join(SETS)}; both by default")
    parser.add_argument("--latency", type=_numbers, default=[0.0, 50.0], help="of the stand-in, in ms; 0,50")
    parser.add_argument(
        "--line", type=float, metavar="MB/S", help="let all connections together carry no more each way"
    )
    parser.add_argument("--server", metavar="URL", help="a server that runs already, instead of the stand-in")
    parser.add_argument("--server-pid", type=int, metavar="PID", help="its process, to know what it computes")
    parser.add_argument("--label", help="what the tables call the server")
    parser.add_argument("--private", action="store_true", help="push a private pod, which is sealed")
    parser.add_argument("--downloads", type=_counts, default=(), metavar="N,...", help="more clones, N packs at once")
    parser.add_argument("--repeat", type=int, default=3, help="repetitions")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full size, to try things out")
    parser.add_argument("--timeout", type=float, default=1800.0, help="seconds that a step may take")
    parser.add_argument("--data", type=Path, default=here / "data", help="where the data is kept")
    parser.add_argument("--work", type=Path, help="where to measure; `fairos` in the data folder by default")
    parser.add_argument("--from", dest="reports", type=Path, action="append", metavar="FILE", help="show this report")
    parser.add_argument("--markdown", type=Path, help="write the report here too")
    parser.add_argument("--json", type=Path, help="write every single run here")
    options = parser.parse_args(arguments)
    if options.repeat < 1 or options.scale <= 0:
        parser.error("--repeat and --scale must be positive")
    if options.server:
        options.latency = [0.0]
    return options


def _sets(text: str) -> list[str]:
    names = [word for word in text.split(",") if word]
    for name in names:
        if name not in SETS:
            raise argparse.ArgumentTypeError(f"no set named {name}; there are {', '.join(SETS)}")
    return names


def _numbers(text: str) -> list[float]:
    return [float(word) for word in text.split(",") if word]


def _counts(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split(",") if word)


def _descriptions(scale: float) -> dict[str, str]:
    return {
        "small": f"{max(20, round(SMALL_COUNT * scale)):,} files of about 2 kB, 10 of them edited",
        "large": f"one random file of {LARGE * scale / 2**20:,.0f} MiB, 64 KiB inserted and 1 % overwritten",
    }


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
