"""What one node of a lineage says on a line: words and colours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sovrgit.lineage.graph import (
    CommitDetails,
    ExternalDetails,
    FileDetails,
    FolderDetails,
    Node,
    OriginDetails,
    PodDetails,
    RunDetails,
    VerdictDetails,
)
from sovrgit.lineage.signed import NodeSignature
from sovrgit.objects.receipts import summary_of
from sovrgit.objects.run import Run
from sovrgit.objects.verdict import Finding, Verdict
from sovrgit.ui.escape import display_width, quote_path, visible
from sovrgit.ui.format import human_duration, human_size, human_time, plural

PLAIN = ""
DIM = "\x1b[2m"
_BOLD = "\x1b[1m"
_RED = "\x1b[31m"
_GREEN = "\x1b[32m"
_YELLOW = "\x1b[33m"

_DAY_LENGTH = len("2026-11-23")
_SHOWN_DIFFERENCES = 3
_SHOWN_PROVIDERS = 3


class Span(NamedTuple):
    """A piece of a line in one style, an ANSI sequence or nothing."""

    text: str
    style: str


def describe(node: Node, *, name_width: int = 0, brief: bool = False, again: bool = False) -> list[Span]:
    """A node in one line. The first span of a file or folder is its name; the second fills it up to `name_width`.

    With `brief` a commit's time is its day alone. With `again` a run is only named, because it was described before.
    """
    match node.details:
        case FileDetails(_, content, size, here):
            spans = [
                *_name(node.label or "(content)", name_width),
                Span(content.short, _YELLOW),
                Span(f"  {human_size(size)}", PLAIN),
            ]
            return spans if here or node.pod else [*spans, Span("  not here", _RED)]
        case FolderDetails(_, tree, files, size):
            name = _name(node.label, name_width)
            if files is None:
                return [*name, Span(tree.short, _YELLOW), Span("  not all of it is here", _RED)]
            return [*name, Span(tree.short, _YELLOW), Span(f"  {plural(files, 'file')}, {human_size(size)}", PLAIN)]
        case CommitDetails() as details:
            return _commit(details, brief)
        case RunDetails() as details:
            return _run(details)[: 2 if again else None]
        case VerdictDetails(identity, verdict):
            return [Span("verdict ", PLAIN), Span(identity.short, _YELLOW), *_verdict(verdict)]
        case OriginDetails(reference, fork, commit):
            spans = [Span(visible(reference), _BOLD)]
            if fork is not None and commit is not None:
                spans.append(Span(f"  pod {visible(fork.pod)} at commit ", PLAIN))
                spans += [Span(fork.commit.short, _YELLOW), Span(", in commit ", PLAIN), Span(commit.short, _YELLOW)]
            return spans
        case PodDetails(pod):
            spans = [Span(visible(pod.name or pod.reference), _BOLD), Span(f"  {pod.state}", _RED)]
            return [*spans, Span(visible(f": {pod.reason}"), PLAIN)] if pod.reason else spans
        case ExternalDetails(external, reference):
            return [
                *_name(external.path, name_width),
                Span(external.id.short, _YELLOW),
                Span(f"  from {visible(reference)} at commit ", PLAIN),
                Span(external.commit.short, _YELLOW),
            ]


def signer(signature: NodeSignature | None, names: Mapping[str, str]) -> str:
    """Who signed a record; nothing if nobody did."""
    if signature is None:
        return ""
    if signature.forged:
        return "SIGNATURE FORGED"
    if not signature.address:
        return f"signed in a way that this version cannot check (`{signature.scheme}`)"
    return f"signed by {names.get(signature.address) or signature.address}"


def facts(node: Node, signed: str = "") -> str:
    """The circumstances of a run, in one line; nothing for anything else."""
    if not isinstance(node.details, RunDetails) or node.details.run is None:
        return ""
    run = node.details.run
    machine = " ".join(run.platform[key] for key in ("system", "machine") if key in run.platform)
    parts = [
        " ".join(f"{name}={value}" for name, value in sorted(run.parameters.items())),
        "with inputs that were not committed" if run.dirty else "",
        f"on {machine}" if machine else "",
        f"Python {run.platform['python']}" if "python" in run.platform else "",
        f"by {run.by}" if run.by else "",
        signed,
        _golem(run),
        f"on top of commit {run.base.short}" if run.base is not None else "",
    ]
    return visible(", ".join(part for part in parts if part))


def _golem(run: Run) -> str:
    """Who computed it on Golem."""
    summary = summary_of(run.golem)
    if summary is None:
        return ""
    names = [provider.called for provider in summary.providers[:_SHOWN_PROVIDERS]]
    more = len(summary.providers) - len(names)
    who = ", ".join([*names, *([f"{more} more"] if more else [])]) or "nobody"
    where = " (emulated)" if summary.emulated else f" on {summary.network}" if summary.network else ""
    return f"computed by {who}{where}"


def note_text(note: str) -> str:
    """A note, made harmless."""
    return visible(note)


def _name(label: str, width: int) -> list[Span]:
    name = quote_path(label, terminal=True)
    return [Span(name, _BOLD), Span(" " * (max(0, width - display_width(name)) + 2), PLAIN)]


def _commit(details: CommitDetails, brief: bool) -> list[Span]:
    spans = [Span("commit ", PLAIN), Span(details.id.short, _YELLOW)]
    commit = details.commit
    if commit is None:
        return [*spans, Span("  not here", _RED)]
    when = human_time(commit.author.time, commit.author.zone)
    text = f" by {commit.author.name}, {when[:_DAY_LENGTH] if brief else when}"
    if commit.summary:
        text += f', "{commit.summary}"'
    if details.more:
        text += f", and {plural(details.more, 'more path')}"
    return [*spans, Span(visible(text), PLAIN)]


def _run(details: RunDetails) -> list[Span]:
    spans = [Span("run ", PLAIN), Span(details.id.short, _YELLOW)]
    run = details.run
    if run is None:
        return [*spans, Span("  its record is not here", _RED)]
    executor = run.executor.get("name", "")
    when = f" {human_time(run.started // 1_000_000_000)}, {human_duration(run.finished - run.started)}"
    if run.pods:
        return [
            *spans,
            Span(f" {_ending(run)}", _GREEN if run.succeeded else _RED),
            Span(f"{when}, ", PLAIN),
            Span(f"task of {plural(len(run.pods), 'pod')}", _BOLD),
        ]
    where = f", {executor}" if executor else ""
    return [
        *spans,
        Span(f" {_ending(run)}", _GREEN if run.succeeded else _RED),
        Span(visible(f"{when}{where}  "), PLAIN),
        Span(f"`{visible(' '.join(run.command))}`", _BOLD),
    ]


def _ending(run: Run) -> str:
    if run.succeeded:
        return str(run.status)
    if run.signal is not None:
        return f"{run.status} (signal {run.signal})"
    return f"{run.status} (exit {run.exit_code})" if run.exit_code else str(run.status)


def _verdict(verdict: Verdict | None) -> list[Span]:
    if verdict is None:
        return [Span("  not here", _RED)]
    colour = _GREEN if verdict.finding.confirms else _RED
    text = ""
    if verdict.finding is Finding.INCOMPARABLE:
        text = f" ({verdict.reason})"
    elif verdict.differences:
        shown = verdict.differences[:_SHOWN_DIFFERENCES]
        paths = ", ".join(quote_path(item.path.decode("utf-8", "surrogateescape"), terminal=True) for item in shown)
        more = len(verdict.differences) - len(shown)
        text = f" ({paths}{f' and {more} more' if more else ''})"
    else:
        within = f", {len(verdict.within)} within a rule" if verdict.within else ""
        ignored = f", {len(verdict.ignored)} ignored" if verdict.ignored else ""
        text = f" ({plural(verdict.files, 'file')}{within}{ignored})"
    when = human_time(verdict.time // 1_000_000_000)
    who = f" by {verdict.by}" if verdict.by else ""
    return [Span(f" {verdict.finding}", colour), Span(visible(f"{text},{who} {when}"), PLAIN)]
