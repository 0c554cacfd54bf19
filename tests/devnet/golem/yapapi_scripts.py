"""Unmodified requestor scripts on yapapi, and the interpreter that has it: the one that runs the tests, or another.

`SOVR_TEST_YAPAPI_PYTHON` names the other one.
"""

from __future__ import annotations

import importlib.util
import os
import sys

import pytest

PYTHON = os.environ.get("SOVR_TEST_YAPAPI_PYTHON") or (sys.executable if importlib.util.find_spec("yapapi") else None)
needs_yapapi = pytest.mark.skipif(PYTHON is None, reason="yapapi is not installed (the extra `golem`)")

# In the manner of the first Sovr CLI's template: default network, a subnet that nobody uses any more, an image by hash.
HELLO = """
import asyncio
from yapapi import Golem, Task
from yapapi.payload import vm

async def worker(context, tasks):
    async for task in tasks:
        script = context.new_script()
        future_result = script.run("/bin/sh", "-c", "date +%Y; echo $((6 * 7))")
        yield script
        task.accept_result(result=await future_result)

async def main():
    package = await vm.repo(image_hash="d646d7b93083d817846c2ae5c62c72ca0507782385a2e29291a3d376")
    async with Golem(budget=1.0, subnet_tag="devnet-beta") as golem:
        async for completed in golem.execute_tasks(worker, [Task(data=None)], payload=package):
            print(completed.result.stdout)

if __name__ == "__main__":
    loop = asyncio.get_event_loop()
    loop.run_until_complete(loop.create_task(main()))
"""

# Files in and out, several workers, output as it comes, and a tag instead of a hash.
FILES = """
import asyncio, sys
from datetime import timedelta
from yapapi import Golem, Task, events
from yapapi.payload import vm

async def worker(context, tasks):
    async for task in tasks:
        script = context.new_script(timeout=timedelta(minutes=1))
        script.upload_json({"n": task.data}, "/golem/input/n.json")
        script.upload_file(__file__, "/golem/work/script")
        script.run("/bin/sh", "-c", "cat /golem/input/n.json; wc -c < /golem/work/script > /golem/output/size")
        script.download_file("/golem/output/size", f"size-{task.data}")
        yield script
        task.accept_result(task.data)

async def main():
    package = await vm.repo(image_tag="golem/alpine:latest")
    async with Golem(budget=1, subnet_tag="public", stream_output=True) as golem:
        golem.add_event_consumer(lambda event: print(event.output), [events.CommandStdOut])
        golem.add_event_consumer(lambda event: print("paid", event.invoice.amount), [events.InvoiceAccepted])
        tasks = [Task(data=number) for number in range(4)]
        async for task in golem.execute_tasks(worker, tasks, payload=package, max_workers=2):
            print("done", task.data)

asyncio.run(main())
"""
