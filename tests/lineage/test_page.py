"""A lineage as an HTML page: by its structure always, in Chromium where it is installed."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lineage_lab import Lab
from lineage_samples import answer, commit_node, file_node, folder_node, run_node, run_record
from pods_lab import new_lab, run_with, story, taken

from sovrgit.lineage.document import to_document
from sovrgit.lineage.graph import MAX_NODES, Lineage, NodeKind, Relation
from sovrgit.lineage.page.facts import facts_of
from sovrgit.lineage.page.layout import HEIGHT, WIDTH, lay_out
from sovrgit.lineage.page.page import to_html
from sovrgit.lineage.page.recipes import MAX_RECIPE, recipe_text
from sovrgit.lineage.up import lineage_of_path
from sovrgit.runs.run import RunResult
from sovrgit.signing.ethereum import SigningKey
from sovrgit.signing.keeping import signer_of
from sovrgit.ui.lineageview import render_lineage

HOSTILE = "</script><script>alert(1)</script><!--<img src=x onerror=alert(1)>]]>\u202e&quot;'\""


class Page(HTMLParser):
    """Elements, attributes and the text of scripts and styles, as a browser's parser sees them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.raw: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        (self.raw if self.cdata_elem else self.texts).append(data)

    def with_class(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for _, attributes in self.elements if name in (attributes.get("class") or "").split()]

    @property
    def data(self) -> Any:
        return json.loads(next(text for text in self.raw if text.startswith('{"nodes"')))


def hostile() -> Lineage:
    run = run_node(1, run_record(command=("sh", HOSTILE), by=HOSTILE, parameters={HOSTILE: HOSTILE}))
    path = HOSTILE.encode() + b"\xff"
    return answer(
        (file_node(path), Relation.MADE_BY, run),
        (run, Relation.COMMITTED_IN, commit_node(HOSTILE, HOSTILE)),
        (run, Relation.USED, folder_node(b"<b>", None)),
        note=HOSTILE,
    )


def test_the_page_of_a_real_answer(copied: tuple[Lab, RunResult]) -> None:
    lab, result = copied
    verified = lab.verify(result.id)
    with lab.index() as index:
        lineage = lineage_of_path(lab.pod, index, lab.head(), b"output/sorted.txt")
    page = Page(to_html(lineage, "output/sorted.txt", recipe_text(lab.pod.store)))
    assert len(page.with_class("node")) == len(lineage.nodes) == len(page.data["nodes"])
    assert len(page.with_class("edge")) == len(lineage.edges) == len(page.data["edges"])
    facts = [dict(node["facts"]) for node in page.data["nodes"]]
    (run,) = [fact for fact in facts if fact.get("run") == str(result.id) and "command" in fact]
    assert run["status"] == "succeeded" and run["command"].startswith("sort -o ")
    assert any(fact.get("verdict") == str(verified.id) and fact["finding"] == "identical" for fact in facts)
    (recipe,) = [fact["recipe"] for fact in facts if "path" in fact and "recipe" in fact]
    assert json.loads(recipe)["name"] == "lab"
    assert page.data["root"] == 0 and page.with_class("root")[0]["id"] == "n0"


def test_only_its_own_script_may_run() -> None:
    page = Page(to_html(hostile(), HOSTILE))
    policy = next(
        attributes["content"]
        for _, attributes in page.elements
        if "Content-Security" in str(attributes.get("http-equiv"))
    )
    scripts = [attributes for tag, attributes in page.elements if tag == "script"]
    assert [script.get("type") for script in scripts] == ["application/json", None]
    hashes = {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in page.raw}
    allowed = re.findall(r"'sha256-([^']+)'", policy or "")
    assert len(allowed) == 2 and set(allowed) <= hashes
    assert policy is not None and policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy


def test_hostile_names_are_text() -> None:
    page = Page(to_html(hostile(), HOSTILE))
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"img", "b", "iframe", "a", "link"}
    assert not any(
        name.startswith("on") or name in ("href", "src", "style") for _, one in page.elements for name in one
    )
    assert HOSTILE.replace("\u202e", "\ufffd") in page.texts
    assert ["parameters", f"{HOSTILE}={HOSTILE}".replace("\u202e", "\ufffd")] in page.data["nodes"][1]["facts"]
    assert "http" not in "".join(page.raw).replace("http://www.w3.org/2000/svg", "")


