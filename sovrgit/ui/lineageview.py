"""Lineage as a tree of text, to be read from the question to what is farthest away."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sovrgit.lineage.graph import Direction, Edge, Lineage, Node, NodeKind, Relation
from sovrgit.lineage.labels import pod_name
from sovrgit.lineage.signed import signature_of
from sovrgit.ui.escape import display_width
from sovrgit.ui.format import plural
from sovrgit.ui.lineagetext import DIM, PLAIN, Span, describe, facts, note_text, signer

_RESET = "\x1b[m"

_PHRASES_UP = {
    Relation.MADE_BY: "made by ",
    Relation.TAKEN_FROM: "output taken from ",
    Relation.SAME_CONTENT: "same content as ",
    Relation.ADDED_IN: "added in ",
    Relation.CHANGED_IN: "changed in ",
    Relation.CHECKED_BY: "checked by ",
    Relation.REPEATS: "repeats ",
    Relation.RAN: "ran ",
    Relation.COMMITTED_IN: "in ",
    Relation.FORKED_FROM: "forked from ",
    Relation.CLONED_FROM: "cloned from ",
    Relation.COMES_FROM: "comes from ",
    Relation.IN_POD: "pod ",
}
_PHRASES_DOWN = {
    **_PHRASES_UP,
    Relation.USED: "used by ",
    Relation.RECIPE: "recipe of ",
    Relation.MADE_BY: "gave ",
    Relation.TAKEN_FROM: "output taken over in ",
    Relation.REPEATS: "repeated by ",
    Relation.RAN: "in the task of ",
}

_ITEMS = {NodeKind.FILE, NodeKind.FOLDER, NodeKind.RECIPE}

_MAX_NAME = 40
"""Columns up to which the names of files are brought to one width."""

_MIN_INDENT = 36
"""Columns of branches that are always shown, however narrow the terminal."""


def render_lineage(
    lineage: Lineage, *, colour: bool, width: int, names: Mapping[str, str] | None = None
) -> Iterator[str]:
    """The answer, line by line, without line feeds.

    What has been shown is only named again. A branch that reaches the middle of the line goes on below, from the left.

    Args:
        width: columns; longer lines are cut. 0 for no limit.
        names: the keys that are known by name, by address.
    """
    return _View(lineage, colour, width, names or {}).lines()


class _Branch(NamedTuple):
    """A line to be shown: what stands before it, and before what hangs below it."""

    edge: Edge
    node: str
    first: str
    below: str
    name_width: int


class _View:
    def __init__(self, lineage: Lineage, colour: bool, width: int, names: Mapping[str, str]) -> None:
        self._names = names
        self._said: dict[str, str] = {}
        self._lineage = lineage
        self._colour = colour
        self._width = width
        self._indent = max(_MIN_INDENT, width // 2)
        self._phrases = _PHRASES_UP if lineage.direction is Direction.UP else _PHRASES_DOWN
        self._below = lineage.below()
        self._seen: set[str] = set()
        self._later: deque[str] = deque()

    def lines(self) -> Iterator[str]:
        yield from self._tree(self._lineage.root)
        while self._later:
            yield ""
            yield from self._tree(self._later.popleft())
        notes = list(self._notes())
        if notes:
            yield ""
            yield from notes

    def _notes(self) -> Iterator[str]:
        if not self._below.get(self._lineage.root):
            nothing = "nothing more is known of it"
            yield self._painted([Span(nothing if self._lineage.direction is Direction.UP else "no run used it", DIM)])
        if self._lineage.missing:
            count = plural(self._lineage.missing, "object is", "objects are")
            yield self._painted(
                [Span(f"{count} not here, so something may be left out; `sovr fetch` may bring it", DIM)]
            )
        if self._lineage.truncated:
            yield self._painted([Span("there is more: what is farthest away is left out", DIM)])

    def _tree(self, root: str) -> Iterator[str]:
        self._seen.add(root)
        yield self._painted(describe(self._node(root)))
        stack = list(reversed(self._branches(root, "", inline=False)))
        yield from self._facts(root, "", bool(stack))
        while stack:
            branch = stack.pop()
            spans, node = self._text(branch)
            inside = self._branches(node, branch.below, inline=True)
            if node in self._seen and (inside or self._facts_of(node)):
                where = "below" if node in self._later else "above"
                yield self._painted([Span(branch.first, DIM), *spans], f"  (shown {where})")
            elif inside and len(branch.below) > self._indent:
                self._seen.add(node)
                self._later.append(node)
                yield self._painted([Span(branch.first, DIM), *spans], "  (continued below)")
            else:
                self._seen.add(node)
                yield self._painted([Span(branch.first, DIM), *spans])
                yield from self._facts(node, branch.below, bool(inside))
                stack += reversed(inside)

    def _facts(self, node: str, prefix: str, more: bool) -> Iterator[str]:
        """A line on the circumstances, in front of the branches."""
        text = self._facts_of(node)
        if text:
            yield self._painted([Span(f"{prefix}{'│' if more else ' '}  ", DIM), Span(text, DIM)])

    def _facts_of(self, node: str) -> str:
        return facts(self._node(node), self._signer(node))

    def _signer(self, node: str) -> str:
        """Who signed what a node stands for. Checking takes a moment, and is done once."""
        if node not in self._said:
            self._said[node] = signer(signature_of(self._node(node)), self._names)
        return self._said[node]

    def _branches(self, node: str, prefix: str, *, inline: bool) -> list[_Branch]:
        edges = [pair for pair in self._below.get(node, ()) if not (inline and self._is_inline(node, *pair))]
        names = [
            display_width(describe(self._node(end))[0].text)
            for edge, end in edges
            if edge.relation not in self._phrases and self._node(end).kind in _ITEMS
        ]
        width = max((name for name in names if name <= _MAX_NAME), default=0)
        last = len(edges) - 1
        return [
            _Branch(
                edge,
                end,
                f"{prefix}{'└─ ' if number == last else '├─ '}",
                f"{prefix}{'   ' if number == last else '│  '}",
                width,
            )
            for number, (edge, end) in enumerate(edges)
        ]

    def _is_inline(self, node: str, edge: Edge, end: str) -> bool:
        """Whether a commit is named on the line of the file that it brought, because there is nothing else below it."""
        brings = edge.relation in (Relation.ADDED_IN, Relation.CHANGED_IN)
        alone = end == self._lineage.root or not self._below.get(end)
        return brings and alone and self._node(node).kind in _ITEMS

    def _text(self, branch: _Branch) -> tuple[list[Span], str]:
        """What a line says, and the node whose branches hang below it."""
        edge, end = branch.edge, branch.node
        spans = [Span(self._phrases.get(edge.relation, ""), PLAIN)]
        below = self._below.get(end, [])
        if edge.relation is Relation.SAME_CONTENT and [made.relation for made, _ in below] == [Relation.MADE_BY]:
            spans += [describe(self._node(end))[0], Span(", made by ", PLAIN)]
            end = below[0][1]
            spans += describe(self._node(end), again=end in self._seen)
        else:
            width = 0 if edge.relation in self._phrases else branch.name_width
            spans += describe(self._node(end), name_width=width, again=end in self._seen)
        if edge.relation is Relation.CHECKED_BY and (signed := self._signer(end)):
            spans.append(Span(f", {note_text(signed)}", PLAIN))
        spans += self._pod(edge, end)
        if edge.note:
            spans.append(Span(f"  ({note_text(edge.note)})", DIM))
        for commit_edge, commit in self._below.get(end, ()):
            if self._is_inline(end, commit_edge, commit):
                spans.append(Span(f"  {self._phrases[commit_edge.relation]}", PLAIN))
                spans += describe(self._node(commit), brief=True)
                if commit_edge.note:
                    spans.append(Span(f" ({note_text(commit_edge.note)})", DIM))
        return spans, end

    def _pod(self, edge: Edge, end: str) -> list[Span]:
        """The pod that a line leads to, if it is another one."""
        before = edge.source if end != edge.source else edge.target
        key = self._node(end).pod
        if key == self._node(before).pod or self._node(end).kind is NodeKind.POD:
            return []
        return [Span(f"  [{note_text(pod_name(self._lineage, key))}]" if key else "  [this pod]", DIM)]

    def _node(self, identity: str) -> Node:
        return self._lineage.nodes[identity]

    def _painted(self, spans: list[Span], end: str = "") -> str:
        """The line in colours, cut so that `end` has room."""
        shown = [*_cut(spans, max(1, self._width - len(end)) if self._width > 0 else 0), Span(end, DIM)]
        return "".join(
            f"{span.style}{span.text}{_RESET}" if self._colour and span.style and span.text else span.text
            for span in shown
        ).rstrip(" ")


def _cut(spans: list[Span], width: int) -> list[Span]:
    """As much as fits into `width` columns, with a sign if something was left out."""
    if width <= 0 or sum(display_width(span.text) for span in spans) <= width:
        return spans
    kept: list[Span] = []
    left = width - 1
    for text, style in spans:
        taken = 0
        while taken < len(text) and (columns := display_width(text[taken])) <= left:
            left -= columns
            taken += 1
        if taken < len(text):
            return [*kept, Span(text[:taken] + "…", style)]
        kept.append(Span(text, style))
    return kept
