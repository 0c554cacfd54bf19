"""Everything that goes wrong at providers, and the answer that it must get."""

from __future__ import annotations

import io
import os
import select
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import job_lab
import pytest
from job_lab import CAPS, Pod, needs_yapapi

from sovrgit.devnet.golem import GolemStandIn, activities
from sovrgit.devnet.golem.faults import Fault
from sovrgit.errors import Unsupported
from sovrgit.runs.executor import Cancel, Outcome
from sovrgit.runs.golem.results import TaskSeen

pytestmark = needs_yapapi
COMMAND = "echo it > output/it"


def reasons(outcome: Outcome) -> list[str]:
    """Why the attempts of the only task failed; empty for one that did not."""
    (task,) = outcome.golem["tasks"]
    return [attempt["reason"] for attempt in task["attempts"]]


def left(golem: GolemStandIn) -> list[dict[str, Any]]:
    """Money that is still held back, and agreements that are open."""
    with httpx.Client(
        base_url=golem.url,
        headers={"Authorization": f"Bearer {golem.variables['YAGNA_APPKEY']}"},
        trust_env=False,
    ) as http:
        allocations = http.get("/payment-api/v1/allocations").json()
        agreements = http.get("/market-api/v1/agreements?state=Approved").json()
    return [*allocations, *agreements]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("crash", "ExeUnit crashed"),
        ("gone", "provider is not reachable"),
        ("failed-transfer,first=3", "the connection was lost"),  # two bring what all tasks share
        ("slow-provider,first=5,amount=60", "it took too long"),
    ],
)
def test_the_task_goes_to_another_provider(tmp_path: Path, golem: GolemStandIn, fault: str, said: str) -> None:
    golem.faults.add(Fault.parse(fault))
    pod = Pod(tmp_path, {"run": COMMAND, "task_timeout": "3s"})
    outcome = pod.run(golem)
    assert outcome.succeeded, outcome.reason
    first, second = reasons(outcome)
    assert said in first and second == ""
    assert pod.states() == ["queued", "running", "attempt failed", "running", "done"]
    aside = [one["name"] for one in outcome.golem["set_aside"]]
    assert len(aside) == 1 and pod.seen[2].provider == aside[0] != pod.seen[-1].provider
    assert said in (pod.folder / "logs" / "attempts" / "1-1.log").read_text()
    assert pod.output() == {"it": "it\n"}


@pytest.mark.parametrize("fault", ["rejection", "no-activity", "failed-transfer,first=1"])
def test_a_provider_that_does_not_even_begin_costs_no_attempt(tmp_path: Path, golem: GolemStandIn, fault: str) -> None:
    golem.faults.add(Fault.parse(fault))
    outcome = Pod(tmp_path, {"run": COMMAND}).run(golem)
    assert outcome.succeeded and reasons(outcome) == [""], outcome.reason


def test_a_bill_that_is_too_high_is_not_accepted(tmp_path: Path, golem: GolemStandIn) -> None:
    golem.faults.add(Fault.parse("over-billing,amount=100000"))
    pod = Pod(tmp_path, {"run": COMMAND})
    outcome = pod.run(golem)
    assert outcome.succeeded
    assert "is more than the agreement's prices can make" in pod.log()
    assert left(golem) == []


def test_attempts_are_bounded(tmp_path: Path, golem: GolemStandIn) -> None:
    golem.faults.add(Fault.parse("crash,times=0"))
    pod = Pod(tmp_path, {"run": COMMAND, "retries": 1})
    outcome = pod.run(golem)
    assert outcome.status == "failed" and outcome.exit_code == 1
    assert "ExeUnit crashed" in outcome.reason and len(reasons(outcome)) == 2
    assert pod.states() == ["queued", "running", "attempt failed", "running", "failed"]


def test_providers_that_cannot_begin_end_the_job(tmp_path: Path) -> None:
    with GolemStandIn(tmp_path / "golem", providers=8, namespaces=False) as golem:
        golem.faults.add(Fault.parse("no-activity,times=0"))
        pod = Pod(tmp_path, {"run": COMMAND})
        outcome = pod.run(golem, patience=60.0)
        assert "5 providers in a row could not begin" in outcome.reason, outcome.reason
        assert left(golem) == []


@pytest.mark.parametrize(
    ("faults", "changes", "said"),
    [
        ([], {"memory_gib": 1000.0}, "no provider offered what the job needs within 1 s"),
        ([], {"prices": replace(CAPS, hour=Decimal("0.000001"))}, "all 3 offers were dearer than the price caps"),
        (["rejection,times=0"], {"patience": 4.0}, "none took the job within 4 s; a provider rejected the agreement"),
        (["no-activity,times=0"], {"patience": 4.0}, "all 3 providers that offered were set aside"),
    ],
)
def test_when_nobody_takes_it_the_reason_is_said(
    tmp_path: Path, golem: GolemStandIn, faults: list[str], changes: dict[str, Any], said: str
) -> None:
    golem.faults.add(*map(Fault.parse, faults))
    outcome = Pod(tmp_path, {"run": COMMAND}).run(golem, **{"patience": 1.0, **changes})
    assert outcome.status == "failed" and outcome.exit_code == 1
    assert said in outcome.reason, outcome.reason
    assert left(golem) == []


def test_partial(tmp_path: Path, golem: GolemStandIn) -> None:
    run = 'cp "$SOVR_EACH" output/; grep -q good "$SOVR_EACH" || exit 3'
    pod = Pod(tmp_path, {"run": run, "each": "payload/*"}, {"payload/a": "good", "payload/b": "bad"})
    outcome = pod.run(golem)
    assert (outcome.status, outcome.exit_code) == ("partial", 3)
    assert "1 of 2 tasks failed, the first one, payload/b, with 3" in outcome.reason
    assert pod.output() == {"a": "good", "b": "bad"}