@settings(max_examples=20, deadline=None)
@given(st.binary(min_size=1, max_size=60), st.text(max_size=60))
def test_any_name_and_message(path: bytes, message: str) -> None:
    message = message.encode("utf-8", "replace").decode()
    lineage = answer((file_node(path), Relation.ADDED_IN, commit_node(message, message)), note=message)
    text = to_html(lineage, path.decode("utf-8", "surrogateescape"))
    text.encode()
    page = Page(text)
    assert len(page.with_class("node")) == 2 and len(page.data["edges"]) == 1
    assert len([tag for tag, _ in page.elements if tag == "script"]) == 2


def test_no_two_nodes_overlap(copied: tuple[Lab, RunResult]) -> None:
    lab, _ = copied
    with lab.index() as index:
        lineage = lineage_of_path(lab.pod, index, lab.head(), b"output/sorted.txt")
    layout = lay_out(lineage)
    places = [layout.places[identity] for identity in lineage.nodes]
    assert all(abs(a.x - b.x) >= WIDTH or abs(a.y - b.y) >= HEIGHT for a, b in combinations(places, 2))
    assert min(place.y for place in places) == 0 and places[0].x == 0
    assert max(place.y for place in places) + HEIGHT == layout.height


def test_circles_and_what_nothing_leads_to_have_a_place() -> None:
    one, two, lost = file_node(b"1"), file_node(b"2"), file_node(b"3")
    lineage = answer((one, Relation.SAME_CONTENT, two), (two, Relation.SAME_CONTENT, one), (lost, Relation.USED, lost))
    assert {place.x for place in lay_out(lineage).places.values()} == {0, 380, 760}


def test_recipes_that_are_long_or_gone_are_only_named(lab: Lab) -> None:
    lab.write("recipe.json", " " * MAX_RECIPE + "{}")
    lab.commit()
    read = recipe_text(lab.pod.store)
    with lab.index() as index:
        lineage = lineage_of_path(lab.pod, index, lab.head(), b"recipe.json")
    (long,) = lineage.of_kind(NodeKind.RECIPE)
    assert read(long) == "" and read(file_node(b"recipe.json", here=False, kind=NodeKind.RECIPE)) == ""


def test_what_is_of_other_pods_is_grouped(tmp_path: Path) -> None:
    alpha, beta = new_lab(tmp_path / "alpha"), new_lab(tmp_path / "beta", "fig\n")
    key = SigningKey.new()
    beta.pod.find_signer = lambda: signer_of(key)
    run_with(beta, taken(alpha))
    lineage = story(beta, "output/copy.txt")
    page = Page(to_html(lineage, "x", names={key.address: "Ada"}))
    assert page.data["pods"] == ["alpha"]
    pods = {node["kind"]: node["pod"] for node in page.data["nodes"]}
    assert pods["external"] == 0 and pods["file"] == 0 and page.data["nodes"][0]["pod"] == -1
    signers = {dict(node["facts"]).get("signed by") for node in page.data["nodes"]}
    assert signers == {None, f"{key.address} (Ada)"}
    forged = replace(next(lineage.of_kind(NodeKind.RUN)).details.run, reason="another")  # type: ignore[union-attr]
    run = run_node(1, forged)
    assert "FORGED" in dict(facts_of(run, {}))["signed by"]
    assert to_document(answer((run, Relation.USED, run)))["nodes"][0]["signature"]["problem"] == "forged"
    boxes = [attributes["value"] for tag, attributes in page.elements if tag == "input" and "value" in attributes]
    assert boxes[-2:] == ["-1", "0"]


