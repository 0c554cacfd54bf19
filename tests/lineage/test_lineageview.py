"""The tree of a lineage on a terminal."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from lineage_samples import ID, answer, commit_node, file_node, folder_node, run_node, run_record

from sovrgit.lineage.graph import Direction, Edge, Lineage, Node, NodeKind, OriginDetails, Relation, VerdictDetails
from sovrgit.objects.commit import Fork
from sovrgit.objects.ids import blob_id
from sovrgit.objects.run import RunStatus
from sovrgit.objects.verdict import Finding, OutputDifference, OutputWithin, Verdict
from sovrgit.ui.escape import display_width
from sovrgit.ui.lineageview import render_lineage

OUTPUT = file_node(b"output/metrics.json")
RUN = run_node(0x7C, run_record(base=ID, parameters={"rate": "0.1"}, dirty=True))
COMMIT = commit_node("First version")
RECIPE = file_node(b"recipe.json", kind=NodeKind.RECIPE)
SCRIPT = file_node(b"script/train.py")


def short(content: bytes) -> str:
    return blob_id(content).short


def show(lineage: Lineage, width: int = 0, *, colour: bool = False) -> list[str]:
    return list(render_lineage(lineage, colour=colour, width=width))


def test_a_result_at_a_glance() -> None:
    lineage = answer(
        (OUTPUT, Relation.MADE_BY, RUN),
        (RUN, Relation.RECIPE, RECIPE),
        (RECIPE, Relation.ADDED_IN, COMMIT),
        (RUN, Relation.USED, SCRIPT),
        (SCRIPT, Relation.CHANGED_IN, COMMIT),
        (RUN, Relation.USED, folder_node(b"payload", 1002)),
    )
    commit = COMMIT.label
    added = f'commit {commit} by Ann, 2023-11-14, "First version"'
    assert show(lineage) == [
        f"output/metrics.json  {short(b'output/metrics.json')}  312 B",
        "└─ made by run 0000000000 succeeded 2023-11-14 22:13 +0000, 1.25 s, local  `python3 script/train.py`",
        "   │  rate=0.1, with inputs that were not committed, on Linux x86_64, Python 3.11.7, by Ann, "
        "on top of commit 4f4f4f4f4f",
        f"   ├─ recipe.json      {short(b'recipe.json')}  312 B  added in {added}",
        f"   ├─ script/train.py  {short(b'script/train.py')}  312 B  changed in {added}",
        "   └─ payload/         4f4f4f4f4f  1002 files, 2 KiB",
    ]


def test_former_results_are_followed_on_one_line() -> None:
    earlier = run_node(1, run_record(status=RunStatus.FAILED, exit_code=3, platform={}, by=""))
    twin = file_node(b"output/old")
    lineage = answer(
        (OUTPUT, Relation.MADE_BY, RUN),
        (RUN, Relation.USED, SCRIPT),
        (SCRIPT, Relation.SAME_CONTENT, twin),
        (twin, Relation.MADE_BY, earlier),
    )
    line = show(lineage)[-1]
    assert line.startswith("      └─ same content as output/old, made by run 0000000000 failed (exit 3) 2023")


def test_what_was_shown_is_only_named_again() -> None:
    lineage = answer(
        (OUTPUT, Relation.MADE_BY, RUN),
        (RUN, Relation.USED, SCRIPT),
        (SCRIPT, Relation.MADE_BY, RUN),
    )
    assert show(lineage)[-1] == "      └─ made by run 0000000000  (shown above)"
    assert len(show(lineage)) == 5


def test_verdicts() -> None:
    def verdict(finding: Finding, **fields: object) -> Node:
        made = Verdict(finding, ID, ID, 1_700_000_000 * 10**9, 3, **fields)
        return Node(str(made.id()), NodeKind.VERDICT, made.id().short, VerdictDetails(made.id(), made))

    differences = tuple(OutputDifference(b"output/%d" % number, "changed") for number in range(5))
    nodes = [
        verdict(Finding.IDENTICAL, by="Ben"),
        verdict(Finding.DIFFERS, differences=differences),
        verdict(Finding.INCOMPARABLE, reason="it failed"),
        verdict(Finding.AGREES, within=(OutputWithin(b"output/a", "r"),), ignored=(b"output/b", b"output/c")),
        Node("lost", NodeKind.VERDICT, "lost", VerdictDetails(ID, None)),
    ]
    shown = show(answer(*((RUN, Relation.CHECKED_BY, node) for node in nodes)))[2:]
    ends = [line.split(" ", 5)[-1] for line in shown]
    assert ends == [
        "identical (3 files), by Ben 2023-11-14 22:13 +0000",
        "differs (output/0, output/1, output/2 and 2 more), 2023-11-14 22:13 +0000",
        "not comparable (it failed), 2023-11-14 22:13 +0000",
        "agrees (3 files, 1 within a rule, 2 ignored), 2023-11-14 22:13 +0000",
        " not here",
    ]


def test_origins_and_what_is_not_here() -> None:
    origin = OriginDetails("some/reference", Fork("some/reference", ID, "lab"), ID)
    lineage = answer(
        (OUTPUT, Relation.MADE_BY, run_node()),
        (OUTPUT, Relation.USED, file_node(b"lost", here=False)),
        (OUTPUT, Relation.USED, folder_node(b"gone", None)),
        (OUTPUT, Relation.FORKED_FROM, Node("origin", NodeKind.ORIGIN, "some/reference", origin)),
        (OUTPUT, Relation.CLONED_FROM, Node("clone", NodeKind.ORIGIN, "dav:/x", OriginDetails("dav:/x"))),
    )
    lines = show(Lineage(lineage.root, lineage.direction, lineage.nodes, lineage.edges, 2, True))
    assert lines[1] == "├─ made by run 0000000000  its record is not here"
    assert lines[2].endswith("312 B  not here")
    assert lines[3].endswith("not all of it is here")
    assert lines[4:6] == [
        "├─ forked from some/reference  pod lab at commit 4f4f4f4f4f, in commit 4f4f4f4f4f",
        "└─ cloned from dav:/x",
    ]
    assert lines[6] == "" and lines[7].startswith("2 objects are not here")
    assert lines[8] == "there is more: what is farthest away is left out"


def test_downwards() -> None:
    made = file_node(b"output/x")
    lineage = answer(
        (RUN, Relation.USED, SCRIPT),
        (made, Relation.MADE_BY, RUN),
        (COMMIT, Relation.TAKEN_FROM, RUN),
        (run_node(9), Relation.REPEATS, RUN),
        direction=Direction.DOWN,
        note="as payload/x",
    )
    lines = show(lineage)
    assert lines[0].startswith("script/train.py  ")
    assert lines[1].startswith("└─ used by run 0000000000 succeeded") and lines[1].endswith("(as payload/x)")
    assert [line.split()[1:4] for line in lines[3:]] == [
        ["gave", "output/x", short(b"output/x")],
        ["output", "taken", "over"],
        ["repeated", "by", "run"],
    ]


@pytest.mark.parametrize(
    ("direction", "text"), [(Direction.UP, "nothing more is known of it"), (Direction.DOWN, "no run used it")]
)
def test_no_answer_is_said(direction: Direction, text: str) -> None:
    assert show(Lineage(OUTPUT.id, direction, {OUTPUT.id: OUTPUT}, ()))[-1] == text


def test_lines_are_cut_at_the_width_and_colours_change_nothing_else() -> None:
    wide = file_node("payload/日本語日本語日本語.csv".encode())
    lineage = answer((OUTPUT, Relation.MADE_BY, RUN), (RUN, Relation.USED, wide))
    for width in (10, 31, 32, 33, 80):
        plain = show(lineage, width)
        assert all(display_width(line) <= width for line in plain)
        assert any(line.endswith("…") for line in plain)
        painted = show(lineage, width, colour=True)
        assert [re.sub(r"\x1b\[\d*m", "", line) for line in painted] == plain
        assert painted != plain


def test_hostile_names_do_not_reach_the_terminal() -> None:
    hostile = "\x1b]0;evil\x07\r\u202e"
    node = run_node(1, run_record(command=("sh", hostile), by=hostile, parameters={hostile: hostile}))
    lineage = answer(
        (file_node(hostile.encode() + b"\xff"), Relation.MADE_BY, node),
        (node, Relation.COMMITTED_IN, commit_node(hostile, hostile)),
        (node, Relation.CLONED_FROM, Node("o", NodeKind.ORIGIN, hostile, OriginDetails(hostile))),
        note=hostile,
    )
    for line in show(lineage):
        assert line.isprintable(), line
        line.encode()


def test_a_deep_answer_goes_on_from_the_left() -> None:
    runs = [run_node(number << 248, run_record(platform={}, by="")) for number in range(200)]
    edges = [
        edge
        for number, run in enumerate(runs[:-1])
        for edge in (
            (run, Relation.USED, file_node(b"payload/%d" % number)),
            (file_node(b"payload/%d" % number), Relation.MADE_BY, runs[number + 1]),
        )
    ]
    lines = show(answer(*edges), 80)
    assert max(map(display_width, lines)) <= 80
    for run in runs:
        assert any(f"run {run.label} succeeded" in line for line in lines)
    assert sum("(continued below)" in line for line in lines) == lines.count("") > 5


def test_ten_thousand_nodes_in_a_row() -> None:
    nodes = {node.id: node for node in (file_node(b"f%d" % number) for number in range(10_000))}
    names = list(nodes)
    edges = tuple(Edge(*pair, Relation.SAME_CONTENT) for pair in pairwise(names))
    lines = show(Lineage(names[0], Direction.UP, nodes, edges), 100)
    assert sum(line.rstrip().endswith("312 B") or "continued" in line for line in lines) >= 10_000