def test_two_tasks_that_write_the_same_file(tmp_path: Path, golem: GolemStandIn) -> None:
    pod = Pod(tmp_path, {"run": "echo x > output/x", "each": "payload/*"}, {"payload/a": "", "payload/b": ""})
    outcome = pod.run(golem)
    assert outcome.status == "failed" and "`output/x` is there already" in outcome.reason


def tar(name: str, data: bytes = b"x") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


LIES = [
    ("code", b"", "an empty file was delivered as exit code"),
    ("code", b"fine", "`fine` is no exit code"),
    ("code", b"9" * 2000, "more than 1000 bytes were delivered as code"),
    ("output.tar", b"", "it is empty"),
    ("output.tar", b"\x1f\x8b no tar", "it is not a complete tar archive"),
    ("output.tar", tar("output/it", b"x" * 5000)[:3000], "unexpected end of data"),
    ("output.tar", tar("output/../../it"), "leads out of it"),
]


def test_results_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every provider but the last one lies, each in its own way."""
    left = list(LIES)
    honest: Callable[..., None] = activities.transfer

    def lie(source: str, target: str, volumes: Any, published: Any, **rest: Any) -> None:
        honest(source, target, volumes, published, **rest)
        if left and source.endswith("/" + left[0][0]):
            published.destination(target).write_bytes(left.pop(0)[1])

    monkeypatch.setattr(activities, "transfer", lie)
    with GolemStandIn(tmp_path / "golem", providers=len(LIES) + 1, namespaces=False) as golem:
        pod = Pod(tmp_path, {"run": COMMAND, "retries": len(LIES)})
        outcome = pod.run(golem)
    assert outcome.succeeded, outcome.reason
    *failed, last = reasons(outcome)
    assert last == "" and len(failed) == len(LIES)
    for (_, _, said), reason in zip(LIES, failed, strict=True):
        assert said in reason
    assert pod.output() == {"it": "it\n"} and list(tmp_path.glob("**/it")) == [pod.folder / "output" / "it"]


def test_cancelling_leaves_nothing(tmp_path: Path, golem: GolemStandIn) -> None:
    pod = Pod(tmp_path, {"run": "echo it > output/it; exec sleep 1000"})
    with Cancel() as cancel:

        def stop(seen: TaskSeen) -> None:
            if seen.state == "running":
                threading.Timer(0.3, cancel.request).start()

        pod.seen = _Telling(stop)
        outcome = pod.run(golem, cancel=cancel)
    assert outcome.status == "cancelled" and outcome.reason == "cancelled; ended after SIGINT"
    assert left(golem) == []
    assert pod.output() == {}


class _Telling(list[TaskSeen]):
    def __init__(self, told: Callable[[TaskSeen], None]) -> None:
        super().__init__()
        self._told = told

    def append(self, seen: TaskSeen) -> None:
        super().append(seen)
        self._told(seen)


@pytest.mark.skipif(sys.platform != "linux", reason="there are no descriptors of processes")
def test_a_requestor_whose_sovr_was_killed_ends_by_itself(tmp_path: Path, golem: GolemStandIn) -> None:
    script = f"""
import sys, pathlib, types
sys.path.insert(0, {str(Path(job_lab.__file__).parent)!r})
import job_lab
from sovrgit.runs.executor import Started
pod = job_lab.Pod(pathlib.Path({str(tmp_path)!r}), {{"run": "exec sleep 1000"}})
class Events(list):
    def append(self, event):
        if isinstance(event, Started):
            print(event.pid, flush=True)
class Seen(list):
    def append(self, seen):
        print(seen.state, flush=True)
pod.events, pod.seen = Events(), Seen()
golem = types.SimpleNamespace(url={golem.url!r}, folder=pathlib.Path({str(golem.folder)!r}),
                              variables={dict(golem.variables)!r})
pod.run(golem)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert [parent.stdout.readline() for _ in range(2)] == ["queued\n", "running\n"]
        requestor = os.pidfd_open(pid)
        parent.kill()
    with os.fdopen(requestor) as ended:
        assert select.select([ended], [], [], 60)[0]


def test_its_time_is_up(tmp_path: Path, golem: GolemStandIn) -> None:
    outcome = Pod(tmp_path, {"run": "exec sleep 1000"}).run(golem, timeout=4)
    assert outcome.status == "timed out" and "took longer than 4 s; ended after SIGTERM" in outcome.reason
    assert left(golem) == []


def test_a_budget_that_may_not_be_enough_is_refused(tmp_path: Path, golem: GolemStandIn) -> None:
    pod = Pod(tmp_path, {"run": COMMAND, "budget": "0.1"})
    with pytest.raises(Unsupported, match=r"could cost 0\.76 GLM at the price caps, and the budget is 0\.1"):
        pod.run(golem)


def test_an_interpreter_without_yapapi(tmp_path: Path, golem: GolemStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_lab, "PYTHON", sys.executable)
    (tmp_path / "yapapi.py").write_text("raise ImportError('broken')")
    monkeypatch.setattr(job_lab, "environment", lambda golem: {"PYTHONPATH": str(tmp_path)})
    outcome = Pod(tmp_path, {"run": COMMAND}).run(golem)
    assert outcome.status == "failed" and "yapapi cannot be imported" in outcome.reason
