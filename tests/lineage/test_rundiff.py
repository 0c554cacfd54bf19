"""What differs between two runs."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from lineage_lab import Lab

from sovrgit.errors import ObjectMissing
from sovrgit.lineage.rundiff import RunDifference, ValueChange, diff_runs
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.run import External, Run
from sovrgit.runs.run import RunResult


def stored(lab: Lab, run: Run) -> ObjectId:
    with lab.pod.store.session() as session:
        identity = session.add(Kind.RUN, run.encode())
        session.commit()
    return identity


def against(lab: Lab, result: RunResult, **fields: object) -> RunDifference:
    """A run against the same one with other values."""
    return diff_runs(lab.pod.store, result.id, stored(lab, replace(result.run, **fields)))


def test_nothing_differs(copied: tuple[Lab, RunResult]) -> None:
    lab, result = copied
    again = lab.run(force=True)
    found = diff_runs(lab.pod.store, result.id, again.id)
    assert result.id != again.id and not found.any and found.same_key
    assert (found.recipe, found.inputs, found.outputs) == ((), (), ())


def test_inputs_recipe_and_outputs(copied: tuple[Lab, RunResult]) -> None:
    lab, result = copied
    lab.recipe("sort -r -o output/sorted.txt payload/words.txt")
    lab.write("payload/words.txt", "fig\n")
    lab.write("payload/more.txt", "x\n")
    found = diff_runs(lab.pod.store, result.id, lab.run().id)
    assert found.any and not found.same_key
    assert found.recipe is not None and [change.path for change in found.recipe] == ["golem.exec"]
    assert found.inputs is not None and found.outputs is not None
    assert [(change.path, change.kind) for change in found.inputs] == [
        (b"payload/more.txt", "added"),
        (b"payload/words.txt", "modified"),
    ]
    assert [(change.path, change.kind) for change in found.outputs] == [(b"output/sorted.txt", "modified")]
    assert found.values["command"] == (
        ValueChange(
            "command",
            "sort -o output/sorted.txt payload/words.txt",
            "sort -r -o output/sorted.txt payload/words.txt",
        ),
    )
    assert not any(found.values[part] for part in ("parameters", "image", "environment", "executor", "platform"))


def test_a_recipe_that_is_written_in_another_way(copied: tuple[Lab, RunResult]) -> None:
    lab, result = copied
    text = (lab.root / "recipe.json").read_text()
    lab.write("recipe.json", json.dumps(json.loads(text), indent=4))
    found = diff_runs(lab.pod.store, result.id, lab.run().id)
    assert found.recipe == () and found.any and found.recipes[0] != found.recipes[1]
    assert found.inputs == () and found.outputs == ()


def test_values(copied: tuple[Lab, RunResult]) -> None:
    lab, result = copied
    external = External("somewhere", result.id, "payload/external/x", result.id)
    golem = {
        "image": {"requested": "sovr/x:1", "hash": "ab" * 28},
        "network": "holesky",
        "emulated": True,
        "agreements": [{"provider": {"id": "0x1", "name": "ada"}, "approved": 1}],
    }
    found = against(
        lab,
        result,
        parameters={"rate": "0.1"},
        environment={},
        executor={**result.run.executor, "sovr": "9.9"},
        platform={**result.run.platform, "python": "4.0"},
        external=(external,),
        golem=golem,
        exit_code=4,
    )
    assert found.values["parameters"] == (ValueChange("rate", None, "0.1"),)
    assert found.values["environment"] == (ValueChange("LC_ALL", "C", None),)
    assert [(change.name, change.new) for change in found.values["executor"]] == [("sovr", "9.9")]
    assert [(change.name, change.new) for change in found.values["platform"]] == [("python", "4.0")]
    assert found.values["external"][0].name == "payload/external/x"
    assert {change.name: change.new for change in found.values["image"]} == {
        "requested": "sovr/x:1",
        "hash": "ab" * 28,
    }
    assert ("providers", None, "ada 0x1") in found.values["golem"]
    assert found.values["result"] == (ValueChange("exit code", "0", "4"),)


def test_hostile_receipts_are_left_out(copied: tuple[Lab, RunResult]) -> None:
    lab, result = copied
    found = against(lab, result, golem={"image": 3, "agreements": [4], "network": {"x": 1}})
    assert found.values["image"] == () and found.values["golem"] == (ValueChange("emulated", None, "no"),)


def test_what_is_not_here_is_said(copied: tuple[Lab, RunResult]) -> None:
    lab, result = copied
    gone = ObjectId(b"\x11" * 32)
    found = against(lab, result, input=gone, output=gone, recipe=gone)
    assert found.any and (found.recipe, found.inputs, found.outputs) == (None, None, None)
    with pytest.raises(ObjectMissing):
        diff_runs(lab.pod.store, result.id, gone)


def test_a_run_without_output_has_removed_it(copied: tuple[Lab, RunResult]) -> None:
    lab, result = copied
    found = against(lab, result, output=None)
    assert found.outputs is not None and [change.kind for change in found.outputs] == ["removed"]
