"""An answer for Mermaid, which forges and notebooks draw (https://mermaid.js.org/syntax/flowchart.html)."""

from __future__ import annotations

from collections.abc import Iterator

from sovrgit.lineage.graph import Lineage, NodeKind
from sovrgit.lineage.labels import by_pod, label_lines, pod_name, shown

_SHAPES = {
    NodeKind.FILE: ("(", ")"),
    NodeKind.FOLDER: ("[[", "]]"),
    NodeKind.RECIPE: ("(", ")"),
    NodeKind.COMMIT: ("([", "])"),
    NodeKind.RUN: ("[", "]"),
    NodeKind.VERDICT: ("{{", "}}"),
    NodeKind.ORIGIN: ("[(", ")]"),
    NodeKind.EXTERNAL: (">", "]"),
    NodeKind.POD: ("[/", "/]"),
}

_PLAIN = frozenset(" /,:")
"""Punctuation that means nothing in a quoted label, whatever follows it."""


def to_mermaid(lineage: Lineage) -> str:
    """A flowchart; arrows point from what came later to what it came from. What is of another pod is framed.

    Names are numbers, and of labels everything that could mean something to Mermaid, HTML or Markdown is written as
    a character code. Mermaid draws at most 500 edges unless its `maxEdges` is raised.
    """
    return "".join(f"{line}\n" for line in _lines(lineage))


def _lines(lineage: Lineage) -> Iterator[str]:
    names = {identity: f"n{number}" for number, identity in enumerate(lineage.nodes)}
    yield "flowchart LR"
    for number, (pod, nodes) in enumerate(by_pod(lineage).items()):
        if pod:
            yield f"  subgraph p{number} [{_quoted([pod_name(lineage, pod)])}]"
        for node in nodes:
            left, right = _SHAPES[node.kind]
            yield f"  {'  ' if pod else ''}{names[node.id]}{left}{_quoted(label_lines(node))}{right}"
        if pod:
            yield "  end"
    for edge in lineage.edges:
        label = _quoted([f"{edge.relation}: {edge.note}" if edge.note else str(edge.relation)])
        yield f"  {names[edge.source]} -->|{label}| {names[edge.target]}"
    yield f"  style {names[lineage.root]} stroke-width:3px"


def _quoted(lines: list[str]) -> str:
    return '"' + "<br/>".join(_escaped(shown(line)) for line in lines if line) + '"'


def _escaped(line: str) -> str:
    return "".join(_character(letter, line[at + 1 : at + 2]) for at, letter in enumerate(line)) or "#32;"


def _character(letter: str, after: str) -> str:
    # `1. ` and `- ` would begin a list.
    plain = letter.isalnum() or letter in _PLAIN or (letter in ".-" and after not in ("", " "))
    return letter if plain else f"#{ord(letter)};"
