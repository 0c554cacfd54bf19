"""How runs are shown."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sovrgit.objects.commit import Reuse
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.run import THIS_TASK, External, Run, RunStatus
from sovrgit.ui.commitview import commit_document, reuse_text
from sovrgit.ui.console import Console, path_fields
from sovrgit.ui.format import human_duration, human_size, human_time
from sovrgit.ui.foundview import found_document, found_lines
from sovrgit.ui.golemview import (
    agreement_lines,
    golem_document,
    receipt_lines,
    receipts_document,
)
from sovrgit.ui.signatureview import ShownSignature, signature_document
from sovrgit.ui.verdictview import KnownVerdict, finding_text, verdict_document, where_text

if TYPE_CHECKING:
    from sovrgit.runs.run import Decision, RunResult

STATUS_COLOURS = {RunStatus.SUCCEEDED: "green", RunStatus.CANCELLED: "yellow", RunStatus.PARTIAL: "yellow"}
"""How the ends of runs are coloured; others are red."""

_REASONS_SHOWN = 4

_LABEL_WIDTH = 11


@dataclass(frozen=True, slots=True)
class RunResultView:
    """Shows what came of `sovr run`."""

    result: RunResult

    def text(self, console: Console) -> None:
        """Print it for people."""
        result = self.result
        if console.verbosity < 0:
            console.line(str(result.id))
            return
        for path in result.changed:
            console.warn(f"the run changed `{os.fsdecode(path)}`, which is one of its inputs")
        # Why it failed is told as the error.
        ended = outcome(console, result.run, reused=result.reused, why=False)
        console.line(f"run {console.style(result.id.short, 'cyan')} {ended}")
        if result.committed is not None:
            made = result.committed
            console.line(f"committed as {console.style(made.id.short, 'yellow')} {console.safe(made.commit.summary)}")
        elif result.reused:
            console.line("the output is here already; nothing to commit")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        committed = self.result.committed
        return {
            **run_document(self.result.id, self.result.run),
            "reused": self.result.reused,
            "commit": commit_document(committed.id, committed.commit) if committed else None,
            "changed_inputs": [path_fields(path) for path in self.result.changed],
            "found": found_document(self.result.found) if self.result.found else None,
            "notices": list(self.result.notices),
        }


@dataclass(frozen=True, slots=True)
class RunView:
    """Shows one run in full, with the commits that name it and the verdicts on it; `taken` are those of the commits
    that took its output over."""

    id: ObjectId
    run: Run
    commits: Sequence[ObjectId]
    verdicts: Sequence[KnownVerdict]
    signature: ShownSignature | None = None
    taken: Sequence[tuple[ObjectId, Reuse]] = ()

    def text(self, console: Console) -> None:
        """Print it for people."""
        run = self.run
        if console.verbosity < 0:
            console.line(str(self.id))
            return
        console.line(console.style(f"run {self.id}", "yellow"))
        rows = [
            ("Pod", console.safe(run.pod)),
            ("Status", outcome(console, run)),
            ("Command", console.safe(command_text(run))),
            ("Started", human_time(run.started // 1_000_000_000, 0)),
            ("By", console.safe(run.by)),
            ("Signed", self.signature.text(console) if self.signature else ""),
            ("Executor", _facts(console, run.executor)),
            ("Platform", _facts(console, run.platform)),
            *receipt_lines(console, run.golem),
            ("Used", _usage(run)),
            ("Params", _pairs(console, run.parameters)),
            ("Environ", _pairs(console, run.environment)),
            ("Input", f"tree {run.input.short}" + (" (differs from its commit)" if run.dirty else "")),
            *(("Payload", console.safe(_external_text(external))) for external in run.external),
            ("Base", run.base.short if run.base else ""),
            ("Output", f"tree {run.output.short}" if run.output else "none"),
            ("Log", f"tree {run.log.short}" if run.log else ""),
            ("Key", run.key.short),
            ("Repeats", run.repeats.short if run.repeats else ""),
            *(("Pod run", f"{member.run.short} {console.safe(member.name)}") for member in run.pods),
            ("Commits", " ".join(commit.short for commit in self.commits)),
            *(("Reused", console.safe(f"by {commit.short}, {reuse_text(reuse)}")) for commit, reuse in self.taken),
        ]
        for name, value in rows:
            if value:
                console.lines(_wrapped(console, f"{name}:", value))
        console.lines(list(agreement_lines(console, run.golem)))
        for identity, verdict, repeat in self.verdicts:
            where = where_text(console, repeat) if repeat is not None else ""
            by = f"checked by {console.safe(verdict.by)}" if verdict.by else ""
            how = "; ".join(filter(None, (where, by)))
            tail = f" ({how})" if how else ""
            console.line(f"{'Verdict:':<10} {identity.short} {finding_text(console, verdict)}{tail}")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "kind": "run",
            **run_document(self.id, self.run),
            "receipts": receipts_document(self.run.golem),
            "commits": [str(commit) for commit in self.commits],
            "reused": [{"commit": str(commit), **reuse._asdict()} for commit, reuse in self.taken],
            "verdicts": [verdict_document(one.id, one.verdict) for one in self.verdicts],
            "signature": signature_document(self.signature),
        }


def _external_text(external: External) -> str:
    """Where payload of another pod is from."""
    place = "the task" if external.reference == THIS_TASK else external.reference
    return f"{external.id.short} is {external.path or 'all'} of {place} at {external.commit.short}"


def decision_lines(decision: Decision) -> Iterator[str]:
    """What is told before anything is executed, for a note."""
    if decision.found is not None:
        yield from found_lines(decision.found)
        return
    known = decision.known
    if known is not None:
        when = human_time(known.run.started // 1_000_000_000, 0)
        which = f"run {known.id.short}{f' by {decision.by}' if decision.by else ''} of {when}"
        yield f"known: {which} had the same inputs; taking its output (--force runs it again)"
        return
    yield f"running, because {reasons_text(decision.reasons)}"
    yield f"$ {shlex.join(decision.command)}"


def reasons_text(reasons: Sequence[str]) -> str:
    """Why something runs, in a line: the first reasons, and how many more there are."""
    more = len(reasons) - _REASONS_SHOWN
    return ", ".join(reasons[:_REASONS_SHOWN]) + (f" and {more} more" if more > 0 else "")


def outcome(console: Console, run: Run, *, reused: bool = False, why: bool = True) -> str:
    """How a run ended, in words; `why` if the reason of a failure is to be told."""
    status = console.style(str(run.status), STATUS_COLOURS.get(run.status, "red"), "bold")
    if reused:
        return f"{status} earlier"
    reason = f": {console.safe(run.reason)}" if why and run.reason and not run.succeeded else ""
    return f"{status}{reason} after {human_duration(run.usage.wall)}"


def command_text(run: Run) -> str:
    """A run's command as a shell would read it."""
    return shlex.join(run.command)


