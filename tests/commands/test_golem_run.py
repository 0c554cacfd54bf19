"""`sovr run` of requestor scripts as they are, and of declared jobs, with yapapi on a devnet."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_lab import Cli, terminal, words

from sovrgit.devnet.background import Background
from sovrgit.devnet.golem import Fault, GolemStandIn, Kind
from sovrgit.objects.ids import Kind as ObjectKind
from sovrgit.objects.ids import ObjectId
from sovrgit.pod.pod import Pod
from sovrgit.store.processes import birth_of

PYTHON = os.environ.get("SOVR_TEST_YAPAPI_PYTHON") or (sys.executable if importlib.util.find_spec("yapapi") else "")
needs_yapapi = pytest.mark.skipif(not PYTHON, reason="yapapi is not installed (the extra `golem`)")

# In the manner of the first Sovr CLI's templates: no event loop yet, a network and a subnet that are gone, files moved.
SCRIPT = """
import asyncio, logging, os, pathlib, sys
from datetime import timedelta
from yapapi import Golem, Task
from yapapi.log import enable_default_logger
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
    package = await vm.repo(image_hash="d646d7b93083d817846c2ae5c62c72ca0507782385a2e29291a3d376", min_mem_gib=MEMORY)
    async with Golem(budget=1.0, subnet_tag="devnet-beta") as golem:
        tasks = [Task(data=number) for number in range(2)]
        async for task in golem.execute_tasks(worker, tasks, payload=package, timeout=timedelta(seconds=SECONDS)):
            print("done", task.data)

if __name__ == "__main__":
    enable_default_logger(log_file="logs/debug.log", debug_market_api=True, debug_payment_api=True)
    loop = asyncio.get_event_loop()
    loop.run_until_complete(loop.create_task(main()))
