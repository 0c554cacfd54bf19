"""A lineage as one HTML page that needs nothing else: graph, styles, script and data are all in it.

Whatever comes out of a pod is escaped text. Should that fail, the page's policy (Content Security Policy, W3C) lets
nothing run but the one script that is in it, and nothing be loaded at all.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files

from sovrgit.lineage.graph import Edge, Lineage, Node, NodeKind
from sovrgit.lineage.labels import by_pod, label_lines, pod_name
from sovrgit.lineage.page.facts import facts_of
from sovrgit.lineage.page.layout import HEIGHT, WIDTH, Layout, Place, lay_out

_TITLE_COLUMNS = 25
_MORE_COLUMNS = 33
"""Columns of text that fit into a node: of its first line, and of the smaller second one."""

_MARGIN = 40

_PATHS = {NodeKind.FILE, NodeKind.FOLDER, NodeKind.RECIPE, NodeKind.EXTERNAL}


def to_html(
    lineage: Lineage,
    title: str,
    recipe: Callable[[Node], str] = lambda _: "",
    names: Mapping[str, str] | None = None,
) -> str:
    """The page.

    Args:
        title: what the page is about.
        recipe: the text of a recipe's node, shown when it is chosen; empty if there is none.
        names: the keys that are known by name, by address.
    """
    style, script = _asset("page.css"), _asset("page.js")
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    )
    layout = lay_out(lineage)
    numbers = {identity: number for number, identity in enumerate(lineage.nodes)}
    legend = "".join(_legend(lineage, kind) for kind in NodeKind)
    pods = list(by_pod(lineage))[1:]
    graph = "\n".join(_graph(lineage, layout, numbers))
    data = _data(lineage, numbers, layout, recipe, names or {})
    shown_title = html.escape(_clean(title))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>Lineage of {shown_title}</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>Lineage of <span class="what">{shown_title}</span></h1>
<p class="note" aria-live="polite">{_note(lineage)}</p>
<input id="find" type="search" placeholder="Filter: name, id, provider …" aria-label="Filter nodes" autocomplete="off">
<fieldset id="kinds"><legend>Kinds</legend>{legend}</fieldset>
{_pods(lineage, pods)}\
<div class="buttons"><button id="out" title="smaller (-)" aria-label="Smaller">−</button>\
<button id="in" title="larger (+)" aria-label="Larger">+</button>\
<button id="fit" title="show all (0)">All</button></div>
</header>
<main>
<div id="stage" tabindex="0" aria-label="Graph: drag to move, wheel to zoom, arrow keys to move">
<noscript>
{graph}
</noscript>
</div>
<aside id="details" aria-live="polite"><noscript>Details, filter and zoom need JavaScript.</noscript></aside>
</main>
<script type="application/json" id="data">{data}</script>
<script>{script}</script>
</body>
</html>
"""


@cache
def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


def _note(lineage: Lineage) -> str:
    said = [f"{len(lineage.nodes)} nodes, {len(lineage.edges)} edges"]
    if lineage.truncated:
        said.append("there is more: what is farthest away is left out")
    if lineage.missing:
        said.append(f"{lineage.missing} objects were not here")
    return html.escape("; ".join(said))


def _legend(lineage: Lineage, kind: NodeKind) -> str:
    count = sum(1 for _ in lineage.of_kind(kind))
    if not count:
        return ""
    return (
        f'<label class="k-{kind}"><input type="checkbox" value="{kind}" checked>{kind} <small>{count}</small></label>'
    )


def _pods(lineage: Lineage, pods: Sequence[str]) -> str:
    """Which pods are shown; nothing if there is one only."""
    if not pods:
        return ""
    boxes = [("-1", "this pod")]
    boxes += [(str(number), html.escape(_clean(pod_name(lineage, pod)))) for number, pod in enumerate(pods)]
    shown = "".join(f'<label><input type="checkbox" value="{value}" checked>{name}</label>' for value, name in boxes)
    return f'<fieldset id="pods"><legend>Pods</legend>{shown}</fieldset>\n'


# --- the graph --------------------------------------------------------------------------------------------------------


def _graph(lineage: Lineage, layout: Layout, numbers: dict[str, int]) -> Iterator[str]:
    width, height = layout.width + 2 * _MARGIN, layout.height + 2 * _MARGIN
    yield f'<svg id="graph" viewBox="{-_MARGIN} {-_MARGIN} {width} {height}" xmlns="http://www.w3.org/2000/svg">'
    yield (
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 8 4 0 8z"/></marker></defs>'
    )
    yield '<g id="view"><g id="edges">'
    for number, edge in enumerate(lineage.edges):
        yield _edge(number, edge, layout.places[edge.source], layout.places[edge.target])
    yield '</g><g id="nodes">'
    for identity, node in lineage.nodes.items():
        yield _node(numbers[identity], node, layout.places[identity], root=identity == lineage.root)
    yield "</g></g></svg>"


