"""Pipes, colours, and names that are not text: mostly in a process of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from command_lab import ENVIRONMENT, PATIENCE, Cli, argv

from sovrgit.objects.commit import Commit, Stamp
from sovrgit.objects.ids import Kind
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import RefChange

ESCAPE = "\x1b["


def many_commits(folder: Path, count: int) -> None:
    """A history that is longer than a pipe is wide."""
    with Pod(folder) as pod, pod.store.session() as session:
        first = head = pod.head()
        tree = pod.head_tree()
        for number in range(count):
            made = Commit(tree, (head,) if head else (), Stamp("Ann", "", 1_700_000_000 + number), f"Number {number}")
            head = session.add(Kind.COMMIT, made.encode())
        session.commit()
        pod.refs.update([RefChange("refs/heads/main", first, head)], command="test", time_ns=0)


def piped(folder: Path, *arguments: str, environ: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        argv(*arguments),
        cwd=folder,
        env={**ENVIRONMENT, **(environ or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("options", [[], ["--oneline"], ["--json"], ["-q"]])
def test_a_reader_that_goes_away_ends_it_quietly(pod: Cli, options: list[str]) -> None:
    many_commits(pod.folder, 3000)
    process = piped(pod.folder, "log", *options)
    assert process.stdout is not None and process.stderr is not None
    assert process.stdout.read(1)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(PATIENCE) == 141
    process.stderr.close()


def test_a_run_goes_on_without_a_reader(pod: Cli) -> None:
    pod.script(
        'while ! test -e go; do :; done; i=0; while test $i -lt 3000; do echo "line $i"; i=$((i+1)); done\n'
        "cp payload/in.txt output/"
    )
    process = piped(pod.folder, "run")
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    pod.write("go", "")
    process.stderr.read()
    assert process.wait(PATIENCE) == 141
    process.stderr.close()
    (run,) = pod.json("runs")["runs"]
    assert run["status"] == "succeeded" and len(pod("logs").lines) == 3000


def test_output_that_cannot_be_written_is_an_error(pod: Cli) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full here")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            argv("log"), cwd=pod.folder, env=ENVIRONMENT, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 41 and b"error: no space left at" in done.stderr and b"Traceback" not in done.stderr


def test_output_and_errors_have_streams_of_their_own(pod: Cli) -> None:
    pod.script("echo to out; echo to err >&2; cp payload/in.txt output/")
    process = piped(pod.folder, "run")
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert out.startswith(b"to out\nrun ") and b"to err\n" in err and b"to out" not in err


# --- colours ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "options", "coloured"),
    [
        ({}, [], False),
        ({}, ["--color", "auto"], False),
        ({}, ["--color", "always"], True),
        ({}, ["--color=never"], False),
        ({"FORCE_COLOR": "1"}, [], True),
        ({"FORCE_COLOR": ""}, [], False),
        ({"FORCE_COLOR": "1"}, ["--color", "never"], False),
        ({"NO_COLOR": "1"}, ["--color", "always"], True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, [], True),
    ],
)
def test_colours_into_a_pipe(pod: Cli, variables: dict[str, str], options: list[str], coloured: bool) -> None:
    pod.set(**variables)
    for command in (["log"], ["show"], ["status"], ["ls", "-l"]):
        assert (ESCAPE in pod(*command, *options).out) is coloured
    assert (ESCAPE in pod("show", "nope", *options, code=20).err) is coloured


@pytest.mark.parametrize("options", [["--color", "always"], ["-v"], ["-q"], ["--no-pager"]])
def test_options_change_nothing_about_json(pod: Cli, options: list[str]) -> None:
    assert pod("--json", "log", *options).out == pod("--json", "log").out


# --- names ------------------------------------------------------------------------------------------------------

ODD = os.fsdecode(b"payload/\xff\xfe \x1b[31m\n.txt")


def test_odd_names_pass_through_a_pipe_byte_by_byte(pod: Cli) -> None:
    pod.write(ODD, "odd\n")
    process = piped(pod.folder, "status")
    out, _ = process.communicate(timeout=PATIENCE)
    assert b"  new       " + os.fsencode(ODD) + b"\n" in out
    pod("commit", "-m", "Odd")
    assert ODD in pod("ls", "-r").out
    assert pod("cat", ODD).out == "odd\n" and pod("cat", f"HEAD:{ODD}").out == "odd\n"
    pod.write(ODD, "other\n")
    assert pod("diff", "--name-only").out == f"{ODD}\n"
    # A patch quotes names as Git does.
    assert 'diff --git "a/payload/\\377\\376 \\033[31m\\n.txt" ' in pod("diff").out
    pod("restore", ODD)
    assert pod.read(ODD) == "odd\n"


def test_odd_messages_and_logs_pass_through_a_pipe(pod: Cli) -> None:
    pod("commit", "--allow-empty", "-m", "red \x1b[31m text")
    assert "red \x1b[31m text" in pod("log").out
    pod.script("printf 'caf\\351 \\033[31m\\n'; cp payload/in.txt output/")
    assert "caf\udce9 \x1b[31m\n" in pod("run").out
    assert pod("logs").out == "caf\udce9 \x1b[31m\n"


# --- the process ------------------------------------------------------------------------------------------------


def test_the_module_is_the_program(cli: Cli) -> None:
    done = subprocess.run(argv("--version"), cwd=cli.folder, env=ENVIRONMENT, capture_output=True, check=True)
    assert done.stdout.startswith(b"sovr ")


def test_no_home_and_no_settings_are_needed(cli: Cli) -> None:
    environ = {"PATH": "/usr/bin:/bin"}
    for arguments in (["init", "--name", "x"], ["commit", "-m", "First"], ["log"]):
        done = subprocess.run(argv(*arguments), cwd=cli.folder, env=environ, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
    assert b"First" in done.stdout


def test_settings_of_the_user_are_read_from_their_place(pod: Cli) -> None:
    home = pod.folder.parent / "home"
    pod.write("../home/.config/sovr/config", "[user]\n\tname = Uma\n")
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(home)}
    done = subprocess.run(argv("config", "user.name"), cwd=pod.folder, env=environ, capture_output=True, check=False)
    assert done.stdout == b"Uma\n" or os.uname().sysname == "Darwin"


def test_nothing_is_written_beside_the_pod(pod: Cli) -> None:
    before = sorted(path for path in pod.folder.parent.rglob("*") if ".sovr" not in path.parts)
    for arguments in (["status"], ["log"], ["runs"], ["fsck"], ["ls"]):
        pod(*arguments)
    assert sorted(path for path in pod.folder.parent.rglob("*") if ".sovr" not in path.parts) == before
