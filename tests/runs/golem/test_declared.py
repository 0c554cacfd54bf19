"""Declared jobs from start to end, at a devnet."""

from __future__ import annotations

from pathlib import Path

from job_lab import Pod, needs_yapapi

from sovrgit.devnet.golem import GolemStandIn

pytestmark = needs_yapapi


def test_a_job(tmp_path: Path, golem: GolemStandIn) -> None:
    run = 'cat payload/a > output/b; mkdir output/c; cp output/b output/c/d; echo said; echo "$SOVR_PARAM_X" >&2'
    pod = Pod(tmp_path, {"run": run}, {"payload/a": "A"})
    outcome = pod.run(golem, variables={"SOVR_PARAM_X": "it's $HOME"})
    assert (outcome.status, outcome.exit_code, outcome.reason) == ("succeeded", 0, "")
    assert pod.output() == {"b": "A", "c/d": "A"}
    assert " O said\n" in pod.log() and " E it's $HOME\n" in pod.log()
    assert pod.states() == ["queued", "running", "done"]
    (task,) = outcome.golem["tasks"]
    assert [attempt["result"] for attempt in task["attempts"]] == ["accepted"]
    assert list(pod.scratch.iterdir()) == []
    assert not (pod.folder / "logs" / "golem-requestor.log").exists()


def test_the_exit_code_of_the_job_is_that_of_the_run(tmp_path: Path, golem: GolemStandIn) -> None:
    pod = Pod(tmp_path, {"run": "echo left > output/it; echo why >&2; exit 42"})
    outcome = pod.run(golem)
    assert (outcome.status, outcome.exit_code, outcome.reason) == ("failed", 42, "exit code 42")
    assert pod.states() == ["queued", "running", "done"]  # tried once: that is a result, not a fault of the provider
    assert pod.output() == {"it": "left\n"}
    assert "why" in (pod.folder / "logs" / "attempts" / "1-1.log").read_text()


def test_each_task_sees_its_own_input_only(tmp_path: Path, golem: GolemStandIn) -> None:
    run = 'ls payload/in > "output/$(basename "$SOVR_EACH")"; cat payload/shared >> "output/$(basename "$SOVR_EACH")"'
    files = {f"payload/in/{name}": name for name in "abcde"} | {"payload/shared": "S"}
    pod = Pod(tmp_path, {"run": run, "each": "payload/in/*"}, files)
    outcome = pod.run(golem)
    assert outcome.succeeded, outcome.reason
    assert pod.output() == {name: f"{name}\nS" for name in "abcde"}
    assert [task["data"] for task in outcome.golem["tasks"]] == [f"payload/in/{name}" for name in "abcde"]
