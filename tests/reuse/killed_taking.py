"""Kills the taking of a result at every third call that writes, and looks at what is left.

    python tests/reuse/killed_taking.py FOLDER

A program of its own: it forks. FOLDER is empty; the folders `crash` and `runs` of the tests are to be in PYTHONPATH.
Prints a JSON line for each call: `{"call": n, "ended": bool, "problems": [...]}`.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from killing import copy, perform
from reuse_lab import Person

from sovrgit.objects.commit import Commit
from sovrgit.pod.check import check_pod
from sovrgit.pod.pod import Pod

SCRIPT = "mkdir -p output/deep; echo $SAYS > output/out.txt; echo more > output/deep/more.txt\n"
RESULT = {"output/out.txt": b"one\n", "output/deep/more.txt": b"more\n"}

STEP = 3
"""One of so many calls is its last."""

EVERY = 15
"""Another try follows one of so many calls: that costs as much as the rest."""


def person(pod: Pod, name: str, folder: Path) -> Person:
    return Person(pod, name=name, folder=folder, says="one" if name == "Ann" else "two")


def begin(folder: Path) -> None:
    """Ann has a result, at a remote; Bob has the same inputs, and an earlier output of other inputs."""
    for name in ("Ann", "pod"):
        made = Person.begin(folder, name)
        made.write("script/run.sh", SCRIPT)
        made.commit("Script")
        if name == "Ann":
            made.key_of(7)
            made.run()
            made.publish("shared")
        else:
            made.write("output/old.txt", "old\n")
            made.commit("An output")
        made.pod.close()


def take(pod: Pod, folder: Path) -> None:
    bob = person(pod, "Bob", folder)
    # The folder was copied.
    pod.config.set("remote.shared.url", str(folder / "shared"))
    assert bob.take("any").reused


def output_of(commit: Commit, pod: Pod) -> dict[str, bytes]:
    files = person(pod, "Bob", pod.root).files(commit.tree)
    return {path: data for path, data in files.items() if path.startswith("output/")}


def look(folder: Path, before: dict[str, bytes], *, ended: bool, again: bool) -> list[str]:
    """What is wrong with what is left, and with what comes of another try, if there is one."""
    with Pod(folder / "pod") as pod:
        problems = list(check_pod(pod).problems)
        head = pod.head()
        assert head is not None
        commit = pod.store.commit(head)
        if commit.reuse is None and output_of(commit, pod) != before:
            problems.append("the commit from before has another output")
        if commit.reuse is not None and output_of(commit, pod) != RESULT:
            problems.append("a part of the result was committed")
        if ended and commit.reuse is None:
            problems.append("nothing was committed")
        on_disk = {
            path: data for path, data in person(pod, "Bob", folder).on_disk().items() if path.startswith("output/")
        }
        whole = {**before, **RESULT}
        problems += [f"`{path}` is cut off" for path, data in on_disk.items() if whole.get(path) != data]
        if again:
            take(pod, folder)
            head = pod.head()
            assert head is not None
            if output_of(pod.store.commit(head), pod) != RESULT:
                problems.append("another try does not take all of it")
    return problems


def main() -> None:
    folder = Path(sys.argv[1])
    os.fsync = lambda descriptor: None  # type: ignore[assignment] # killed is the process, not the machine
    start, place = folder / "start", folder / "place"
    start.mkdir()
    begin(start)
    shutil.rmtree(start / "Ann")
    with Pod(start / "pod") as pod:
        head = pod.head()
        assert head is not None
        before = output_of(pod.store.commit(head), pod)
    ended, call = False, 0
    while not ended:
        call += STEP
        shutil.copytree(start, place, symlinks=True, copy_function=copy)
        ended = perform(take, place, call)
        problems = look(place, before, ended=ended, again=call % EVERY == 0)
        sys.stdout.write(json.dumps({"call": call, "ended": ended, "problems": problems}) + "\n")
        sys.stdout.flush()
        shutil.rmtree(place)


if __name__ == "__main__":
    main()
