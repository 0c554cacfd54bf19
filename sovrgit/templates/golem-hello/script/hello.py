"""Greet whoever is named in payload/name.txt, on a computer that is rented on Golem."""

import asyncio
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from yapapi import Golem, Task
from yapapi.payload import vm
from yapapi.props import com
from yapapi.strategy import LeastExpensiveLinearPayuMS

POD = Path(__file__).resolve().parent.parent
GREETING = 'echo "Hello, $(cat /golem/work/name.txt)!" > /golem/work/greeting.txt'

# The most that is paid, in GLM: for the start, and for a second. The library's own limits are far beyond any offer.
START = Decimal("0.001")
SECOND = {com.Counter.TIME: Decimal("0.0001"), com.Counter.CPU: Decimal("0.0001")}


async def greet(context, tasks):
    """What one provider is told to do."""
    async for task in tasks:
        # The first one may have to fetch the image.
        script = context.new_script(timeout=timedelta(minutes=5))
        script.upload_file(str(POD / "payload" / "name.txt"), "/golem/work/name.txt")
        script.run("/bin/sh", "-c", GREETING)
        # A file that is fetched is there, and empty, before anything has arrived. It gets its name when it is whole.
        part = POD / "output" / "greeting.part"
        script.download_file("/golem/work/greeting.txt", str(part))
        yield script
        part.replace(POD / "output" / "greeting.txt")
        task.accept_result(context.provider_name)


async def main():
    """Rent a computer for one task. Network and subnet are those that `sovr run` was told."""
    done = 0
    package = await vm.repo(image_tag="golem/alpine:latest")
    strategy = LeastExpensiveLinearPayuMS(max_fixed_price=START, max_price_for=SECOND)
    async with Golem(budget=Decimal("0.1"), strategy=strategy) as golem:
        tasks = [Task(data=None)]
        async for task in golem.execute_tasks(greet, tasks, payload=package, timeout=timedelta(minutes=10)):
            print(f"greeted by {task.result}")
            done += 1
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
