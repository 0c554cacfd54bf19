"""Declared jobs and the hello script of the first CLI on the devnet: what is added to the time of the work itself.

    python benchmarks/golem_declared.py --python /a/python/with/yapapi [--tasks 100] [--providers 8] [--repeat 3]

Prints for each the wall time, and the ratio to the ideal: `ceil(tasks / providers)` seconds of work, with nothing
before, between and after. Everything is on this machine, and goes through the gateway.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from sovrgit.devnet.golem import GolemStandIn
from sovrgit.pod.recipe import parse_recipe
from sovrgit.runs.executor import Cancel, Plan
from sovrgit.runs.golem.declared import DeclaredExecutor
from sovrgit.runs.golem.gateway import Gateway
from sovrgit.runs.golem.jobs import make_job
from sovrgit.runs.golem.limits import DEFAULT_CAPS, Limits, platform_of
from sovrgit.runs.golem.results import TaskSeen
from sovrgit.runs.inputs import command_of

IMAGE = "d646d7b93083d817846c2ae5c62c72ca0507782385a2e29291a3d376"
HELLO = f"""
import asyncio
from yapapi import Golem, Task
from yapapi.payload import vm

async def worker(context, tasks):
    async for task in tasks:
        script = context.new_script()
        future_result = script.run("/bin/sh", "-c", "date")
        yield script
        task.accept_result(result=await future_result)

async def main():
    package = await vm.repo(image_hash="{IMAGE}")
    async with Golem(budget=1.0, subnet_tag="devnet-beta") as golem:
        async for completed in golem.execute_tasks(worker, [Task(data=None)], payload=package):
            print(completed.result.stdout)

asyncio.run(main())
"""


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable, help="an interpreter that has yapapi")
    parser.add_argument("--tasks", type=int, default=100)
    parser.add_argument("--providers", type=int, default=8)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--no-namespaces", action="store_true", help="do not keep the commands apart")
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="sovr-bench.") as folder:
        for number in range(given.repeat):
            place = Path(folder) / str(number)
            namespaces = not given.no_namespaces
            with GolemStandIn(place / "golem", providers=given.providers, namespaces=namespaces) as devnet:
                if number == 0:
                    print(f"commands kept apart by: {devnet.sandbox} {devnet.reason}")
                print(f"hello, a script on yapapi   {hello(devnet, place, given.python):6.2f} s")
                seconds, _, _ = declared(devnet, place / "one", given.python, 1, 1, "date")
                print(f"hello, declared             {seconds:6.2f} s")
                ideal = math.ceil(given.tasks / given.providers)
                seconds, first, last = declared(
                    devnet, place / "many", given.python, given.tasks, given.providers, "sleep 1"
                )
                ratio = seconds / ideal
                print(
                    f"{given.tasks} tasks of 1 s            {seconds:6.2f} s, {ratio:.2f} x the ideal {ideal} s"
                    f" (first task after {first:.2f} s, the last ends {seconds - last:.2f} s before the end)"
                )


def hello(devnet: GolemStandIn, place: Path, python: str) -> float:
    """Seconds of the script, behind the gateway."""
    (place / "hello.py").write_text(HELLO)
    with gateway_of(devnet, place / "hello-calls.jsonl") as gateway:
        began = time.monotonic()
        environment = variables(devnet, gateway)
        subprocess.run([python, str(place / "hello.py")], env=environment, check=True, stdout=subprocess.DEVNULL)
        return time.monotonic() - began


def declared(
    devnet: GolemStandIn, place: Path, python: str, tasks: int, workers: int, command: str
) -> tuple[float, float, float]:
    """Seconds of a declared job, until its first task runs, and until its last one is done."""
    pod = place / "pod"
    (pod / "payload").mkdir(parents=True)
    (pod / "logs").mkdir()
    for number in range(tasks):
        (pod / "payload" / f"{number:04}").write_text("x")
    golem: dict[str, Any] = {"image": IMAGE, "run": f'{command}; echo done > "output/$(basename "$SOVR_EACH")"'}
    golem |= {"each": "payload/*", "resources": {"workers": workers}}
    recipe = parse_recipe(json.dumps({"name": "it", "golem": golem}).encode())
    assert recipe.golem is not None
    seen: list[TaskSeen] = []
    with gateway_of(devnet, pod / "logs" / "golem-calls.jsonl") as gateway, Cancel() as cancel:
        began = time.monotonic()
        began_ns = time.time_ns()
        job = make_job(
            recipe, pod, command_of(recipe.golem, ()), prices=DEFAULT_CAPS, budget=Decimal(100), network="hoodi"
        )
        executor = DeclaredExecutor(
            replace(job, invoice_seconds=5.0), python, variables(devnet, gateway), place / "scratch", tell=seen.append
        )
        plan = Plan(("declared",), pod, {}, pod / "logs" / "run.log", ("output",), 600)
        executor.prepare(plan)
        outcome = executor.run(plan, lambda event: None, cancel)
        seconds = time.monotonic() - began
    if not outcome.succeeded or len(list((pod / "output").iterdir())) != tasks:
        sys.exit(f"the job failed: {outcome.reason}")
    times = {state: [one.at_ns for one in seen if one.state == state] for state in ("running", "done")}
    return seconds, (min(times["running"]) - began_ns) / 1e9, (max(times["done"]) - began_ns) / 1e9


def gateway_of(devnet: GolemStandIn, log: Path) -> Gateway:
    """A gateway in front of the devnet."""
    limits = Limits(frozenset({platform_of("hoodi")}), Decimal(100))
    return Gateway(devnet.url, devnet.variables["YAGNA_APPKEY"], limits, log, lambda seen: None)


def variables(devnet: GolemStandIn, gateway: Gateway) -> dict[str, str]:
    """What a requestor must find."""
    return {
        **devnet.variables,
        "YAGNA_API_URL": gateway.url,
        "YAGNA_APPKEY": gateway.key,
        "PATH": f"{devnet.folder / 'bin'}:{os.defpath}",
        "PYTHONPATH": str(devnet.folder / "python"),
        "HOME": str(devnet.folder),
    }


if __name__ == "__main__":
    main()
