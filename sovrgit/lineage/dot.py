"""An answer for Graphviz, in the DOT language (https://graphviz.org/doc/info/lang.html)."""

from __future__ import annotations

from collections.abc import Iterator

from sovrgit.lineage.graph import Lineage, NodeKind
from sovrgit.lineage.labels import by_pod, label_lines, pod_name, shown

_SHAPES = {
    NodeKind.FILE: "note",
    NodeKind.FOLDER: "folder",
    NodeKind.RECIPE: "note",
    NodeKind.COMMIT: "ellipse",
    NodeKind.RUN: "box",
    NodeKind.VERDICT: "octagon",
    NodeKind.ORIGIN: "house",
    NodeKind.EXTERNAL: "cds",
    NodeKind.POD: "component",
}


def to_dot(lineage: Lineage) -> str:
    """A directed graph; arrows point from what came later to what it came from. What is of another pod is framed.

    Names are numbers and every label is quoted, so that no text of a pod can be taken for a statement.
    """
    return "".join(f"{line}\n" for line in _lines(lineage))


def _lines(lineage: Lineage) -> Iterator[str]:
    names = {identity: f"n{number}" for number, identity in enumerate(lineage.nodes)}
    yield "digraph lineage {"
    yield "  rankdir=LR;"
    yield '  node [fontname="sans-serif", fontsize=10];'
    yield '  edge [fontname="sans-serif", fontsize=9];'
    for number, (pod, nodes) in enumerate(by_pod(lineage).items()):
        indent = "    " if pod else "  "
        if pod:
            yield f"  subgraph cluster_{number} {{"
            yield f"    label={_quoted([pod_name(lineage, pod)])}; style=dashed;"
        for node in nodes:
            style = ", penwidth=2" if node.id == lineage.root else ""
            yield f"{indent}{names[node.id]} [shape={_SHAPES[node.kind]}, label={_quoted(label_lines(node))}{style}];"
        if pod:
            yield "  }"
    for edge in lineage.edges:
        label = _quoted([str(edge.relation), edge.note] if edge.note else [str(edge.relation)])
        yield f"  {names[edge.source]} -> {names[edge.target]} [label={label}];"
    yield "}"


def _quoted(lines: list[str]) -> str:
    return '"' + "\\n".join(map(_escaped, lines)) + '"'


def _escaped(line: str) -> str:
    # Labels know backslash escapes and HTML entities.
    return shown(line).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
