"""An answer for Graphviz, in the DOT language (https://graphviz.org/doc/info/lang.html)."""

from __future__ import annotations

from collections.abc import Iterator

from sovrgit.lineage.document import utc
from sovrgit.lineage.graph import (
    CommitDetails,
    ExternalDetails,
    FileDetails,
    FolderDetails,
    Lineage,
    Node,
    NodeKind,
    OriginDetails,
    RunDetails,
    VerdictDetails,
)

MAX_LINE = 60
"""Characters in a line of a label; longer ones are cut."""

_SHAPES = {
    NodeKind.FILE: "note",
    NodeKind.FOLDER: "folder",
    NodeKind.RECIPE: "note",
    NodeKind.COMMIT: "ellipse",
    NodeKind.RUN: "box",
    NodeKind.VERDICT: "octagon",
    NodeKind.ORIGIN: "house",
    NodeKind.EXTERNAL: "cds",
}


def to_dot(lineage: Lineage) -> str:
    """A directed graph; arrows point from what came later to what it came from.

    Names are numbers and every label is quoted, so that no text of a pod can be taken for a statement.
    """
    return "".join(f"{line}\n" for line in _lines(lineage))


def _lines(lineage: Lineage) -> Iterator[str]:
    names = {identity: f"n{number}" for number, identity in enumerate(lineage.nodes)}
    yield "digraph lineage {"
    yield "  rankdir=LR;"
    yield '  node [fontname="sans-serif", fontsize=10];'
    yield '  edge [fontname="sans-serif", fontsize=9];'
    for identity, node in lineage.nodes.items():
        style = ", penwidth=2" if identity == lineage.root else ""
        yield f"  {names[identity]} [shape={_SHAPES[node.kind]}, label={_quoted(_label(node))}{style}];"
    for edge in lineage.edges:
        label = _quoted([str(edge.relation), edge.note] if edge.note else [str(edge.relation)])
        yield f"  {names[edge.source]} -> {names[edge.target]} [label={label}];"
    yield "}"


def _label(node: Node) -> list[str]:
    match node.details:
        case FileDetails(_, content, size, here):
            return [node.label, content.short, f"{size} bytes" if here else f"{size} bytes, not here"]
        case FolderDetails(_, tree, files, size):
            return [node.label, tree.short, "not all here" if files is None else f"{files} files, {size} bytes"]
        case CommitDetails(identity, commit):
            facts = [commit.author.name, utc(commit.time * 1_000_000_000), commit.summary] if commit else ["not here"]
            return [f"commit {identity.short}", *facts]
        case RunDetails(identity, run):
            facts = [f"{run.status}, {utc(run.started)}", " ".join(run.command)] if run else ["not here"]
            return [f"run {identity.short}", *facts]
        case VerdictDetails(identity, verdict):
            return [f"verdict {identity.short}", str(verdict.finding) if verdict else "not here"]
        case OriginDetails(reference, fork):
            return [reference, *([fork.pod, f"commit {fork.commit.short}"] if fork else [])]
        case ExternalDetails(external):
            return [external.path, external.reference, f"commit {external.commit.short}"]


def _quoted(lines: list[str]) -> str:
    return '"' + "\\n".join(map(_escaped, lines)) + '"'


def _escaped(line: str) -> str:
    # Labels know backslash escapes and HTML entities. What cannot be printed is of no use in a picture.
    line = line if len(line) <= MAX_LINE else line[: MAX_LINE - 1] + "…"
    line = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line)
    return line.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
