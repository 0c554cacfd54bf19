"""An answer as plain data, for JSON. Keys are stable: they are only ever added."""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Any

from sovrgit.lineage.graph import (
    CommitDetails,
    Details,
    ExternalDetails,
    FileDetails,
    FolderDetails,
    Lineage,
    Node,
    OriginDetails,
    PodDetails,
    RunDetails,
    VerdictDetails,
)
from sovrgit.lineage.pods.other import OtherPod
from sovrgit.lineage.signed import signature_of
from sovrgit.objects.commit import Commit, Stamp
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.receipts import summary_of
from sovrgit.objects.run import Run
from sovrgit.objects.verdict import Finding, Verdict

VERSION = 1
"""Raised when a key changes its meaning or goes away."""


def to_document(lineage: Lineage, names: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The answer as dicts, lists, text, numbers, booleans and None.

    Args:
        names: the keys that are known by name, by address.

    Ids are hexadecimal, moments ISO 8601 in UTC, lengths of time nanoseconds, sizes bytes. Bytes of a path that are
    not UTF-8 become U+FFFD, and `path_b64` then holds the path itself. What is not here has `here` false and none of
    the keys that would have to be read.
    """
    return {
        "version": VERSION,
        "direction": str(lineage.direction),
        "root": lineage.root,
        "verdicts": _standings(lineage),
        "nodes": [_node(node, names or {}) for node in lineage.nodes.values()],
        "edges": [
            {
                "source": edge.source,
                "target": edge.target,
                "relation": str(edge.relation),
                "note": _clean(edge.note),
            }
            for edge in lineage.edges
        ],
        "missing": lineage.missing,
        "truncated": lineage.truncated,
        "pods": [{"key": pod.key, **_pod(pod)} for pod in lineage.pods.values()],
    }


def path_fields(path: bytes) -> dict[str, str]:
    """A path for JSON: `path`, and `path_b64` if it is not UTF-8."""
    try:
        return {"path": path.decode()}
    except UnicodeDecodeError:
        encoded = binascii.b2a_base64(path, newline=False).decode("ascii")
        return {"path": path.decode("utf-8", "replace"), "path_b64": encoded}


def utc(nanoseconds: int) -> str:
    """A moment in nanoseconds since 1970 as ISO 8601 in UTC, to the microsecond; `@seconds` beyond the year 9999."""
    from datetime import datetime, timedelta

    try:
        moment = datetime(1970, 1, 1) + timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:
        return f"@{nanoseconds // 1_000_000_000}"
    return f"{moment.isoformat(timespec='microseconds' if nanoseconds % 1_000_000_000 else 'seconds')}Z"


def _clean(text: str) -> str:
    """The text with U+FFFD for each byte that is not UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _node(node: Node, names: Mapping[str, str]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "id": node.id,
        "kind": str(node.kind),
        "label": _clean(node.label),
        "pod_key": node.pod or None,
    }
    signature = signature_of(node)
    if signature is not None:
        described["signature"] = {
            "scheme": _clean(signature.scheme),
            "address": signature.address or None,
            "name": names.get(signature.address),
            "problem": "forged" if signature.forged else None,
        }
    return {**described, **_details(node.details)}


def _pod(pod: OtherPod) -> dict[str, Any]:
    return {
        "reference": _clean(pod.reference),
        "name": _clean(pod.name),
        "state": str(pod.state),
        "reason": _clean(pod.reason),
        "fetched": None if pod.fetched is None else utc(pod.fetched),
    }


def _details(details: Details) -> dict[str, Any]:
    match details:
        case FileDetails(path, content, size, here):
            return {**path_fields(path), "content": str(content), "size": size, "here": here}
        case FolderDetails(path, tree, files, size):
            return {
                **path_fields(path),
                "tree": str(tree),
                "size": size,
                "here": files is not None,
                **({} if files is None else {"files": files}),
            }
        case CommitDetails(identity, commit, more):
            return {"commit": str(identity), **_optional(commit, _commit), "more": more}
        case RunDetails(identity, run, made):
            return {"run": str(identity), "made": _hex(made), **_optional(run, _run)}
        case VerdictDetails(identity, verdict):
            return {"verdict": str(identity), **_optional(verdict, _verdict)}
        case OriginDetails(reference, fork, commit):
            origin = {"reference": reference, "commit": _hex(commit)}
            return origin if fork is None else {**origin, "origin_pod": fork.pod, "origin_commit": str(fork.commit)}
        case ExternalDetails(external, reference):
            return {
                "reference": _clean(reference),
                "commit": str(external.commit),
                "path": external.path,
                "content": str(external.id),
            }
        case PodDetails(pod):
            return _pod(pod)


def _optional(found: Any, describe: Any) -> dict[str, Any]:
    return {"here": False} if found is None else {"here": True, **describe(found)}


def _commit(commit: Commit) -> dict[str, Any]:
    return {
        "author": _stamp(commit.author),
        "committer": _stamp(commit.committer or commit.author),
        "message": commit.message,
        "parents": [str(parent) for parent in commit.parents],
        "made_by": _hex(commit.run),
    }


def _stamp(stamp: Stamp) -> dict[str, Any]:
    return {"name": stamp.name, "email": stamp.email, "time": utc(stamp.time * 1_000_000_000), "zone": stamp.zone}


def _run(run: Run) -> dict[str, Any]:
    return {
        "status": str(run.status),
        "reason": run.reason,
        "pod": run.pod,
        "command": list(run.command),
        "parameters": dict(run.parameters),
        "executor": dict(run.executor),
        "platform": dict(run.platform),
        "started": utc(run.started),
        "finished": utc(run.finished),
        "duration_ns": run.finished - run.started,
        "exit_code": run.exit_code,
        "signal": run.signal,
        "key": str(run.key),
        "base": _hex(run.base),
        "dirty": run.dirty,
        "by": run.by,
        "repeats": _hex(run.repeats),
        **_golem(run),
    }


def _golem(run: Run) -> dict[str, Any]:
    """Who computed it, only for runs on Golem."""
    summary = summary_of(run.golem)
    if summary is None:
        return {}
    providers = [{"id": _clean(one.id), "name": _clean(one.name)} for one in summary.providers]
    return {"network": _clean(summary.network), "emulated": summary.emulated, "providers": providers}


def _standings(lineage: Lineage) -> dict[str, dict[str, int]]:
    """How many of the verdicts in the answer found what, by the node of the run that they are on."""
    found: dict[str, dict[str, int]] = {}
    runs = {node.details.id: node.id for node in lineage.nodes.values() if isinstance(node.details, RunDetails)}
    for node in lineage.nodes.values():
        if isinstance(node.details, VerdictDetails) and node.details.verdict is not None:
            verdict = node.details.verdict
            if verdict.run in runs:
                counts = found.setdefault(runs[verdict.run], {str(finding): 0 for finding in Finding})
                counts[str(verdict.finding)] += 1
    return found


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "finding": str(verdict.finding),
        "judged_run": str(verdict.run),
        "repeat": str(verdict.repeat),
        "time": utc(verdict.time),
        "files": verdict.files,
        "differences": [
            {
                **path_fields(difference.path),
                "change": difference.change,
                "rule": difference.rule,
                "where": difference.where._asdict() if difference.where is not None else None,
                "detail": difference.detail,
            }
            for difference in verdict.differences
        ],
        "within": [
            {**path_fields(within.path), "rule": within.rule, "detail": within.detail} for within in verdict.within
        ],
        "undecided": [{**path_fields(one.path), "rule": one.rule, "reason": one.reason} for one in verdict.undecided],
        "ignored": [path_fields(path) for path in verdict.ignored],
        "unlisted": verdict.unlisted,
        "reason": verdict.reason,
        "by": verdict.by,
    }


def _hex(identity: ObjectId | None) -> str | None:
    return None if identity is None else str(identity)
