"""Tasks whose pods are for Golem: what that would cost, what they may spend together, and on a devnet."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from task_lab import TaskLab

from sovrgit.devnet.golem import GolemStandIn
from sovrgit.errors import SpendingRefused
from sovrgit.objects.receipts import mapping, maps, text
from sovrgit.runs.golem.choice import DEVNET_BUDGET, Wish
from sovrgit.runs.golem.limits import Price
from sovrgit.tasks.events import StepChanged

PYTHON = os.environ.get("SOVR_TEST_YAPAPI_PYTHON") or (sys.executable if importlib.util.find_spec("yapapi") else "")
needs_yapapi = pytest.mark.skipif(not PYTHON, reason="yapapi is not installed (the extra `golem`)")
IMAGE = "d646d7b93083d817846c2ae5c62c72ca0507782385a2e29291a3d376"
CAPS = Price(start=Decimal("0.1"), hour=Decimal(1), cpu_hour=Decimal(2))


def job(lab: TaskLab, name: str, run: str = "true", **golem: Any) -> str:
    """A pod that is a declared job; its reference."""
    reference = lab.own_pod(name, "")
    recipe = {"name": name, "golem": {"image": IMAGE, "run": run, "timeout": "1h", **golem}}
    lab.write_json(f"{reference}/recipe.json", recipe)
    return reference


def test_the_plan_says_what_pods_are_expected_to_cost_at_the_price_caps(lab: TaskLab) -> None:
    lab.wish = Wish(on="golem", network="hoodi", budget=Decimal(100), caps=CAPS)
    lab.task(job(lab, "one"), job(lab, "threads", resources={"threads": 4}), lab.own_pod("here", "true"))
    plan = lab.look()
    # An hour costs 1, and 2 for each thread; the script that is no job may spend what there is.
    assert [step.prepared.placement.at_most for step in plan.steps] == [Decimal("3.1"), Decimal("9.1"), None]
    assert plan.at_most == plan.budget == 100
    lab.task(job(lab, "one"), job(lab, "threads", resources={"threads": 4}))
    assert lab.look().at_most == Decimal("12.2")


def test_it_counts_all_providers_of_a_job_and_every_run_of_a_fan_out(lab: TaskLab) -> None:
    lab.wish = Wish(on="golem", network="hoodi", caps=CAPS)
    many = job(lab, "many", each="payload/*", resources={"workers": 3})
    lab.task({"ref": many, "matrix": {"seed": [1, 2]}})
    assert lab.look().at_most == 2 * 3 * Decimal("3.1")


def test_a_budget_of_a_pod_or_for_all_is_the_limit(lab: TaskLab) -> None:
    lab.wish = Wish(on="golem", network="hoodi", caps=CAPS)
    lab.task(job(lab, "one", budget="0.5"), job(lab, "two"))
    assert lab.look().at_most == Decimal("3.6")
    lab.wish = replace(lab.wish, budget=Decimal(2))
    assert lab.look().at_most == 2


def test_a_network_is_for_those_pods_that_are_for_golem(lab: TaskLab) -> None:
    lab.wish = Wish(network="hoodi", budget=Decimal(5), caps=CAPS)
    lab.task(job(lab, "one"), lab.own_pod("here", "true"))
    assert [step.prepared.placement.name for step in lab.look().steps] == ["golem", "local"]
    assert lab.look().at_most == Decimal("3.1")
    lab.task(lab.own_pod("here", "echo 1 > output/n"))
    assert lab.members(lab.run().run)["here"].executor["name"] == "local"


def test_what_a_script_on_golem_costs_is_not_known_and_on_the_devnet_it_is_limited(lab: TaskLab) -> None:
    lab.task(lab.own_pod("script", "true"))
    lab.wish = Wish(on="golem", network="hoodi")
    assert lab.look().at_most is None
    lab.wish = Wish(on="devnet")
    assert lab.look().at_most == DEVNET_BUDGET
    lab.wish = Wish()
    assert lab.look().at_most == 0


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        (Wish(on="golem"), "no network was named"),
        (Wish(on="golem", network="hoodi"), "there is no budget"),
        (Wish(on="golem", network="polygon", budget=Decimal(1)), "real money"),
    ],
)
def test_nothing_runs_if_the_user_has_not_said_enough_to_spend_anything(lab: TaskLab, wish: Wish, why: str) -> None:
    lab.task(lab.own_pod("here", "touch ../../../../ran"), job(lab, "one"))
    lab.wish = wish
    with pytest.raises(SpendingRefused, match=why):
        lab.run()
    assert lab.events == [] and lab.pod.head() is None


@pytest.fixture
def golem(lab: TaskLab, tmp_path: Path) -> Iterator[GolemStandIn]:
    """One on which the task runs."""
    with GolemStandIn(tmp_path / "golem", providers=4, namespaces=False) as made:
        lab.devnet = lambda: (made.url, made.folder)
        lab.wish = Wish(python=Path(PYTHON), budget=Decimal(6))
        yield made


@needs_yapapi
def test_a_task_on_the_devnet(lab: TaskLab, golem: GolemStandIn) -> None:
    """Two jobs side by side, and a pod on this machine that takes the output of both."""
    both = {
        "ref": job(lab, "upper", 'tr a-z A-Z < payload/external/x.txt > "output/$SOVR_PARAM_N"'),
        "name": "upper",
        "needs": [],
        "matrix": {"n": [1, 2]},
    }
    lab.write("data/x.txt", "text\n")
    end = {"ref": lab.own_pod("end", "cat payload/external/upper@*/* > output/all"), "needs": ["upper"]}
    lab.task(both, end, payload="data")
    running: list[set[str]] = [set()]

    def watch(event: Any) -> None:
        if isinstance(event, StepChanged):
            now = running[-1] | {event.step.name} if event.state == "running" else running[-1] - {event.step.name}
            running.append(now)

    lab.on = watch
    result = lab.run()
    assert result.run.succeeded, [outcome.reason for outcome in result.outcomes]
    assert lab.read("output/all") == "TEXT\nTEXT\n"
    assert {"upper@n=1", "upper@n=2"} in running
    members = lab.members(result.run)
    assert [run.executor["name"] for run in members.values()] == ["devnet", "devnet", "local"]
    on_golem = [run.golem for run in members.values() if run.golem]
    # What both may spend is what was said for the task.
    assert [text(one.get("total")) for golem in on_golem for one in maps(golem.get("allocations"))] == ["3", "3"]
    assert all(Decimal(text(mapping(golem.get("cost")).get("accepted"))) > 0 for golem in on_golem)
    assert lab.run().reused