def test_ten_thousand_nodes_make_a_page() -> None:
    files = [file_node(f"{number}".encode()) for number in range(MAX_NODES)]
    lineage = answer(*((files[0], Relation.CONTAINS, file) for file in files[1:]))
    text = to_html(replace(lineage, truncated=True), "x")
    assert len(text) < 12_000_000 and "there is more: what is farthest away is left out" in text
    assert sum(1 for _ in render_lineage(lineage, colour=False, width=80)) >= MAX_NODES
    assert len(to_document(lineage)["nodes"]) == MAX_NODES


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser for all assertions: to start it takes longer than they do."""
    source = Path(__file__).parents[2] / "benchmarks" / "browser.py"
    spec = importlib.util.spec_from_file_location("benchmark_browser", source)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if module.CHROMIUM is None:
        pytest.skip("needs Chromium")
    with module.Browser() as browser:
        yield browser


FRAME = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
PIXELS = "Array.from(document.querySelector('canvas').getContext('2d').getImageData({}, {}, 1, 1).data).slice(0, 3)"
FILTER = """(() => {
  const find = document.getElementById("find");
  find.value = "%s";
  find.dispatchEvent(new Event("input"));
})()"""
SHAPE = """(() => {
  const canvas = document.querySelector("canvas");
  return [canvas.width === canvas.clientWidth, canvas.height === canvas.clientHeight];
})()"""
INK = """(() => {
  const canvas = document.querySelector("canvas");
  const found = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let count = 0;
  for (let at = 4; at < found.length; at += 4) if (found[at] !== found[0] || found[at + 1] !== found[1]) count++;
  return count;
})()"""


def test_hostile_text_in_a_browser(browser: Any, tmp_path: Path) -> None:
    """The script runs under the page's policy, nothing else does, and hostile text is shown as text."""
    file = tmp_path / "page.html"
    file.write_text(to_html(hostile(), HOSTILE), encoding="utf-8")
    browser.open(file)
    page = Page(browser.evaluate("document.documentElement.outerHTML"))
    details = [attributes for _, attributes in page.elements if attributes.get("id") == "details"]
    assert details[0]["class"] == "k-file"
    assert not {tag for tag, _ in page.elements} & {"img", "iframe"}
    assert len([tag for tag, _ in page.elements if tag == "script"]) == 2
    # What was drawn for browsers without scripts is not there a second time.
    assert browser.evaluate("document.querySelectorAll('svg').length") == 0
    assert browser.evaluate(INK) > 500


def test_light_dark_choosing_and_filters_in_a_browser(browser: Any, tmp_path: Path) -> None:
    alpha, beta = new_lab(tmp_path / "alpha"), new_lab(tmp_path / "beta", "fig\n")
    run_with(beta, taken(alpha))
    file = tmp_path / "page.html"
    lineage = story(beta, "output/copy.txt")
    found = sum(bool(node.pod) for node in lineage.nodes.values())
    file.write_text(to_html(lineage, "output/copy.txt"), encoding="utf-8")
    for scheme, paper in (("light", [0xF6, 0xF7, 0xF9]), ("dark", [0x12, 0x16, 0x1C])):
        browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        browser.open(file)
        browser.evaluate(FRAME)
        assert browser.evaluate(PIXELS.format(1, 1)) == paper
        ink = browser.evaluate(INK)
        assert ink > 1000
        # A node of the answer is chosen by its neighbour's button, and the details follow.
        browser.evaluate("document.querySelector('#details li button').click()")
        assert browser.evaluate("document.querySelector('#details h2').innerText").startswith("run")
        # What is of another pod says so, and a filter says how much it found.
        assert browser.evaluate("document.querySelector('#details').innerText").count(" of alpha") == 1
        said = []
        for word in ("alpha", "nowhere", ""):
            browser.evaluate(FILTER % word)
            said.append(browser.evaluate("document.querySelector('.note').innerText"))
        assert said == [f"{found} of {len(lineage.nodes)}: Enter goes to the next", "nothing matches", said[-1]]
        assert said[-1].startswith(f"{len(lineage.nodes)} nodes, ")
        # Without what is of the other pod there is less to see.
        browser.evaluate("document.querySelectorAll('#pods input')[1].click()")
        browser.evaluate(FRAME)
        assert browser.evaluate(INK) < ink
        # In a narrow window the details take room from the graph, which is drawn for what is left.
        browser.call("Emulation.setDeviceMetricsOverride", width=600, height=800, deviceScaleFactor=1, mobile=False)
        browser.open(file)
        browser.evaluate(FRAME)
        assert browser.evaluate(SHAPE) == [True, True]
        browser.call("Emulation.clearDeviceMetricsOverride")