def _edge(number: int, edge: Edge, source: Place, target: Place) -> str:
    right = target.x > source.x or (target.x == source.x and target.y >= source.y)
    x1, x2 = (source.x + WIDTH, target.x) if target.x > source.x else (source.x, target.x + WIDTH)
    y1, y2 = source.y + HEIGHT // 2, target.y + HEIGHT // 2
    if source.x == target.x:
        # Both in one column: around their right side.
        x1 = x2 = source.x + WIDTH
        bend1 = bend2 = x1 + 60
    else:
        bend = (x2 - x1) // 2
        bend1, bend2 = x1 + bend, x2 - bend
    middle_x, middle_y = (x1 + 3 * bend1 + 3 * bend2 + x2) // 8, (y1 + y2) // 2
    name = html.escape(f"{edge.relation}: {_clean(edge.note)}" if edge.note else str(edge.relation))
    side = "forward" if right else "back"
    return (
        f'<g class="edge {side} r-{edge.relation}" id="e{number}"><title>{name}</title>'
        f'<path d="M{x1} {y1}C{bend1} {y1} {bend2} {y2} {x2} {y2}" marker-end="url(#arrow)"/>'
        f'<text x="{middle_x}" y="{middle_y - 3}">{edge.relation}</text></g>'
    )


def _node(number: int, node: Node, place: Place, *, root: bool) -> str:
    title, rest = (html.escape(line) for line in _lines(node))
    first = _clean(label_lines(node)[0])
    return (
        f'<g class="node k-{node.kind}{" root" if root else ""}" id="n{number}" '
        f'transform="translate({place.x} {place.y})"><title>{html.escape(first)}</title>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="6"/><rect class="stripe" width="5" height="{HEIGHT}" rx="2"/>'
        f'<text x="16" y="21">{title}</text><text class="more" x="16" y="40">{rest}</text></g>'
    )


def _lines(node: Node) -> tuple[str, str]:
    """The two lines in a node, as long as there is room."""
    first, *more = (_clean(line) for line in label_lines(node))
    # The end of a path says more than its beginning, and what was run more than when.
    title = _cut(first[::-1], _TITLE_COLUMNS)[::-1] if node.kind in _PATHS else _cut(first, _TITLE_COLUMNS)
    more = more[::-1] if node.kind is NodeKind.RUN else more
    return title or "(content)", _cut(" · ".join(line for line in more if line), _MORE_COLUMNS)


def _cut(line: str, columns: int) -> str:
    """As much of a line as has room; wide letters (Unicode Standard Annex 11) take two columns."""
    taken = 0
    for at, letter in enumerate(line):
        taken += 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        if taken > columns:
            return line[: max(at - 1, 0)] + "…"
    return line


def _clean(line: str) -> str:
    """A line with U+FFFD for what cannot be printed: control characters, and those that turn the direction of text."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line)


# --- the data ---------------------------------------------------------------------------------------------------------


def _data(
    lineage: Lineage,
    numbers: dict[str, int],
    layout: Layout,
    recipe: Callable[[Node], str],
    names: Mapping[str, str],
) -> str:
    pods = {pod: number for number, pod in enumerate(list(by_pod(lineage))[1:])}
    nodes = []
    for identity, node in lineage.nodes.items():
        facts = facts_of(node, names)
        if node.kind is NodeKind.RECIPE and (content := recipe(node)):
            facts.append(("recipe", content))
        lines = [(name, "\n".join(map(_clean, value.split("\n")))) for name, value in facts]
        place = layout.places[identity]
        nodes.append(
            {
                "kind": node.kind,
                "label": _clean(label_lines(node)[0]),
                "lines": _lines(node),
                "facts": lines,
                "at": [place.x, place.y],
                "pod": pods.get(node.pod, -1),
            }
        )
    edges = [[numbers[edge.source], numbers[edge.target], edge.relation, _clean(edge.note)] for edge in lineage.edges]
    size = [layout.width, layout.height, WIDTH, HEIGHT]
    called = [_clean(pod_name(lineage, pod)) for pod in pods]
    document = {"nodes": nodes, "edges": edges, "pods": called, "root": numbers[lineage.root], "size": size}
    text = json.dumps(document, ensure_ascii=True, separators=(",", ":"))
    # In a script element `</script` and `<!--` mean something even in the middle of a string.
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
