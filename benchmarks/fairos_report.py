"""The figures of `fairos.py` as Markdown tables and as JSON, and from JSON again."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from fairos_scenario import STEPS, Record
from report import NOISY, NOTHING, table

VERSION = 1


class Group(NamedTuple):
    """All runs of one step at one server."""

    records: list[Record]

    def median(self, field: str) -> float:
        """The median of a figure over the repetitions."""
        return float(statistics.median(getattr(record, field) for record in self.records))

    def least(self, field: str) -> float:
        """The least of a figure."""
        return float(min(getattr(record, field) for record in self.records))

    @property
    def spread(self) -> float:
        """Slowest less fastest, over the median."""
        values = [record.seconds for record in self.records]
        return (max(values) - min(values)) / statistics.median(values)


Groups = dict[str, Group]
"""By step."""

Of = Callable[[Group, str], float]
"""What stands for several repetitions."""


class Report(NamedTuple):
    """What one or more runs have measured: about the machine, the records, and what failed."""

    header: dict[str, str]
    records: list[Record]
    failures: dict[str, str]


def as_json(report: Report) -> dict[str, Any]:
    """Everything, every single run of it. Seconds and bytes."""
    return {
        "version": VERSION,
        "machine": report.header,
        "records": [record._asdict() for record in report.records],
        "failures": report.failures,
    }


def from_json(documents: Sequence[dict[str, Any]]) -> Report:
    """What several runs have measured, under the header of the first.

    Raises:
        ValueError: if one is of another version.
    """
    if any(document["version"] != VERSION for document in documents):
        raise ValueError("it was made by another version of this program")
    records = [Record(**record) for document in documents for record in document["records"]]
    failures = {place: reason for document in documents for place, reason in document["failures"].items()}
    return Report(documents[0]["machine"], records, failures)


def as_markdown(report: Report, describe: dict[str, str]) -> str:
    """The whole report. `describe` says for each set what is in it."""
    parts = ["# FairOS benchmarks", table(("what", "value"), report.header.items(), left=2)]
    for data in dict.fromkeys(record.data for record in report.records):
        parts.append(f"## {data}: {describe[data]}")
        places = dict.fromkeys(record.where for record in report.records if record.data == data)
        groups = {where: _groups(report.records, where, data) for where in places}
        parts.append(_aims(groups))
        for where in places:
            parts += [f"### {data}, {where}", _figures(groups[where])]
    if report.failures:
        parts.append("\n".join(f"* {place}: {reason}" for place, reason in report.failures.items()))
    return "\n\n".join(parts) + "\n"


def floor(groups: Groups, of: Of = Group.median) -> float | None:
    """Seconds that a push of the edits must take: its calls, one after the other, and its bytes at the line rate.

    A call takes what a small read takes; the line rates are those of the plain transfers.
    """
    push, up, down = (groups.get(step) for step in ("push-edit", "upload", "download"))
    if push is None or up is None or down is None:
        return None
    calls = of(push, "calls") * of(push, "probe")
    sent = of(push, "sent") * of(up, "waiting") / of(up, "sent")
    received = of(push, "received") * of(down, "waiting") / of(down, "received")
    return calls + sent + received


def _groups(records: Sequence[Record], where: str, data: str) -> Groups:
    found: dict[str, list[Record]] = {}
    for record in records:
        if (record.where, record.data) == (where, data):
            found.setdefault(record.step, []).append(record)
    order = list(STEPS)
    # Clones with another number of downloads come after the usual one.
    places = {step: (order.index(step) if step in order else order.index("clone"), step) for step in found}
    return {step: Group(found[step]) for step in sorted(found, key=places.__getitem__)}


def _aims(places: dict[str, Groups]) -> str:
    """The ratios that were aimed at: a row for each, a column for each server."""
    rows = [
        ("push of the edits, over its floor", "2 at most", "push-edit", _over_floor),
        ("seconds before its first call", "", "push-edit", lambda groups: _time(groups["push-edit"].median("first"))),
        ("its calls", "", "push-edit", lambda groups: f"{groups['push-edit'].median('calls'):.0f}"),
        ("bytes that it sends", "", "push-edit", lambda groups: f"{groups['push-edit'].median('sent'):,.0f}"),
        (
            "push of the edits, over the archive",
            "",
            "push-edit",
            lambda groups: _ratio(groups, "push-edit", "zip-push"),
        ),
        ("rate of a clone, of a plain download's", "80 % or more", "clone", lambda groups: _rate(groups, "seconds")),
        ("rate while it receives", "", "clone", lambda groups: _rate(groups, "waiting")),
        ("clone, over the archive", "", "clone", lambda groups: _ratio(groups, "clone", "zip-clone")),
        ("push, over a plain upload", "", "push", lambda groups: _ratio(groups, "push", "upload")),
        ("push, over the archive", "", "push", lambda groups: _ratio(groups, "push", "zip-push")),
        ("most memory, MiB", "300 MB", "push", _memory),
    ]
    cells = [
        (title, aim, *(cell(groups) if step in groups else NOTHING for groups in places.values()))
        for title, aim, step, cell in rows
    ]
    return table(("what", "aim", *places), cells, left=2)


def _both(figure: Callable[[Of], float], form: str) -> str:
    """A figure of the medians, and in brackets that of the fastest runs."""
    return f"{figure(Group.median):{form}} ({figure(Group.least):{form}})"


def _over_floor(groups: Groups) -> str:
    least = floor(groups)
    if not least:
        return NOTHING
    ratio = _both(lambda of: of(groups["push-edit"], "seconds") / (floor(groups, of) or 1), ".2f")
    return f"{ratio} of {least:.2f} s"


def _ratio(groups: Groups, step: str, base: str) -> str:
    if base not in groups:
        return NOTHING
    return _both(lambda of: of(groups[step], "seconds") / of(groups[base], "seconds"), ".2f")


def _rate(groups: Groups, field: str) -> str:
    if "download" not in groups:
        return NOTHING
    return _both(lambda of: of(groups["download"], "waiting") / of(groups["clone"], field), ".0%")


def _memory(groups: Groups) -> str:
    """Of `sovr` itself."""
    ours = [record.peak for step, group in groups.items() if step.startswith(_OURS) for record in group.records]
    return f"{max(ours) / 2**20:.0f}"


_OURS = ("push", "clone", "pull")


def _figures(groups: Groups) -> str:
    rows = []
    for step, group in groups.items():
        ours = step.startswith(_OURS)
        rows.append(
            (
                STEPS.get(step, f"clone, {step.rpartition('-')[2]} at once"),
                _time(group.median("seconds")),
                _time(group.least("seconds")),
                f"{group.spread:.0%}" + (" ~" if group.spread > NOISY else ""),
                _time(group.median("waiting")),
                _time(group.median("processor")),
                _time(group.median("server")) if group.median("server") else NOTHING,
                f"{group.median('calls'):.0f}",
                _megabytes(group.median("sent")),
                _megabytes(group.median("received")),
                f"{max(record.peak for record in group.records) / 2**20:.0f}" if ours else NOTHING,
            )
        )
    head = (
        "step",
        "seconds",
        "fastest",
        "spread",
        "in calls",
        "processor",
        "server's",
        "calls",
        "MB sent",
        "MB received",
        "MiB",
    )
    return table(head, rows)


def _time(seconds: float) -> str:
    return f"{seconds:.3f}" if seconds < 1 else f"{seconds:.2f}" if seconds < 10 else f"{seconds:.1f}"


def _megabytes(size: float) -> str:
    return f"{size / 1e6:,.{3 if size < 1e6 else 1 if size < 1e8 else 0}f}"