def run_document(identity: ObjectId, run: Run) -> dict[str, Any]:
    """A run as JSON."""
    return {
        "id": str(identity),
        "status": str(run.status),
        "reason": run.reason,
        "pod": run.pod,
        "argv": list(run.command),
        "parameters": dict(run.parameters),
        "environment": dict(run.environment),
        "executor": dict(run.executor),
        "platform": dict(run.platform),
        "started_ns": run.started,
        "finished_ns": run.finished,
        "exit_code": run.exit_code,
        "signal": run.signal,
        "usage": {
            "wall_ns": run.usage.wall,
            "user_ns": run.usage.user,
            "system_ns": run.usage.system,
            "max_rss_bytes": run.usage.memory,
            "read_bytes": run.usage.read,
            "written_bytes": run.usage.written,
        },
        "key": str(run.key),
        "recipe": str(run.recipe),
        "input": str(run.input),
        "outputs": list(run.outputs),
        "output": str(run.output) if run.output else None,
        "log": str(run.log) if run.log else None,
        "base": str(run.base) if run.base else None,
        "dirty": run.dirty,
        "repeats": str(run.repeats) if run.repeats else None,
        "by": run.by,
        "golem": golem_document(run.golem),
        "external": [
            {"reference": entry.reference, "commit": str(entry.commit), "path": entry.path, "id": str(entry.id)}
            for entry in run.external
        ],
        "pods": [
            {
                "name": member.name,
                "reference": member.reference,
                "commit": str(member.commit),
                "run": str(member.run),
            }
            for member in run.pods
        ],
    }


def _facts(console: Console, facts: Mapping[str, str]) -> str:
    return console.safe(", ".join(f"{key} {value}" for key, value in sorted(facts.items()) if key != "name"))


def _wrapped(console: Console, label: str, value: str) -> list[str]:
    """A label and its value; on a terminal long values go on below themselves."""
    line = f"{label:<{_LABEL_WIDTH}}{value}"
    if not console.terminal or len(line) <= console.width or "\x1b" in line:
        return [line]
    import textwrap

    return textwrap.wrap(line, console.width, subsequent_indent=" " * _LABEL_WIDTH, break_on_hyphens=False)


def _usage(run: Run) -> str:
    usage = run.usage
    parts = [f"{human_duration(usage.wall)} wall"]
    if usage.user or usage.system:
        parts.append(f"{human_duration(usage.user + usage.system)} CPU")
    if usage.memory:
        parts.append(f"{human_size(usage.memory)} memory")
    return ", ".join(parts)


def _pairs(console: Console, values: Mapping[str, str]) -> str:
    return console.safe(" ".join(f"{key}={value}" for key, value in sorted(values.items())))
