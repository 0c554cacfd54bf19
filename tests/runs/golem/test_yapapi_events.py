"""What the start-up shim records of an unmodified script's events, and that it never gets in the script's way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from job_lab import PYTHON, environment, needs_yapapi

from sovrgit.devnet.golem import GolemStandIn

# In the place of yapapi, where what matters is only what the shim does with it.
FAKE = """
class Golem:
    def __init__(self, budget=1):
        self.consumers = []
    def add_event_consumer(self, consumer):
        self.consumers.append(consumer)
"""
SCRIPT = """
import asyncio, yapapi
class TaskAccepted:
    timestamp = 0
    class job: id = "1"
    class task: id, data = "7", {"frame": 10, "path": object}
    result = "x" * 100_000
    @property
    def exception(self): raise RuntimeError("a property that fails")
golem = yapapi.Golem(budget=2)
for event in (TaskAccepted(), object()):
    for consumer in golem.consumers: consumer(event)
print("done")
"""


def play(golem: GolemStandIn, folder: Path, script: str, python: str, events: Path) -> str:
    variables = {**environment(golem), "SOVR_GOLEM_EVENTS": str(events)}
    variables["PYTHONPATH"] += f":{folder}"
    argv = [python, "-c", script]
    done = subprocess.run(argv, env=variables, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_events_are_cut_to_size_and_stamped(golem: GolemStandIn, tmp_path: Path) -> None:
    (tmp_path / "yapapi.py").write_text(FAKE)
    events = tmp_path / "events.jsonl"
    assert play(golem, tmp_path, SCRIPT, sys.executable, events) == "done\n"
    accepted, odd = lines(events)
    assert accepted["event"] == "TaskAccepted" and accepted["job"] == "1" and accepted["task"] == "7"
    assert accepted["data"]["frame"] == 10 and "class 'object'" in accepted["data"]["path"]
    assert len(accepted["result"]) == (64 << 10) + 1
    assert odd["event"] == "object" and 0 < accepted["at"] <= odd["at"]


@pytest.mark.parametrize("where", ["/no/such/folder/events", "/dev/full"])
def test_a_file_that_cannot_be_written_does_not_stop_the_script(
    golem: GolemStandIn, tmp_path: Path, where: str
) -> None:
    (tmp_path / "yapapi.py").write_text(FAKE)
    assert play(golem, tmp_path, SCRIPT, sys.executable, Path(where)) == "done\n"


@needs_yapapi
def test_a_script_on_yapapi(golem: GolemStandIn, tmp_path: Path) -> None:
    script = """
import asyncio
from yapapi import Golem, Task
from yapapi.payload import vm

async def worker(context, tasks):
    async for task in tasks:
        script = context.new_script()
        result = script.run("/bin/sh", "-c", "echo $((6 * 7))")
        yield script
        task.accept_result(result=(await result).stdout)

async def main():
    package = await vm.repo(image_hash="d646d7b93083d817846c2ae5c62c72ca0507782385a2e29291a3d376")
    async with Golem(budget=1.0, subnet_tag="devnet-beta") as golem:
        async for completed in golem.execute_tasks(worker, [Task(data={"frame": 10})], payload=package):
            print(completed.result)

asyncio.run(main())
"""
    events = tmp_path / "events.jsonl"
    assert play(golem, tmp_path, script, PYTHON, events).strip() == "42"
    found = lines(events)
    by_name = {event["event"]: event for event in found}
    assert by_name["AgreementConfirmed"]["offer"]["golem.node.id.name"] == "devnet-1"
    assert by_name["TaskAccepted"]["data"] == {"frame": 10} and "42" in by_name["TaskAccepted"]["result"]
    assert by_name["TaskAccepted"]["activity"] == by_name["ActivityCreated"]["activity"]
    assert "42" in by_name["CommandExecuted"]["stdout"] and by_name["CommandExecuted"]["success"] is True
    assert by_name["InvoiceAccepted"]["amount"].startswith("0.0")
    times = [event["at"] for event in found]
    assert times == sorted(times) and len(set(times)) > len(times) // 2
    assert golem.variables["YAGNA_APPKEY"] not in events.read_text()
    assert os.stat(events).st_mode & 0o077 == 0
