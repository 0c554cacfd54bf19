"""Render some frames of payload/scene.blend, each on a computer that is rented on Golem."""

import argparse
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
IMAGE = "9a3b5d67b0b27746283cb5f287c13eab1beaa12d92a9f536b747c7ae"

# The most that is paid, in GLM: for the start, and for a second. The library's own limits are far beyond any offer.
START = Decimal("0.01")
SECOND = {com.Counter.TIME: Decimal("0.0001"), com.Counter.CPU: Decimal("0.0001")}


def parameters(frame, size, samples):
    """What `run-blender.sh` of the image finds in `/golem/work/params.json`."""
    return {
        "scene_file": "/golem/resource/scene.blend",
        "resolution": size,
        "use_compositing": False,
        "crops": [{"outfilebasename": "out", "borders_x": [0.0, 1.0], "borders_y": [0.0, 1.0]}],
        "samples": samples,
        "frames": [frame],
        "output_format": "PNG",
        "RESOURCES_DIR": "/golem/resources",
        "WORK_DIR": "/golem/work",
        "OUTPUT_DIR": "/golem/output",
    }


def worker(size, samples):
    """What one provider is told to do."""

    async def render(context, tasks):
        sent = False
        async for task in tasks:
            # The first one may have to fetch the image, which is large.
            script = context.new_script(timeout=timedelta(minutes=10 if not sent else 3))
            if not sent:
                script.upload_file(str(POD / "payload" / "scene.blend"), "/golem/resource/scene.blend")
            script.upload_json(parameters(task.data, size, samples), "/golem/work/params.json")
            script.run("/golem/entrypoints/run-blender.sh")
            # A file that is fetched is there, and empty, before anything has arrived. It gets its name when it is whole.
            part = POD / "output" / f"output_{task.data}.part"
            script.download_file(f"/golem/output/out{task.data:04d}.png", str(part))
            yield script
            sent = True
            part.replace(part.with_suffix(".png"))
            task.accept_result(part.with_suffix(".png").name)

    return render


async def main(options):
    """Rent computers. Network and subnet are those that `sovr run` was told."""
    done = 0
    package = await vm.repo(image_hash=IMAGE, min_mem_gib=0.5, min_storage_gib=2.0)
    strategy = LeastExpensiveLinearPayuMS(max_fixed_price=START, max_price_for=SECOND)
    tasks = [Task(data=frame) for frame in options.frames]
    async with Golem(budget=Decimal("1"), strategy=strategy) as golem:
        async for task in golem.execute_tasks(
            worker([options.width, options.height], options.samples),
            tasks,
            payload=package,
            max_workers=options.workers,
            timeout=timedelta(minutes=18),
        ):
            print(f"frame {task.data}: {task.result}, in {task.running_time.total_seconds():.1f} s")
            done += 1
    print(f"{done} of {len(tasks)} frames")
    return 0 if done == len(tasks) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, nargs="+", default=range(0, 60, 10))
    parser.add_argument("--width", type=int, default=400)
    parser.add_argument("--height", type=int, default=300)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--workers", type=int, default=3, help="computers at the same time")
    sys.exit(asyncio.run(main(parser.parse_args())))
