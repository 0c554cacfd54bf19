"""`sovr run` in a task: what is shown, how it ends, and how it goes on."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from command_lab import ENVIRONMENT, PATIENCE, Cli, argv, checked, on_terminal, terminal, words

GATHER = "cat $(find payload/external -type f | sort) > output/all.txt"


def own_pod(cli: Cli, name: str, script: str, **golem: Any) -> str:
    cli.write(f"pods/{name}/recipe.json", json.dumps({"name": name, "golem": {"exec": "sh script/run.sh", **golem}}))
    cli.write(f"pods/{name}/script/run.sh", script + "\n")
    return f"pods/{name}"


def make_task(cli: Cli, first: str, second: str = GATHER) -> None:
    """Two pods, of which the second takes the output of the first, in a task that `cli` works in from now on."""
    cli.folder = cli.folder / "task"
    pods = [own_pod(cli, "first", first), own_pod(cli, "second", second)]
    cli.write("data/x.txt", "payload\n")
    cli.write("recipe.json", json.dumps({"name": "lab", "payload": "data", "pods": pods}))
    cli("init", "-q")
    (cli.folder / ".sovrignore").unlink()
    cli("commit", "-q", "-m", "First version")


@contextmanager
def process(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`sovr` in another process, which is killed at the end, if it still runs."""
    made = subprocess.Popen(
        argv(*arguments), cwd=folder, env=ENVIRONMENT, stdout=-1, stderr=-1, text=True, start_new_session=True
    )
    try:
        yield made
    finally:
        made.kill()
        made.communicate()


GATE = "../../../../../gate"
"""A file beside the task, as a pod of the task sees it."""


def wait_for(path: Path, text: str = "") -> None:
    """Wait until a file is there that has a text in it."""
    deadline = time.monotonic() + PATIENCE
    while not path.exists() or text not in path.read_text():
        assert time.monotonic() < deadline, f"no {path}"
        time.sleep(0.005)


def test_a_plan_says_what_would_run_and_why(cli: Cli) -> None:
    make_task(cli, "echo one > output/one.txt")
    assert cli("run", "--plan").lines == [
        "lab: 2 pods, 2 to run, 0 known",
        "  run   first   it has not been run before",
        "  run   second  it waits for `first`",
    ]
    cli("run")
    lines = words(cli("run", "--plan").out).splitlines()
    assert lines[0] == "lab: 2 pods, 0 to run, 2 known"
    assert lines[1].startswith("  known first   run <id> of ")


def test_a_task_runs_and_says_how_it_goes(cli: Cli) -> None:
    make_task(cli, "echo printed; echo one > output/one.txt")
    said = cli("run")
    assert words(said.out).splitlines() == [
        "run <id> of 2 pods succeeded after <time>",
        "committed as <id> Run of lab: 2 pods",
    ]
    assert words(said.err).splitlines() == [
        "lab: 2 pods, 2 to run, 0 known",
        "first: running, because it has not been run before",
        "first: succeeded after <time>, run <id>",
        "second: running, because it has not been run before",
        "second: succeeded after <time>, run <id>",
    ]
    assert "printed" in cli("run", "-v", "--force").err
    assert cli.read("output/all.txt") == "one\npayload\n"
    assert "each of its pods has a log: `sovr logs " in cli("logs", code=22).err
    again, before = cli("runs").lines
    assert "task of 2 pods" in again and "task of 2 pods" in before
    assert [line.split()[-1] for line in cli("runs", "--all").lines] == ["pods", "script/run.sh", "script/run.sh"] * 2
    second = next(line for line in cli("show", again.split()[0]).lines if line.endswith(" second")).split()[-2]
    shown = cli("show", second).lines
    assert any(re.fullmatch("Payload: +[0-9a-f]{10} is output of pods/first at [0-9a-f]{10}", line) for line in shown)
    assert any(re.fullmatch("Payload: +[0-9a-f]{10} is data of the task at [0-9a-f]{10}", line) for line in shown)


def test_documents(cli: Cli) -> None:
    make_task(cli, "echo one > output/one.txt")
    plan = cli.json("run", "--plan")["plan"]
    assert (plan["name"], plan["to_run"], plan["known"], plan["budget"], plan["at_most"]) == ("lab", 2, 0, None, "0")
    assert plan["steps"][1]["key"] is None and plan["steps"][0]["reference"] == "pods/first"
    done = cli.json("run")
    assert [(step["name"], step["state"]) for step in done["steps"]] == [
        ("first", "succeeded"),
        ("second", "succeeded"),
    ]
    assert [pod["run"] for pod in done["pods"]] == [step["run"] for step in done["steps"]]
    assert done["commit"]["run"] == done["id"] and done["begun"] is None and not done["reused"]
    known = cli.json("run")
    assert known["reused"] and [step["state"] for step in known["steps"]] == ["known", "known"]


def test_a_failure_shows_the_end_of_what_was_printed_and_what_to_do(cli: Cli) -> None:
    make_task(cli, "echo trouble; exit 3")
    said = cli("run", code=47)
    assert "first | trouble" in said.err
    assert "error: the task is not complete: `first` failed: exit code 3; 1 of 2 pods was left out" in said.err
    found = checked("error", cli("--json", "run", code=47).err.splitlines()[-1])["error"]
    assert "trouble" in cli(*found["hint"].split("`")[1].split()[1:]).out
    own_pod(cli, "first", "echo one > output/one.txt")
    assert cli("run").code == 0


