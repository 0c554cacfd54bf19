"""What lineage tells of verdicts by rules: in the document, on the page, in a crate."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from lineage_lab import Lab

from sovrgit.lineage.document import to_document
from sovrgit.lineage.exports.crate import to_crate
from sovrgit.lineage.exports.story import gather
from sovrgit.lineage.graph import Lineage
from sovrgit.lineage.page.facts import facts_of
from sovrgit.lineage.up import lineage_of_path
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.place import PixelPlace
from sovrgit.objects.verdict import Finding, OutputDifference, OutputUndecided, OutputWithin, Verdict
from sovrgit.runs.run import RunResult

RULE = '{"image":{"difference":0.1,"pixels":0}}'


def add(lab: Lab, verdict: Verdict) -> ObjectId:
    with lab.pod.store.session() as session:
        identity = session.add(Kind.VERDICT, verdict.encode())
        session.commit()
    lab.move(identity, f"refs/verdicts/{identity}")
    return identity


@pytest.fixture
def judged(copied: tuple[Lab, RunResult]) -> tuple[Lab, ObjectId, list[ObjectId]]:
    """A run with a verdict that agrees and one that does not."""
    lab, run = copied
    agrees = Verdict(
        Finding.AGREES,
        run.id,
        run.id,
        1_700_000_000 * 10**9,
        1,
        within=(OutputWithin(b"output/a.png", RULE, "by up to 0.1"),),
        ignored=(b"output/b\xff",),
    )
    differs = replace(
        agrees,
        finding=Finding.DIFFERS,
        differences=(OutputDifference(b"output/a.png", "changed", RULE, PixelPlace(1, 2, 3, 4, 2), "much"),),
        within=(),
        undecided=(OutputUndecided(b"output/c", RULE, "no picture"),),
        unlisted=7,
    )
    return lab, run.id, [add(lab, agrees), add(lab, differs)]


def lineage_of(lab: Lab) -> Lineage:
    with lab.index() as index:
        return lineage_of_path(lab.pod, index, lab.head(), b"output/sorted.txt")


def test_the_document_has_all_that_verdicts_say(judged: tuple[Lab, ObjectId, list[ObjectId]]) -> None:
    lab, run, (agrees, differs) = judged
    document = json.loads(json.dumps(to_document(lineage_of(lab))))
    counts = {"identical": 0, "agrees": 1, "differs": 1, "not comparable": 0}
    assert document["verdicts"] == {f"run:{run}": counts}
    nodes = {node["id"]: node for node in document["nodes"]}
    first, second = nodes[f"verdict:{agrees}"], nodes[f"verdict:{differs}"]
    assert first["within"] == [{"path": "output/a.png", "rule": RULE, "detail": "by up to 0.1"}]
    assert [set(one) for one in first["ignored"]] == [{"path", "path_b64"}] and first["differences"] == []
    (difference,) = second["differences"]
    assert difference["where"] == {"left": 1, "top": 2, "width": 3, "height": 4, "frame": 2}
    assert (difference["rule"], difference["detail"]) == (RULE, "much")
    assert second["undecided"] == [{"path": "output/c", "rule": RULE, "reason": "no picture"}]
    assert second["unlisted"] == 7


def test_the_page_and_a_crate_tell_what_was_let_pass(judged: tuple[Lab, ObjectId, list[ObjectId]]) -> None:
    lab, run, (agrees, _) = judged
    facts = dict(facts_of(lineage_of(lab).nodes[f"verdict:{agrees}"], {}))
    assert facts["within a rule"] == f"output/a.png: {RULE}" and facts["ignored"].startswith("output/b")
    with lab.index() as index:
        story = gather(lab.pod, index, run)
    graph = to_crate(story, with_files=False).metadata.generate()["@graph"]
    said = {one["value"]: one["description"] for one in graph if one.get("propertyID") == "finding"}
    assert said[Finding.AGREES] == f"within {RULE}: output/a.png; ignored: output/b\N{REPLACEMENT CHARACTER}"
    assert said[Finding.DIFFERS] == "changed output/a.png"
