"""Requestor scripts on the real daemon, and the devnet compared with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from real_lab import Done, RealGolem
from recorded_golem import differences, load, topics, unequal
from records import plain
from yapapi_scripts import FILES, HELLO, PYTHON, needs_yapapi

from sovrgit.objects.ids import ObjectId
from sovrgit.pod.pod import Pod


def play(real: RealGolem, folder: Path, script: str) -> str:
    """What an unmodified script prints."""
    (folder / "script.py").write_text(script)
    done = real.run([str(PYTHON), "script.py"], folder)
    assert done.code == 0, done.stderr
    return done.stdout


@needs_yapapi
def test_hello(real: RealGolem, tmp_path: Path) -> None:
    assert play(real, tmp_path, HELLO).split()[1] == "42"


@needs_yapapi
def test_files_and_several_tasks(real: RealGolem, tmp_path: Path) -> None:
    # What commands print does not come as it is printed: the daemon passes no streams on between its own identities.
    script = FILES.replace("stream_output=True", "stream_output=False")
    said = play(real, tmp_path, script)
    assert all(f"done {number}" in said for number in range(4)) and "paid 0.0" in said
    sizes = {(tmp_path / f"size-{number}").read_text().strip() for number in range(4)}
    assert sizes == {str(len(script))}


@pytest.mark.parametrize("topic", topics())
def test_the_recorded_answers_are_still_those_of_the_daemon(real: RealGolem, topic: str) -> None:
    found = []
    for case, answers in zip(load(topic), real.replay(topic), strict=True):
        found += differences(case, answers)
    # The providers are ours, and say in their offers whose memory their sandbox limits.
    assert [line for line in found if "has also sovr.devnet.memory-limit" not in line] == []


# In the manner of the first Sovr CLI's templates, on one provider so that there is one order of things.
SCRIPTED = """
import asyncio, pathlib
from datetime import timedelta
from yapapi import Golem, Task
from yapapi.payload import vm

POD = pathlib.Path(__file__).resolve().parent.parent

async def worker(context, tasks):
    async for task in tasks:
        script = context.new_script(timeout=timedelta(minutes=1))
        script.upload_file(str(POD / "payload" / "in.txt"), "/golem/work/in.txt")
        script.run("/bin/sh", "-c", f"tr a-z A-Z < /golem/work/in.txt > /golem/output/out.txt; echo {task.data}")
        script.download_file("/golem/output/out.txt", str(POD / "output" / f"out-{task.data}.txt"))
        yield script
        task.accept_result(task.data)

async def main():
    package = await vm.repo(image_hash="d646d7b93083d817846c2ae5c62c72ca0507782385a2e29291a3d376")
    async with Golem(budget=1.0, subnet_tag="devnet-beta") as golem:
        tasks = [Task(data=number) for number in range(3)]
        async for task in golem.execute_tasks(worker, tasks, payload=package, max_workers=1):
            print("done", task.data)

asyncio.run(main())
"""
RECIPES: dict[str, dict[str, Any]] = {
    "script": {"exec": "python3 script/it.py"},
    "declared": {
        "image": "golem/alpine:latest",
        "run": 'tr a-z A-Z < "$SOVR_EACH" > "output/$(basename "$SOVR_EACH")"',
        "each": "payload/*.txt",
    },
}


def make_pod(folder: Path, recipe: dict[str, Any]) -> Path:
    for name, text in (("script/it.py", SCRIPTED), ("payload/in.txt", "one\n"), ("payload/README", "read me\n")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "recipe.json").write_text(json.dumps({"name": "pod", "golem": recipe}))
    return folder


@needs_yapapi
@pytest.mark.parametrize("kind", RECIPES)
def test_a_pod_does_the_same_as_on_the_devnet(real: RealGolem, tmp_path: Path, kind: str) -> None:
    environment = {"SOVR_CONFIG": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state")}
    environment |= {"HOME": str(tmp_path), "PYTHONWARNINGS": "ignore", "SOVR_AUTHOR": "Ann <ann@example.org>"}
    sovr = [sys.executable, "-m", "sovrgit"]
    found, outputs = [], []
    for place in ("devnet", "golem"):
        pod = make_pod(tmp_path / place, RECIPES[kind])
        commands = [["config", "--user", "golem.python", str(PYTHON)], ["init", "-q"]]
        options = ["--on", place, "--budget", "1", "--keep-env", "SOVR_GOLEM_REGISTRY"]
        options += ["--network", "hoodi"] if place == "golem" else []
        for command in [*commands, ["--json", "run", *options]]:
            if place == "golem":
                done = real.run([*sovr, *command], pod, environment)
            else:
                argv = [*sovr, *command]
                given = {"PATH": os.defpath, **environment}
                ended = subprocess.run(argv, cwd=pod, env=given, capture_output=True, text=True, check=False)
                done = Done(ended.returncode, ended.stdout, ended.stderr)
            assert done.code == 0, done.stderr
        with Pod.find(pod) as opened:
            run = opened.store.run(ObjectId.parse(json.loads(done.stdout)["id"]))
        found.append(plain(run.golem))
        outputs.append({path.name: path.read_bytes() for path in (pod / "output").iterdir()})
        assert run.golem["emulated"] is (place == "devnet")
    assert outputs[0] == outputs[1] and outputs[0]
    assert unequal(found[0], found[1], "on Golem") == []
