"""Declared jobs for tests: a pod, an executor against a devnet, and what came of it."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sovrgit.devnet.golem import GolemStandIn
from sovrgit.pod.recipe import parse_recipe
from sovrgit.runs.executor import Cancel, Event, Outcome, Plan
from sovrgit.runs.golem.declared import DeclaredExecutor
from sovrgit.runs.golem.gateway import Gateway
from sovrgit.runs.golem.jobs import Job, make_job
from sovrgit.runs.golem.limits import Limits, Price, platform_of
from sovrgit.runs.golem.results import TaskSeen
from sovrgit.runs.inputs import command_of

PYTHON = os.environ.get("SOVR_TEST_YAPAPI_PYTHON") or (sys.executable if importlib.util.find_spec("yapapi") else "")
needs_yapapi = pytest.mark.skipif(not PYTHON, reason="yapapi is not installed (the extra `golem`)")
CAPS = Price(Decimal("0.01"), Decimal("0.5"), Decimal("1"))
IMAGE = "d646d7b93083d817846c2ae5c62c72ca0507782385a2e29291a3d376"


class Pod:
    """A folder with a recipe, and the runs of it."""

    def __init__(self, folder: Path, golem: Mapping[str, Any], files: Mapping[str, str] | None = None) -> None:
        self.folder = folder / "pod"
        self.scratch = folder / "scratch"
        self.seen: list[TaskSeen] = []
        self.events: list[Event] = []
        files = {"recipe.json": json.dumps({"name": "it", "golem": {"image": IMAGE, **golem}}), **(files or {})}
        for name, text in files.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(text)

    def job(self, **changes: Any) -> Job:
        recipe = parse_recipe((self.folder / "recipe.json").read_bytes())
        assert recipe.golem is not None
        command = command_of(recipe.golem, ())
        variables = changes.pop("variables", {})
        made = make_job(
            recipe, self.folder, command, prices=CAPS, budget=Decimal(10), network="hoodi", variables=variables
        )
        return replace(made, **{"patience": 5.0, "invoice_seconds": 1.0, **changes})

    def run(self, golem: GolemStandIn, *, timeout: float = 60, cancel: Cancel | None = None, **changes: Any) -> Outcome:
        """Run the job as it is, but for some changes, at a devnet."""
        job, logs = self.job(**changes), self.folder / "logs"
        logs.mkdir(exist_ok=True)
        limits = Limits(frozenset({platform_of("hoodi")}), job.budget)
        key = golem.variables["YAGNA_APPKEY"]
        with Gateway(golem.url, key, limits, logs / "golem-calls.jsonl", lambda seen: None) as gateway:
            variables = {**environment(golem), "YAGNA_API_URL": gateway.url, "YAGNA_APPKEY": gateway.key}
            executor = DeclaredExecutor(job, PYTHON, variables, self.scratch, tell=self.seen.append, patience=20)
            plan = Plan(("declared",), self.folder, {}, logs / "run.log", ("output",), timeout)
            executor.prepare(plan)
            if cancel is not None:
                return executor.run(plan, self.events.append, cancel)
            with Cancel() as never:
                return executor.run(plan, self.events.append, never)

    def output(self) -> dict[str, str]:
        """The files of the output."""
        base = self.folder / "output"
        return {str(path.relative_to(base)): path.read_text() for path in sorted(base.rglob("*")) if path.is_file()}

    def log(self) -> str:
        return (self.folder / "logs" / "run.log").read_text()

    def states(self, identity: str = "1") -> list[str]:
        """The states that a task went through."""
        return [seen.state for seen in self.seen if seen.id == identity]


def environment(golem: GolemStandIn) -> dict[str, str]:
    """What a requestor of this devnet must find."""
    return {
        **golem.variables,
        "PATH": f"{golem.folder / 'bin'}:{os.defpath}",
        "PYTHONPATH": str(golem.folder / "python"),
        "HOME": str(golem.folder),
    }