"""


def script(memory: str = "0.5", seconds: int = 600) -> str:
    return SCRIPT.replace("MEMORY", memory).replace("SECONDS", str(seconds))


@pytest.fixture
def devnet(cli: Cli, tmp_path: Path) -> Iterator[GolemStandIn]:
    """One that is found as if `sovr devnet start` had started it."""
    with GolemStandIn(tmp_path / "golem", providers=2, namespaces=False) as made:
        state = Background(tmp_path / "state" / "sovr" / "devnet" / "golem.json", birth_of)
        state.record(made.port, made.url, made.folder, int(time.time()))
        yield made


@pytest.fixture
def pod(cli: Cli, tmp_path: Path) -> Cli:
    """A pod with a requestor script."""
    # yapapi and what it needs give warnings.
    cli.set(SOVR_CONFIG=str(tmp_path / "config"), PYTHONWARNINGS="ignore")
    cli.pod(exec="python3 script/it.py")
    cli.write("script/it.py", script())
    cli("config", "--user", "golem.python", PYTHON)
    return cli


def receipts(pod: Cli) -> Any:
    """What the record of the last run holds of Golem."""
    with Pod.find(pod.folder) as found:
        return found.store.run(ObjectId.parse(pod("runs", "-q").lines[0])).golem


def everything_stored(folder: Path) -> bytes:
    with Pod.find(folder) as pod:
        store = pod.store
        ids = [identity for pack in store.packs() for identity, _ in store.contents(pack.id)]
        return b"".join(
            b"".join(map(bytes, store.stream(one)))
            if store.kind(one) is ObjectKind.BLOB
            else bytes(store.read(one, store.kind(one)))
            for one in ids
        )


@needs_yapapi
def test_a_script_as_it_is_on_a_devnet_of_its_own(pod: Cli) -> None:
    said = pod("run")
    assert said.err.startswith("on the devnet, because `script/it.py` uses yapapi\nrunning, because")
    assert sorted(line for line in said.lines if line.startswith("done")) == ["done 0", "done 1"]
    assert words(said.out).splitlines()[-1] == "committed as <id> Run of pod: python3 script/it.py"
    assert pod.read("output/out-0.txt") == pod.read("output/out-1.txt") == "ONE\n"
    run = receipts(pod)
    assert run["emulated"] is True and run["network"] == "hoodi" and run["sdk"]["yapapi"] == "0.13.1"
    assert [task["attempts"][-1]["result"] for task in run["tasks"]] == ["accepted", "accepted"]
    assert sorted(file["path"] for file in run["files"]) == ["output/out-0.txt", "output/out-1.txt", "payload/in.txt"]
    # The debug log of yapapi has the header of every call in it.
    assert "Bearer ********************************" in pod.read("logs/debug.log")
    stored = everything_stored(pod.folder)
    assert b"Bearer" in stored and b"YAGNA_APPKEY" not in stored
    assert not re.search(rb"[Bb]earer [0-9a-f]{32}", stored)
    assert pod("run").err.splitlines()[1].startswith("known: run ")


@needs_yapapi
def test_a_provider_that_crashes(pod: Cli, devnet: GolemStandIn) -> None:
    devnet.faults.add(Fault(Kind.CRASH))
    assert pod.json("run", "--budget", "1")["status"] == "succeeded"
    golem = receipts(pod)
    assert len(golem["agreements"]) >= 2 and float(golem["cost"]["accepted"]) <= 1
    assert sorted(attempt["result"] for task in golem["tasks"] for attempt in task["attempts"]).count("accepted") == 2


@needs_yapapi
def test_without_offers_the_script_ends_well_and_the_run_does_not(pod: Cli, devnet: GolemStandIn) -> None:
    pod.write("script/it.py", script(memory="100000", seconds=2))
    failure = pod("run", "--allow-empty", code=66)
    assert "error: no provider was found: " in failure.err
    assert pod("runs").lines[0].split()[1] == "failed"


@needs_yapapi
def test_a_declared_job(pod: Cli, devnet: GolemStandIn) -> None:
    recipe = {
        "image": "golem/alpine:latest",
        "run": 'tr a-z A-Z < "$SOVR_EACH" > "output/$(basename "$SOVR_EACH")"; echo $SOVR_PARAM_SIZE',
        "each": "payload/*.txt",
        "params": {"size": 3},
        "network": "mainnet",
    }
    pod.write("recipe.json", json.dumps({"name": "pod", "golem": recipe}))
    pod.write("payload/more.txt", "two\n")
    said = pod("run")
    assert said.err.startswith("on the devnet, because the recipe has `image`\n") and said.lines.count("3") == 2
    assert (pod.read("output/in.txt"), pod.read("output/more.txt")) == ("ONE\n", "TWO\n")
    run = receipts(pod)
    assert run["mode"] == "declared" and run["emulated"] is True and run["network"] == "hoodi"
    assert run["image"]["requested"] == "golem/alpine:latest"
    assert [task["data"] for task in run["tasks"]] == ["payload/in.txt", "payload/more.txt"]
    assert "is identical" in pod("verify").out


def test_an_interrupt_on_a_terminal(pod: Cli, devnet: GolemStandIn) -> None:
    pod.write("script/it.py", "import time\nprint('ready', flush=True)\ntime.sleep(3600)\n")
    environ = {"XDG_STATE_HOME": os.environ["XDG_STATE_HOME"]}
    with terminal(pod.folder, "run", "--on", "devnet", environ=environ) as screen:
        screen.expect("ready")
        screen.signal(signal.SIGINT)
        shown, code = screen.end()
    assert code == 130, shown
    assert "ending the run; once more ends it at once" in shown and "was cancelled" in shown


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--on", "golem"], "no network was named"),
        (["--network", "hoodi"], "there is no budget"),
        (["--network", "mainnet", "--budget", "1"], "real money"),
        (["--network", "polygon", "--budget", "1", "--yes"], "real money"),
    ],
)
def test_nothing_is_spent_without_being_told(pod: Cli, options: list[str], said: str) -> None:
    pod.write(
        "recipe.json", '{"name": "pod", "golem": {"exec": "python3 script/it.py", "network": "mainnet", "budget": 99}}'
    )
    failure = pod.failure("run", *options, code=95)
    assert failure["code"] == "SpendingRefused" and said in failure["message"]


@pytest.mark.parametrize("typed", ["y", "no", ""])
def test_real_money_needs_a_typed_yes(pod: Cli, typed: str) -> None:
    environ = {"YAGNA_API_URL": "http://127.0.0.1:1"}
    arguments = ("run", "--network", "polygon", "--budget", "0.5")
    with terminal(pod.folder, *arguments, environ=environ) as screen:
        screen.expect("Type yes to agree")
        screen.type(typed + "\n")
        shown, code = screen.end()
    assert code == 95 and "up to 0.5 GLM on polygon, which is real money" in shown
    if typed:
        return
    with terminal(pod.folder, *arguments, environ=environ) as screen:
        screen.expect("Type yes to agree")
        screen.type("yes\n")
        # What would be spent on is not there; the interpreter is looked at before.
        assert screen.end()[1] in (90, 96)


@pytest.mark.parametrize("price", ["moon=1", "start", "hour=much"])
def test_prices_that_are_none(pod: Cli, price: str) -> None:
    assert "--max-price" in pod("run", "--max-price", price, code=2).err


def test_a_run_is_repeated_where_it_was_made(pod: Cli, devnet: GolemStandIn) -> None:
    pod.write("script/it.py", "import os\nopen('output/a', 'w').write(str('YAGNA_APPKEY' in os.environ))\n")
    pod("run", "--on", "devnet")
    where = {}
    for options in ([], ["--on", "local"]):
        run = ObjectId.parse(pod("rerun", "-q", "HEAD", *options).lines[-1])
        with Pod.find(pod.folder) as found:
            where[str(options)] = found.store.run(run).executor["name"]
    assert list(where.values()) == ["devnet", "local"]
    assert pod("verify").code == 0 and pod("verify", "--on", "local", code=1).code == 1
