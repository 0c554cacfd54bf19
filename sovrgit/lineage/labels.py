"""The few lines that a picture says of a node."""

from __future__ import annotations

from sovrgit.lineage.document import utc
from sovrgit.lineage.graph import (
    CommitDetails,
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

MAX_LINE = 60
"""Characters in a line of a label; longer ones are cut."""


def label_lines(node: Node) -> list[str]:
    """What a node is, its name or id first. The text is as it stands in the pod: `shown` makes it fit to be seen."""
    match node.details:
        case FileDetails(_, content, size, here):
            return [node.label, content.short, f"{size} bytes" if here else f"{size} bytes, not here"]
        case FolderDetails(_, tree, files, size):
            return [node.label, tree.short, "not all here" if files is None else f"{files} files, {size} bytes"]
        case CommitDetails(identity, commit):
            facts = [commit.author.name, utc(commit.time * 1_000_000_000), commit.summary] if commit else ["not here"]
            return [f"commit {identity.short}", *facts]
        case RunDetails(identity, run):
            what = (f"task of {len(run.pods)}" if run.pods else " ".join(run.command)) if run else ""
            facts = [f"{run.status}, {utc(run.started)}", what] if run else ["not here"]
            return [f"{run.pod} run {identity.short}" if run and run.pod else f"run {identity.short}", *facts]
        case VerdictDetails(identity, verdict):
            return [f"verdict {identity.short}", str(verdict.finding) if verdict else "not here"]
        case OriginDetails(reference, fork):
            return [reference, *([fork.pod, f"commit {fork.commit.short}"] if fork else [])]
        case ExternalDetails(external, reference):
            return [external.path, reference, f"commit {external.commit.short}"]
        case PodDetails(pod):
            return [pod.name or pod.reference, str(pod.state), pod.reason]


def by_pod(lineage: Lineage) -> dict[str, list[Node]]:
    """The nodes by the pod that they belong to; first those of the pod that was asked about."""
    found: dict[str, list[Node]] = {"": []}
    for node in lineage.nodes.values():
        found.setdefault(node.pod, []).append(node)
    return found


def pod_name(lineage: Lineage, key: str) -> str:
    """What a picture calls another pod."""
    pod = lineage.pods.get(key)
    return key if pod is None else pod.name or pod.reference


def shown(line: str) -> str:
    """A line for a picture: cut, and with U+FFFD for what cannot be printed."""
    line = line if len(line) <= MAX_LINE else line[: MAX_LINE - 1] + "…"
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line)
