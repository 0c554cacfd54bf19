"""What the commands say of a run on Golem: its receipts, its cost, and what was run on each provider."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from command_lab import Cli

from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.pod.pod import Pod
from sovrgit.runs.run import record_run

sys.path.insert(0, str(Path(__file__).parents[1] / "ui"))

from golem_receipts import ADA, BOB, START, receipts

EXEC = "/activity-api/v1/activity/activity-of-{}/exec"


def call(path: str, answer: Any, request: Any = None, status: int = 200) -> str:
    line = {"call": 1, "at": START, "ms": 1.5, "method": "POST", "path": path, "status": status}
    return json.dumps({**line, "request": request, "answer": answer})


def run_of(*words: str) -> dict[str, Any]:
    return {"run": {"entry_point": words[0], "args": list(words[1:])}}


CALLS = [
    '{"golem-calls": 1, "at": 1}',
    call(EXEC.format("ada"), "batch-1", {"text": [{"deploy": {}}, run_of("/bin/sh", "-c", "echo one")]}),
    call(EXEC.format("ada") + "/batch-1?timeout=5", []),
    call(EXEC.format("ada") + "/batch-1?timeout=5", [{"index": 0, "result": "Ok"}]),
    call(
        EXEC.format("ada") + "/batch-1?timeout=5",
        [{"index": 0, "result": "Ok"}, {"index": 1, "result": "Ok", "stdout": "one\n"}, {"index": 7}, "?"],
    ),
    call(
        EXEC.format("bob"), "batch-2", {"text": json.dumps([run_of("false"), {"transfer": {"from": "a", "to": "b"}}])}
    ),
    *(
        json.dumps(
            {"call": 2, "at": START, "path": EXEC.format("bob") + "/batch-2", "event": {"index": 0, "kind": kind}}
        )
        for kind in (
            {"stderr": "no"},
            {"stderr": " good\n"},
            {"finished": {"return_code": 1, "message": "exit code 1"}},
        )
    ),
    call(EXEC.format("eve"), "batch-3", {"text": [run_of("true")]}),
    '{"half a line/exec',
]


@pytest.fixture
def golem(pod: Cli) -> Cli:
    """A pod with a run here, and one that says that it was on Golem."""
    pod.script("printf '%s\\n' \"$CALLS\" > logs/golem-calls.jsonl; echo two > output/out.txt")
    pod.set(CALLS="\n".join(CALLS))
    pod("run", "-q", "--keep-env", "CALLS")
    made = pod.json("runs")["runs"][0]
    with Pod.find(pod.folder) as opened:
        run = opened.store.run(ObjectId.parse(made["id"]))
        with opened.store.session() as session:
            changed = replace(run, golem=receipts(), started=run.started + 1)
            identity = session.add(Kind.RUN, changed.encode())
            session.commit()
        record_run(opened, identity, run.finished)
    return pod


def golem_run(cli: Cli) -> str:
    (found,) = [run for run in cli.json("runs")["runs"] if run["golem"]]
    return str(found["id"])


def test_show(golem: Cli) -> None:
    run = golem_run(golem)
    said = golem("show", run).out
    assert "Cost:      0.0025 tglm, 0.0025 unpaid, of 1 allocated\n" in said
    assert f"agreement with ada ({ADA}): terminated" in said and "invoice of bob" in said
    shown = golem.json("show", run)
    assert shown["receipts"] == receipts() and shown["golem"]["emulated"]
    here = golem.json("show", golem.json("log")["commits"][0]["run"])
    assert here["golem"] is None and here["receipts"] == {}


def test_cost(golem: Cli) -> None:
    assert "tglm" not in golem("runs").out
    lines = golem("runs", "--cost").lines
    assert "0.0025 tglm, 0.0025 unpaid emulated, 2 providers" in lines[0] or "emulated" in lines[1]
    assert lines[-1] == "together 0.0025 tglm in 1 run on hoodi, emulated, 0.0025 unpaid"
    (total,) = golem.json("runs", "--cost")["totals"]
    assert (total["accepted"], total["token"], total["runs"]) == ("0.0025", "tglm", 1)
    assert "totals" not in golem.json("runs")


def test_lineage(golem: Cli) -> None:
    run = golem_run(golem)
    assert "computed by ada, bob (emulated)" in golem("lineage", run).out
    (node,) = [node for node in golem.json("lineage", run)["nodes"] if node.get("run") == run]
    assert [provider["id"] for provider in node["providers"]] == [ADA, BOB]


def test_logs_of_a_provider(golem: Cli) -> None:
    run = golem_run(golem)
    assert golem("logs", run, "--provider", "ada").lines == [
        f"ada {ADA}",
        "> deploy  ok",
        "> run /bin/sh -c 'echo one'  ok",
        "one",
    ]
    assert golem("logs", run, "--provider", ADA[:8], "--stdout").out == "one\n"
    bob = golem.json("logs", run, "--provider", "bob")["commands"]
    assert [(one["command"], one["result"], one["message"]) for one in bob] == [
        ("run false", "Error", "exit code 1"),
        ("transfer a b", "", ""),
    ]
    assert bob[0]["stderr"] == "no good\n"


def test_a_provider_that_has_run_nothing(golem: Cli) -> None:
    run = golem_run(golem)
    for name in ("dan", "eve", "0x", ""):
        said = golem("logs", run, "--provider", name, code=22)
        assert "hint: there are `ada`, `bob`" in said.err
    here = golem.json("log")["commits"][0]["run"]
    assert "`sovr show RUN`" in golem("logs", here, "--provider", "ada", code=22).err
    golem("logs", run, "--provider", "ada", "--file", "x", code=2)
