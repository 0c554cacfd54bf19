"""The template of a task, as its tutorial uses it, here and on a devnet: the same bytes come out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from task_lab import TaskLab
from test_task_golem import PYTHON, needs_yapapi

from sovrgit.devnet.golem import GolemStandIn
from sovrgit.pod.pod import Pod
from sovrgit.pod.scaffold import write_template
from sovrgit.runs.golem.choice import Wish


@pytest.fixture
def bench(tmp_path: Path) -> TaskLab:
    """The template with a seventh of its data, which takes a tenth of the time."""
    write_template("model-bench", tmp_path / "bench")
    table = tmp_path / "bench" / "payload" / "tumours.csv"
    header, *rows = table.read_text().splitlines()
    table.write_text("\n".join([header, *rows[::7]]) + "\n")
    lab = TaskLab(Pod.create(tmp_path / "bench"), wish=Wish(on="local"))
    lab.commit()
    return lab


def test_the_models_are_compared(bench: TaskLab) -> None:
    result = bench.run()
    assert result.run.succeeded, [outcome.reason for outcome in result.outcomes]
    metrics = json.loads(bench.read("output/metrics.json"))
    assert metrics["rows"] == 82 and set(metrics["models"]) == {"bayes", "logistic", "nearest"}
    accuracy = {name: model["accuracy"] for name, model in metrics["models"].items()}
    assert min(accuracy.values()) > 0.85 and accuracy[metrics["best"]] == max(accuracy.values())
    assert (bench.root / "output" / "errors.png").read_bytes().startswith(b"\x89PNG\r\n")
    assert set(bench.started()[:2]) < {"bayes", "logistic", "nearest"} and bench.started()[-1] == "compare"

    # Only what depends on a change is run again.
    recipe = bench.root / "pods" / "nearest" / "recipe.json"
    recipe.write_text(recipe.read_text().replace('"neighbours": 5', '"neighbours": 3'))
    assert bench.run().run.succeeded
    assert bench.started() == ["nearest", "compare"]


@needs_yapapi
def test_on_the_devnet_the_same_comes_out(bench: TaskLab, tmp_path: Path) -> None:
    here = bench.run().run
    with GolemStandIn(tmp_path / "golem", providers=4, namespaces=False) as golem:
        bench.devnet = lambda: (golem.url, golem.folder)
        bench.wish = replace(bench.wish, on="devnet", python=Path(PYTHON))
        there = bench.run()
    assert there.run.succeeded, [outcome.reason for outcome in there.outcomes]
    assert {run.executor["name"] for run in bench.members(there.run).values()} == {"devnet"}
    assert there.run.output == here.output