@pytest.mark.parametrize(
    ("recipe", "code", "words"),
    [
        ({"pods": ["pods/first", {"ref": "pods/second", "each": "*.png"}]}, 48, "matches nothing in the payload"),
        ({"pods": ["../nowhere"]}, 49, "cannot be had: "),
        ({"pods": [{"ref": "pods/first", "matrix": {"a": []}}]}, 12, "would never run"),
    ],
)
def test_failures_have_exit_codes_of_their_own(cli: Cli, recipe: dict[str, Any], code: int, words: str) -> None:
    make_task(cli, ":")
    cli.write("recipe.json", json.dumps({"name": "lab", "payload": "data", **recipe}))
    assert words in cli("run", code=code).err


@pytest.mark.parametrize("options", [["--plan"], ["--jobs", "2"], ["--keep-going"], ["--update"]])
def test_options_of_tasks_are_none_of_pods(cli: Cli, options: list[str]) -> None:
    cli.pod()
    assert "are for tasks, and this pod is none" in cli("run", *options, code=2).err


def test_a_task_that_cannot_be_read_is_told_of_whatever_is_asked(cli: Cli) -> None:
    make_task(cli, ":")
    cli.write("recipe.json", '{"name": "lab", "pods": [{"ref": "pods/first", "needs": ["nobody"]}]}')
    assert "`nobody` is neither the name nor the reference of a pod" in cli("run", "--plan", code=12).err


@pytest.mark.parametrize("options", [["--commit-failed"], ["--", "more"]])
def test_options_of_pods_are_none_of_tasks(cli: Cli, options: list[str]) -> None:
    make_task(cli, ":")
    assert "a task has no command" in cli("run", *options, code=2).err


def test_payload_of_other_pods_is_locked_and_what_has_moved_is_told(cli: Cli) -> None:
    data = cli.at(cli.folder)
    data.pod("data")
    make_task(cli, GATHER)
    pods = ["pods/first"]
    cli.write(
        "recipe.json", json.dumps({"name": "lab", "payload": [{"ref": "../data", "data": "payload"}], "pods": pods})
    )
    assert cli("run").err.startswith("locked ")
    data.write("payload/in.txt", "two\n")
    data("commit", "-q", "-m", "Second")
    said = cli("run")
    assert "payload from ../data has moved on" in said.err and said.out.startswith("run ")
    assert cli.read("output/all.txt") == "one\n"
    cli("payload", "update")
    assert "the payload `payload` of another pod changed" in cli("run", "--plan").out
    cli("run")
    assert cli.read("output/all.txt") == "two\n"


def test_a_task_that_was_killed_is_resumed(cli: Cli) -> None:
    """What had succeeded is not run again; the pod that ran is ended and run anew."""
    make_task(cli, "echo one > output/one.txt", f"echo $$ > {GATE}.part; mv {GATE}.part {GATE}; exec sleep 60")
    gate = cli.folder.parent / "gate"
    with process(cli.folder, "run") as killed:
        wait_for(gate)
        # Only then the next one can know of it.
        wait_for(cli.folder / ".sovr/tasks/second/pod/.sovr/running", "pid")
    assert killed.returncode == -signal.SIGKILL
    left = int(gate.read_text())
    os.kill(left, 0)
    own_pod(cli, "second", GATHER)
    done = cli.json("run")
    assert [step["state"] for step in done["steps"]] == ["known", "succeeded"]
    assert cli.read("output/all.txt") == "one\npayload\n"
    assert cli("fsck").code == 0
    state = Path(f"/proc/{left}/stat")
    assert not state.exists() or ") Z " in state.read_text()


def test_the_second_of_two_at_once_is_told_who_runs(cli: Cli) -> None:
    make_task(cli, f"touch {GATE}; exec sleep 60")
    with process(cli.folder, "run") as first:
        wait_for(cli.folder.parent / "gate")
        said = cli("run", code=40)
        assert str(first.pid) in said.err and "wait for that to finish" in said.err
        first.send_signal(signal.SIGINT)
        _, err = first.communicate(timeout=PATIENCE)
    assert first.returncode == 130, err
    assert "ending the run; once more ends it at once" in err
    assert "second: left out" in err and "the next `sovr run` goes on from" in err


def test_on_a_terminal_there_is_a_row_for_each_pod(cli: Cli) -> None:
    make_task(cli, f"echo one > output/one.txt; until [ -e {GATE} ]; do sleep 0.01; done")
    with terminal(cli.folder, "run") as made:
        made.expect("1 running")
        made.expect("waiting    second")
        (cli.folder.parent / "gate").touch()
        shown, code = made.end()
    assert code == 0
    assert "first: succeeded after" in shown and "run " in shown


def test_scripts_of_others_are_asked_for_on_a_terminal(cli: Cli) -> None:
    make_task(cli, "echo one > output/one.txt")
    cli.at(cli.folder.parent)("clone", "-q", "task", "theirs")
    theirs = cli.folder.parent / "theirs"
    with terminal(theirs, "run") as made:
        made.expect("Run it?")
        made.wait_for_sleep()
        made.type("n\n")
        shown, code = made.end()
    assert code == 64 and "sh script/run.sh" in shown
    shown, code = on_terminal(theirs, "--yes", "run")
    assert code == 0 and os.path.exists(theirs / "output/all.txt")
