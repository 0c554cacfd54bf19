"""A lineage as an HTML page: by its structure always, in Chromium where it is installed."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lineage_lab import Lab
from lineage_samples import answer, commit_node, file_node, folder_node, run_node, run_record

from sovrgit.lineage.graph import Lineage, NodeKind, Relation
from sovrgit.lineage.page.layout import HEIGHT, WIDTH, lay_out
from sovrgit.lineage.page.page import to_html
from sovrgit.lineage.page.recipes import MAX_RECIPE, recipe_text
from sovrgit.lineage.up import lineage_of_path
from sovrgit.runs.run import RunResult

HOSTILE = "</script><script>alert(1)</script><!--<img src=x onerror=alert(1)>]]>\u202e&quot;'\""
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


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


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_in_a_browser(tmp_path: Path) -> None:
    """The script runs under the page's policy, nothing else does, and hostile text is shown as text."""
    file = tmp_path / "page.html"
    file.write_text(to_html(hostile(), HOSTILE), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    done = subprocess.run([str(CHROMIUM), *options, file.as_uri()], capture_output=True, timeout=240, check=True)
    page = Page(done.stdout.decode())
    chosen = page.with_class("chosen")
    assert "n0" in {one.get("id") for one in chosen}
    details = [attributes for _, attributes in page.elements if attributes.get("id") == "details"]
    assert details[0]["class"] == "k-file"
    assert not {tag for tag, _ in page.elements} & {"img", "iframe"}
    assert len([tag for tag, _ in page.elements if tag == "script"]) == 2
    (view,) = [attributes for _, attributes in page.elements if attributes.get("id") == "view"]
    assert "scale" in str(view["transform"])
