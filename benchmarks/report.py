"""The figures as Markdown tables and as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from disk import Sizes
from scenario import LIMITS, SETS, STEPS, Outcome
from startup import Startup

NOISY = 0.3
"""Spread (slowest less fastest, over the median) from which a median is marked as not to be trusted."""

UNEVEN = 3
"""Times that creating a file may take longer before one run than before another, until this is marked too."""

NOTHING = "–"

Figures = dict[tuple[str, str, str], list[float]]


def as_json(
    header: dict[str, str],
    versions: dict[str, str],
    outcome: Outcome,
    startup: Sequence[Startup],
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Everything that was measured, every single run of it. Seconds and bytes."""
    return {
        "version": 1,
        "machine": header,
        "settings": settings,
        "tools": versions,
        "records": [record._asdict() for record in outcome.records],
        "sizes": [
            {"data": data, "tool": tool, "step": step, **sizes._asdict()}
            for (data, tool, step), sizes in outcome.sizes.items()
        ],
        "failures": [
            {"data": data, "tool": tool, "step": step, "reason": reason}
            for (data, tool, step), reason in outcome.failures.items()
        ],
        "creation": outcome.creation,
        "startup": [entry._asdict() for entry in startup],
    }


def as_markdown(
    header: dict[str, str],
    versions: dict[str, str],
    outcome: Outcome,
    startup: Sequence[Startup],
    startup_failures: dict[str, str],
    tools: Sequence[str],
    sets: Iterable[str],
    describe: dict[str, str],
) -> str:
    """The whole report. `describe` says for each set what is in it."""
    parts = ["# Benchmarks", _header(header, versions, outcome)]
    for name in sets:
        if name == "startup":
            parts += ["## startup: " + describe[name], _startup(startup, startup_failures)]
            continue
        parts += [f"## {name}: {describe[name]}", _overview(name, tools, outcome)]
        parts += [_details(name, tools, outcome), _sizes(name, tools, outcome)]
        parts += [_failures(name, outcome)]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """A Markdown table with its columns lined up; the first `left` columns are text, the others figures."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]

    def text(line: Sequence[str]) -> str:
        cells = [
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        return f"| {' | '.join(cells)} |"

    ruler = ["-" * width if column < left else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    return "\n".join([text(lines[0]), text(ruler), *(text(line) for line in lines[1:])])


def _header(header: dict[str, str], versions: dict[str, str], outcome: Outcome) -> str:
    rows = [*header.items()]
    if outcome.creation:
        fastest, slowest = (1e6 * limit(outcome.creation) for limit in (min, max))
        rows.append(("creating a file", f"{fastest:.0f} to {slowest:.0f} µs{' ~' * (slowest > UNEVEN * fastest)}"))
    rows += versions.items()
    return table(("what", "value"), rows, left=2)


def _seconds(outcome: Outcome) -> Figures:
    figures: Figures = {}
    for record in outcome.records:
        figures.setdefault((record.data, record.tool, record.step), []).append(record.seconds)
    return figures


def _overview(name: str, tools: Sequence[str], outcome: Outcome) -> str:
    """Seconds, and peak memory in MiB in brackets: a row for each tool, a column for each step."""
    figures = _seconds(outcome)
    steps = SETS[name]

    def cell(tool: str, step: str) -> str:
        if (name, tool, step) in outcome.failures:
            return "failed"
        values = figures.get((name, tool, step))
        if not values:
            return NOTHING
        return f"{_time(statistics.median(values))} ({_peak(outcome, name, tool, step)})"

    rows = [(tool, *(cell(tool, step) for step in steps)) for tool in tools]
    return "Seconds (peak memory in MiB).\n\n" + table(("tool", *(STEPS[step] for step in steps)), rows)


def _details(name: str, tools: Sequence[str], outcome: Outcome) -> str:
    """Step by step: median, fastest, spread, and ratios to Git and to the physical limit."""
    figures = _seconds(outcome)
    rows = []
    for step in SETS[name]:
        medians = {tool: statistics.median(values) for tool in tools if (values := figures.get((name, tool, step)))}
        limits = [tool for tool in LIMITS.get((name, step), ()) if tool in medians]
        limit = min(limits, key=medians.__getitem__, default="")
        for tool, median in medians.items():
            values = figures[name, tool, step]
            spread = (max(values) - min(values)) / median
            rows.append(
                (
                    STEPS[step],
                    tool + (" (limit)" if tool == limit else ""),
                    _time(median),
                    _time(min(values)),
                    f"{spread:.0%}" + (" ~" if spread > NOISY else ""),
                    _peak(outcome, name, tool, step),
                    _ratio(median, medians.get("git")),
                    _ratio(median, medians.get(limit)),
                )
            )
    head = ("step", "tool", "seconds", "fastest", "spread", "peak MiB", "against git", "against the limit")
    return table(head, rows, left=2)


def _sizes(name: str, tools: Sequence[str], outcome: Outcome) -> str:
    """Bytes in the store and in the remote, in MB, and what the edits added."""

    def of(tool: str, step: str) -> Sizes | None:
        return outcome.sizes.get((name, tool, step))

    def used(tool: str, step: str) -> str:
        sizes = of(tool, step)
        return NOTHING if sizes is None else _megabytes(sizes.used)

    def added(tool: str, step: str, before: str) -> str:
        new, old = of(tool, step), of(tool, before)
        return NOTHING if new is None or old is None else _megabytes(new.used - old.used)

    rows = []
    for tool in tools:
        sizes = of(tool, "commit")
        if sizes is None:
            continue
        figures = [_megabytes(sizes.used), _megabytes(sizes.allocated), used(tool, "push")]
        if "edit" in SETS[name]:
            figures += [added(tool, "edit", "commit"), added(tool, "push-edit", "push")]
        rows.append((tool, *figures))
    head = ["tool", "store MB", "on disk MB", "pushed MB"]
    if "edit" in SETS[name]:
        head += ["new in store MB", "new pushed MB"]
    return table(head, rows) if rows else ""


def _failures(name: str, outcome: Outcome) -> str:
    return "\n".join(
        f"* {tool}, {STEPS[step]}: {reason}" for (data, tool, step), reason in outcome.failures.items() if data == name
    )


def _startup(startup: Sequence[Startup], failures: dict[str, str]) -> str:
    if not startup:
        return ""
    base = startup[0].seconds
    middle, least = statistics.median(base), min(base)
    rows = []
    for entry in startup:
        median, fastest = statistics.median(entry.seconds), min(entry.seconds)
        over = (NOTHING, NOTHING) if entry is startup[0] else (_ms(median - middle), _ms(fastest - least))
        rows.append((entry.title, _ms(median), _ms(fastest), *over))
    head = ("command", "median ms", "fastest ms", "median over python", "fastest over python")
    notes = "\n".join(f"* {tool}: {reason}" for tool, reason in failures.items())
    return table(head, rows) + (f"\n\n{notes}" if notes else "")


def _peak(outcome: Outcome, name: str, tool: str, step: str) -> str:
    peaks = [record.peak for record in outcome.records if (record.data, record.tool, record.step) == (name, tool, step)]
    return f"{max(peaks) / 2**20:.0f}" if max(peaks) else NOTHING


def _time(seconds: float) -> str:
    return f"{seconds:.3f}" if seconds < 1 else f"{seconds:.2f}" if seconds < 10 else f"{seconds:.1f}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.{3 if abs(size) < 1e6 else 1 if abs(size) < 1e8 else 0}f}"


def _ratio(value: float, base: float | None) -> str:
    return NOTHING if not base else f"{value / base:.2f}"
