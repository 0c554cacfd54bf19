"""Kills a task at some of its calls that write, runs it again, and looks at what came of it. It forks.

    python tests/tasks/killed_task.py FOLDER NUMBER

FOLDER is empty. NUMBER calls are evenly spread over the run; for each prints a JSON line: `{"call": n, "killed": bool,
"problems": [...]}`. See `tests/crash/killing.py`, of which this is the part for tasks.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "crash"))

from killing import CALLS, die_at
from task_lab import GATHER, TaskLab

from sovrgit.pod.check import check_pod
from sovrgit.pod.pod import Pod
from sovrgit.pod.status import status

EXPECTED = {"end/all.txt": "one\npayload\n", "side/n.txt": "changed\n"}


def begin(root: Path) -> None:
    """A task of three pods that has run, and in which two of them have to run again."""
    with Pod.create(root) as pod:
        lab = TaskLab(pod)
        lab.write("data/x.txt", "payload\n")
        one = lab.own_pod("one", "echo one > output/one.txt")
        side = lab.own_pod("side", "echo side > output/n.txt")
        end = {"ref": lab.own_pod("end", "cat payload/external/x.txt > output/all.txt"), "needs": ["pods/one"]}
        lab.task(one, {"ref": side, "needs": []}, end, payload="data")
        lab.run(jobs=1)
        lab.own_pod("side", "echo changed > output/n.txt; echo changed > payload/own")
        lab.own_pod("end", GATHER)


def run(root: Path) -> int:
    with Pod(root) as pod:
        return 0 if TaskLab(pod, clock=1_800_000_000).run(jobs=1).run.succeeded else 1


def look(root: Path) -> list[str]:
    """What is wrong once it has run to its end."""
    with Pod(root) as pod:
        lab = TaskLab(pod, clock=1_900_000_000)
        problems = list(check_pod(pod).problems)
        problems += [f"changed: {change.path!r}" for change in status(pod).changes]
        if lab.files() != EXPECTED:
            problems.append(f"the output is {lab.files()}")
        if not lab.run(jobs=1).reused:
            problems.append("it was run once more")
        return problems


def apart(do: Callable[[], int]) -> int:
    """Do something in a child, and how that ended: this process has no threads, so that it can fork again."""
    child = os.fork()
    if not child:
        code = 70
        try:
            code = do()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def count(root: Path, found: Path) -> int:
    """How many calls write in a whole run."""
    calls = 0

    def counted(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal calls
            calls += name != "open" or bool(arguments[1] & (os.O_CREAT | os.O_TRUNC))
            return real(*arguments, **named)

        return call

    for name in CALLS:
        setattr(os, name, counted(name, getattr(os, name)))
    code = run(root)
    found.write_text(str(calls))
    return code


def main() -> None:
    folder, number = Path(sys.argv[1]), int(sys.argv[2])
    os.fsync = lambda descriptor: None  # type: ignore[assignment] # killed is the process, not the machine
    start, place, answer = folder / "start", folder / "place", folder / "problems"

    def make() -> int:
        begin(start)
        return 0

    def see() -> int:
        answer.write_text(json.dumps(look(place)))
        return 0

    assert apart(make) == 0
    shutil.copytree(start, place)
    assert apart(lambda: count(place, folder / "calls")) == 0
    total = int((folder / "calls").read_text())
    for call in sorted({1 + total * point // number for point in range(number)}):
        shutil.rmtree(place)
        shutil.copytree(start, place)

        def killed(call: int = call) -> int:
            die_at(call)
            return run(place)

        code = apart(killed)
        assert code in (0, 9), f"the task itself failed at call {call}"
        problems = [] if apart(lambda: run(place)) == 0 else ["it does not go on"]
        assert apart(see) == 0
        problems += json.loads(answer.read_text())
        sys.stdout.write(json.dumps({"call": call, "killed": code == 9, "problems": problems}) + "\n")


if __name__ == "__main__":
    main()
