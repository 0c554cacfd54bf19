"""Runs and what moves branches: a run is taken back with its outputs, and nothing moves under it."""

from __future__ import annotations

import pytest
from run_lab import Lab

from sovrgit.errors import Locked, MergeUnfinished
from sovrgit.lineage.index import LineageIndex
from sovrgit.pod.branches import switch_branch, switch_new
from sovrgit.pod.merge import MergeRequest, merge
from sovrgit.pod.undo import undo
from sovrgit.runs.executor import Event, Started


def test_a_run_is_taken_back_with_its_outputs(lab: Lab) -> None:
    lab.recipe()
    lab.script("cat payload/in > output/out")
    lab.write("payload/in", "one")
    lab.commit()
    lab.run()
    first = lab.pod.head()
    lab.write("payload/in", "two")
    lab.run()
    assert lab.read("output/out") == "two"
    assert undo(lab.pod, time_ns=1)[0].move.command == "run"
    assert lab.pod.head() == first
    assert (lab.read("output/out"), lab.read("payload/in")) == ("one", "two")
    undo(lab.pod, time_ns=2)
    assert lab.read("output/out") == "two"


def test_a_run_that_was_taken_back_is_known(lab: Lab) -> None:
    lab.recipe()
    lab.script("date +%N > output/out")
    lab.commit()
    made = lab.run()
    LineageIndex(lab.pod).close()
    undo(lab.pod, time_ns=1)
    again = lab.run()
    assert again.reused and again.id == made.id


def test_what_was_edited_during_a_run_is_not_taken_back(lab: Lab) -> None:
    lab.recipe()
    lab.script("echo x > output/out; echo changed > notes")
    lab.write("notes", "first")
    lab.commit()
    lab.run()
    undo(lab.pod, time_ns=1)
    assert lab.read("notes") == "changed\n"
    assert not (lab.root / "output/out").exists()


def test_nothing_moves_under_a_run(lab: Lab) -> None:
    lab.recipe()
    lab.script("echo x > output/out")
    lab.commit()
    switch_new(lab.pod, "side", None, time_ns=1)
    lab.write("notes", "side")
    lab.commit()
    switch_branch(lab.pod, "main", time_ns=2)
    refused = []

    def meanwhile(event: Event) -> None:
        if isinstance(event, Started):
            with pytest.raises(Locked) as caught:
                switch_branch(lab.pod, "side", time_ns=3)
            refused.append(caught.value.hint)

    lab.on = meanwhile
    assert lab.run().run.succeeded
    assert refused == ["wait until the run has ended, or work in a clone of the pod"]
    assert switch_branch(lab.pod, "side", time_ns=4).branch == "side"


def test_a_merge_that_waits_is_finished_first(lab: Lab) -> None:
    lab.recipe()
    lab.script("echo x > output/out")
    lab.write("notes", "base")
    lab.commit()
    switch_new(lab.pod, "side", None, time_ns=1)
    lab.write("notes", "side")
    side = lab.commit()
    switch_branch(lab.pod, "main", time_ns=2)
    lab.write("notes", "main")
    lab.commit()
    assert merge(lab.pod, MergeRequest(side, "side", lab.who()), time_ns=3).outcome == "conflicts"
    with pytest.raises(MergeUnfinished):
        lab.run()
