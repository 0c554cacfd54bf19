"""A task whose pods are small shell scripts, so that a run of one takes milliseconds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sovrgit.objects.commit import Stamp
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.run import Run
from sovrgit.pod.commits import CommitRequest, Committed, commit
from sovrgit.pod.pod import Pod
from sovrgit.remotes.networks import Networks
from sovrgit.runs.executor import Cancel
from sovrgit.runs.golem.choice import Wish
from sovrgit.runs.trust import Proposal
from sovrgit.tasking import means_for
from sovrgit.tasks.events import StepChanged, TaskEvent
from sovrgit.tasks.means import Means
from sovrgit.tasks.plan import TaskPlan
from sovrgit.tasks.run import TaskRequest, TaskResult, plan_task, run_task

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
GATHER = "mkdir -p output; cat $(find payload/external -type f | sort) > output/all.txt"
"""Puts everything that the pod was given into one file."""


@dataclass
class TaskLab:
    """A task with a clock of its own, and what was asked and told during its last run."""

    pod: Pod
    clock: int = 1_700_000_000
    answer: bool = True
    wish: Wish = field(default_factory=Wish)
    devnet: Callable[[], tuple[str, Path] | None] = lambda: None
    networks: Networks | None = None
    asked: list[Proposal] = field(default_factory=list)
    events: list[TaskEvent] = field(default_factory=list)
    plan: TaskPlan | None = None
    begun: Committed | None = None
    on: Callable[[TaskEvent], None] = lambda _: None

    @property
    def root(self) -> Path:
        return self.pod.root

    def now(self) -> int:
        self.clock += 60
        return self.clock * 1_000_000_000

    def who(self) -> Stamp:
        return Stamp("Ann", "ann@example.org", self.now() // 1_000_000_000)

    def write(self, path: str, text: str) -> Path:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return place

    def write_json(self, path: str, content: Any) -> None:
        self.write(path, json.dumps(content))

    def read(self, path: str) -> str:
        return (self.root / path).read_text()

    def task(self, *pods: str | Mapping[str, Any], **keys: Any) -> None:
        self.write("recipe.json", json.dumps({"name": "lab", "pods": pods, **keys}))

    def own_pod(self, name: str, script: str, **golem: Any) -> str:
        """A pod in a folder of the task; its reference."""
        write_pod(self.root / "pods" / name, name, script, **golem)
        return f"pods/{name}"

    def commit(self, message: str = "Change") -> ObjectId:
        return commit(self.pod, CommitRequest(self.who(), message, allow_empty=True)).id

    def means(self) -> Means:
        return means_for(
            self.pod,
            self.wish,
            ENVIRONMENT,
            self.devnet,
            lambda *_: False,
            author=self.who(),
            time_ns=self.now(),
            approve=self._approve,
            networks=self.networks,
        )

    def request(self, **changes: Any) -> TaskRequest:
        request = TaskRequest(self.who(), (ENVIRONMENT, {}), grace=3600.0, clock=self.now, jobs=2)
        return replace(request, **changes)

    def run(self, cancel: Cancel | None = None, means: Means | None = None, **changes: Any) -> TaskResult:
        self.events, self.asked, self.plan, self.begun = [], [], None, None
        with cancel or Cancel() as cancel:
            return run_task(self.pod, self.request(**changes), means or self.means(), self._told, self._planned, cancel)

    def look(self, **changes: Any) -> TaskPlan:
        return plan_task(self.pod, self.request(**changes), self.means())

    def states(self) -> dict[str, str]:
        """The last state of every step."""
        return {event.step.name: event.state for event in self.events if isinstance(event, StepChanged)}

    def started(self) -> list[str]:
        """The steps that were executed, in their order."""
        changes = [event for event in self.events if isinstance(event, StepChanged)]
        return [event.step.name for event in changes if event.state == "running"]

    def files(self, folder: str = "output") -> dict[str, str]:
        top = self.root / folder
        return {str(path.relative_to(top)): path.read_text() for path in sorted(top.rglob("*")) if path.is_file()}

    def members(self, run: Run) -> dict[str, Run]:
        return {member.name: self.pod.store.run(member.run) for member in run.pods}

    def _approve(self, proposal: Proposal) -> bool:
        self.asked.append(proposal)
        return self.answer

    def _told(self, event: TaskEvent) -> None:
        self.events.append(event)
        self.on(event)

    def _planned(self, plan: TaskPlan, begun: Committed | None) -> None:
        self.plan, self.begun = plan, begun


def write_pod(folder: Path, name: str, script: str, **golem: Any) -> None:
    """Write the files of a pod that runs a shell script."""
    (folder / "script").mkdir(parents=True, exist_ok=True)
    (folder / "script/run.sh").write_text(script + "\n")
    recipe = {"name": name, "golem": {"exec": "sh script/run.sh", **golem}}
    (folder / "recipe.json").write_text(json.dumps(recipe))


def reasons(plan: TaskPlan) -> dict[str, Sequence[str]]:
    """Why each step of a plan is to run; empty for those that are known."""
    return {planned.step.name: planned.reasons for planned in plan.steps}
