"""What the page says of a node when it is chosen: names and values, as text."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from sovrgit.lineage.document import utc
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
from sovrgit.lineage.signed import signature_of
from sovrgit.objects.commit import Commit
from sovrgit.objects.receipts import mapping, maps, provider_of, summary_of, text
from sovrgit.objects.run import Run
from sovrgit.objects.verdict import Verdict

_NOT_HERE = ("not here", "it was not fetched")
_MANY = 50
"""Agreements and differences that are listed; with more, their number is said."""


def facts_of(node: Node, names: Mapping[str, str]) -> list[tuple[str, str]]:
    """Name and value of everything that is known, in the order of reading. Values may have several lines.

    Args:
        names: the keys that are known by name, by address.
    """
    found = [(name, value) for name, value in _facts(node) if value]
    signature = signature_of(node)
    if signature is not None:
        who = names.get(signature.address)
        known = f"{signature.address} ({who})" if who else f"{signature.address} (not a key you know)"
        unknown = f"in a way that this version cannot check ({signature.scheme})"
        forged = "FORGED: the key that it names has not made it for this"
        found.insert(1, ("signed by", forged if signature.forged else known if signature.address else unknown))
    return found


def _facts(node: Node) -> Iterator[tuple[str, str]]:
    match node.details:
        case FileDetails(_, content, size, here):
            yield from [("path", node.label), ("size", f"{size} bytes"), ("content", str(content))]
            if not here:
                yield _NOT_HERE
        case FolderDetails(_, tree, files, size):
            yield from [("path", node.label), ("size", f"{size} bytes"), ("tree", str(tree))]
            yield _NOT_HERE if files is None else ("files", str(files))
        case CommitDetails(identity, commit, more):
            yield "commit", str(identity)
            yield from _commit(commit) if commit is not None else [_NOT_HERE]
            if more:
                yield "not shown", f"{more} more changed paths"
        case RunDetails(identity, run, made):
            yield "run", str(identity)
            yield from _run(run) if run is not None else [_NOT_HERE]
            yield "commit", str(made or "")
        case VerdictDetails(identity, verdict):
            yield "verdict", str(identity)
            yield from _verdict(verdict) if verdict is not None else [_NOT_HERE]
        case OriginDetails(reference, fork, commit):
            yield "reference", reference
            if fork is not None:
                yield from [("pod", fork.pod), ("commit there", str(fork.commit)), ("in commit", str(commit))]
        case PodDetails(pod):
            yield from [("reference", pod.reference), ("state", str(pod.state)), ("reason", pod.reason)]
            yield "fetched", "never" if pod.fetched is None else utc(pod.fetched)
        case ExternalDetails(external, reference):
            yield from [("path", external.path), ("from", reference)]
            yield from [("commit there", str(external.commit)), ("content", str(external.id))]


def _commit(commit: Commit) -> Iterator[tuple[str, str]]:
    yield "author", f"{commit.author.name} <{commit.author.email}>"
    if commit.committer is not None:
        yield "committer", f"{commit.committer.name} <{commit.committer.email}>"
    yield "time", utc(commit.time * 1_000_000_000)
    yield "message", commit.message
    yield "made by run" if commit.reuse is None else "output taken from run", str(commit.run or "")
    if commit.reuse is not None:
        yield from [("found at", commit.reuse.reference), ("on the word of", commit.reuse.trusted)]


def _run(run: Run) -> Iterator[tuple[str, str]]:
    yield "status", f"{run.status}: {run.reason}" if run.reason else str(run.status)
    if run.exit_code:
        yield "exit code", str(run.exit_code)
    if run.signal is not None:
        yield "signal", str(run.signal)
    yield from [("pod", run.pod), ("command", shlex.join(run.command)), ("parameters", _pairs(run.parameters))]
    yield from [("started", utc(run.started)), ("took", f"{(run.finished - run.started) / 1e9:.3f} s"), ("by", run.by)]
    yield from _golem(run)
    yield "executor", _pairs(run.executor)
    yield "platform", _pairs(run.platform)
    yield "environment", _pairs(run.environment)
    if run.usage.memory:
        yield "memory", f"{run.usage.memory} bytes"
    yield from [("run key", str(run.key)), ("recipe", str(run.recipe)), ("input tree", str(run.input))]
    yield "output tree", str(run.output or "")
    yield "on top of", f"{run.base}, with inputs that were not committed" if run.dirty else str(run.base or "")
    yield "repeats", str(run.repeats or "")
    listed = [f"{member.name}: {member.run.short}" for member in run.pods[:_MANY]]
    yield "pods", "\n".join(_with_rest(listed, len(run.pods)))


def _golem(run: Run) -> Iterator[tuple[str, str]]:
    summary = summary_of(run.golem)
    if summary is None:
        return
    yield "network", f"{summary.network} (a stand-in, nothing was paid)" if summary.emulated else summary.network
    if summary.accepted is not None:
        unpaid = f", {summary.unpaid} of it unpaid" if summary.unpaid else ""
        yield "cost", f"{summary.accepted} {summary.token}{unpaid}".strip()
    yield "providers", "\n".join(f"{one.name} {one.id}".strip() for one in summary.providers)
    image = mapping(run.golem.get("image"))
    yield "image", "\n".join(part for part in (text(image.get("requested")), text(image.get("hash"))) if part)
    agreements = maps(run.golem.get("agreements"))
    listed = [f"with {provider_of(one).called}: {text(one.get('state')) or 'unknown'}" for one in agreements[:_MANY]]
    yield "agreements", "\n".join(_with_rest(listed, len(agreements)))


def _verdict(verdict: Verdict) -> Iterator[tuple[str, str]]:
    yield "finding", str(verdict.finding)
    yield from [("files", str(verdict.files)), ("reason", verdict.reason), ("by", verdict.by)]
    yield from [("time", utc(verdict.time)), ("run", str(verdict.run)), ("repeat", str(verdict.repeat))]
    listed = [f"{one.change}: {one.path.decode('utf-8', 'surrogateescape')}" for one in verdict.differences[:_MANY]]
    yield "differences", "\n".join(_with_rest(listed, len(verdict.differences)))
    rules = [f"{one.path.decode('utf-8', 'surrogateescape')}: {one.rule}" for one in verdict.within[:_MANY]]
    yield "within a rule", "\n".join(_with_rest(rules, len(verdict.within)))
    paths = [path.decode("utf-8", "surrogateescape") for path in verdict.ignored[:_MANY]]
    yield "ignored", "\n".join(_with_rest(paths, len(verdict.ignored)))


def _with_rest(listed: list[str], count: int) -> list[str]:
    return [*listed, f"and {count - len(listed)} more"] if count > len(listed) else listed


def _pairs(values: object) -> str:
    return "\n".join(f"{name}={value}" for name, value in values.items()) if isinstance(values, dict) else ""
