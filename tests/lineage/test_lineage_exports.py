"""Answers as DOT and as JSON: hostile names stay names."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lineage_lab import Lab
from lineage_samples import answer, commit_node, file_node, folder_node, run_node, run_record

from sovrgit.lineage.document import path_fields, to_document, utc
from sovrgit.lineage.dot import to_dot
from sovrgit.lineage.graph import Direction, Lineage, Relation
from sovrgit.lineage.labels import MAX_LINE
from sovrgit.lineage.mermaid import to_mermaid
from sovrgit.lineage.up import lineage_of_path
from sovrgit.runs.run import RunResult

HOSTILE = b'a"];\nevil -> b [label="\\N\\", "\x1b[31m<b>&lt;\xff\xe2\x80\xae\\'

_STRING = r'"(?:[^"\\\n]|\\.)*"'
_ATTRIBUTES = rf"\[(?:\w+=(?:{_STRING}|\w+)(?:, )?)+\]"
_STATEMENT = re.compile(
    rf"digraph lineage \{{|\}}|  rankdir=LR;|  (?:node|edge) {_ATTRIBUTES};|  n\d+(?: -> n\d+)? {_ATTRIBUTES};"
)


def hostile() -> Lineage:
    run = run_node(1, run_record(command=("sh", "-c", 'echo "\\"\n')))
    return answer((file_node(HOSTILE), Relation.MADE_BY, run), (run, Relation.USED, folder_node(b"a&amp;", None)))


def check_syntax(dot: str) -> None:
    """That every line is one statement of those that are written, after the grammar of the DOT language."""
    for line in dot.splitlines():
        assert _STATEMENT.fullmatch(line), line
    if shutil.which("dot"):
        subprocess.run(["dot", "-Tsvg"], input=dot.encode(), check=True, capture_output=True)


def test_dot_quotes_hostile_names() -> None:
    dot = to_dot(hostile())
    check_syntax(dot)
    arrows = [line for line in dot.splitlines() if re.match(r"  n\d+ -> ", line)]
    assert len(arrows) == 2 and "evil -> b" in dot
    assert dot.replace("\n", "").isprintable() and "&amp;amp;" in dot


@given(st.binary(min_size=1, max_size=80), st.text(max_size=80))
def test_dot_takes_any_name_and_message(path: bytes, message: str) -> None:
    lineage = answer((file_node(path), Relation.ADDED_IN, commit_node(message.encode("utf-8", "replace").decode())))
    check_syntax(to_dot(lineage))


def test_dot_cuts_long_lines() -> None:
    dot = to_dot(answer((file_node(b"x" * 500), Relation.MADE_BY, run_node())))
    assert "x" * (MAX_LINE - 1) + "…" in dot and "x" * MAX_LINE not in dot


_TEXT = r"(?:[^\W_]|[ /,:.-]|#\d+;)+"
_MERMAID = re.compile(
    rf'flowchart LR|  n\d+[\[({{>]+"{_TEXT}(?:<br/>{_TEXT})*"[\])}}]+|  n\d+ -->\|"{_TEXT}"\| n\d+|  style .*'
)


@given(st.binary(min_size=1, max_size=80), st.text(max_size=80))
def test_mermaid_takes_any_name_and_message(path: bytes, message: str) -> None:
    commit = commit_node(message.encode("utf-8", "replace").decode())
    mermaid = to_mermaid(answer((file_node(path), Relation.ADDED_IN, commit), note=message))
    for line in mermaid.rstrip("\n").split("\n"):
        assert _MERMAID.fullmatch(line), line


def test_mermaid_writes_hostile_names_as_codes() -> None:
    mermaid = to_mermaid(hostile())
    assert mermaid.count(" -->|") == 2 and "a#34;#93;#59;" in mermaid
    assert "#60;b#62;" in mermaid and "<b>" not in mermaid and "evil -->" not in mermaid
    # What would be taken for a list.
    listed = to_mermaid(answer((file_node(b"1. - x"), Relation.MADE_BY, run_node())))
    assert '"1#46; #45; x<br/>' in listed


def test_mermaid_of_a_real_answer(copied: tuple[Lab, RunResult]) -> None:
    lab, result = copied
    with lab.index() as index:
        lineage = lineage_of_path(lab.pod, index, lab.head(), b"output/sorted.txt")
    mermaid = to_mermaid(lineage)
    assert mermaid.startswith('flowchart LR\n  n0("output/sorted.txt<br/>')
    assert mermaid.count(" -->|") == len(lineage.edges)
    assert f'["lab run {result.id.short}<br/>succeeded, 20' in mermaid


def test_dot_of_a_real_answer(copied: tuple[Lab, RunResult]) -> None:
    lab, result = copied
    with lab.index() as index:
        lineage = lineage_of_path(lab.pod, index, lab.head(), b"output/sorted.txt")
    dot = to_dot(lineage)
    check_syntax(dot)
    assert dot.count(" -> ") == len(lineage.edges)
    assert f"run {result.id.short}" in dot


def test_the_document_of_a_real_answer(copied: tuple[Lab, RunResult]) -> None:
    lab, result = copied
    verified = lab.verify(result.id)
    with lab.index() as index:
        lineage = lineage_of_path(lab.pod, index, lab.head(), b"output/sorted.txt")
    document = json.loads(json.dumps(to_document(lineage)))
    nodes = {node["id"]: node for node in document["nodes"]}
    assert (document["version"], document["direction"]) == (1, "up")
    assert (document["missing"], document["truncated"]) == (0, False)
    root = nodes[document["root"]]
    assert (root["kind"], root["path"], root["size"], root["here"]) == ("file", "output/sorted.txt", 11, True)
    assert "path_b64" not in root
    run = nodes[f"run:{result.id}"]
    assert run["run"] == str(result.id) and run["status"] == "succeeded" and run["made"] == str(lab.head())
    assert run["duration_ns"] == result.run.finished - result.run.started
    assert run["command"] == ["sort", "-o", "output/sorted.txt", "payload/words.txt"]
    verdict = nodes[f"verdict:{verified.id}"]
    assert (verdict["finding"], verdict["files"], verdict["differences"]) == ("identical", 1, [])
    commit = nodes[f"commit:{lab.head()}"]
    assert commit["author"] == {"name": "Ann", "email": "ann@example.org", "time": "2023-11-14T22:15:20Z", "zone": 0}
    for item in document["edges"]:
        assert item["source"] in nodes and item["target"] in nodes
        assert item["relation"] in {*Relation} and set(item) == {"source", "target", "relation", "note"}


def test_the_document_of_hostile_names_is_json() -> None:
    document = to_document(hostile())
    text = json.dumps(document, ensure_ascii=False).encode()
    root = json.loads(text)["nodes"][0]
    assert base64.b64decode(root["path_b64"]) == HOSTILE
    assert root["path"] == HOSTILE.decode("utf-8", "replace")
    folder = document["nodes"][2]
    assert folder["here"] is False and "files" not in folder


def test_what_is_not_here_has_no_facts() -> None:
    lineage = answer((file_node(b"x"), Relation.USED, run_node()), direction=Direction.DOWN)
    run = to_document(lineage)["nodes"][0]
    assert run["here"] is False and "status" not in run


@given(st.binary())
def test_paths_come_back(path: bytes) -> None:
    fields = path_fields(path)
    fields["path"].encode()
    encoded = fields.get("path_b64")
    assert (base64.b64decode(encoded) if encoded is not None else fields["path"].encode()) == path


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_700_000_000_123_456_789, "2023-11-14T22:13:20.123456Z"),
        (-(10**9), "1969-12-31T23:59:59Z"),
        ((1 << 63) * 10**9, f"@{1 << 63}"),
    ],
)
def test_moments(nanoseconds: int, text: str) -> None:
    assert utc(nanoseconds) == text
