"""What holds for every command: usage, help, errors and their exit codes, in text and JSON."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from command_lab import Cli, checked

from sovrgit.commands.catalogue import ALIASES, COMMANDS, names
from sovrgit.commands.main import BUG, run

ARGUMENTS = {
    "blame": ["recipe.json"],
    "bundle": ["create", "../x"],
    "cat": ["recipe.json"],
    "commit": ["-m", "x"],
    "export": ["--as", "prov", "--output", "x"],
    "lineage": ["output/x"],
    "rerun": ["HEAD"],
    "restore": ["x"],
    "runs": [],
    "switch": ["main"],
    "merge": ["main"],
    "cherry-pick": ["main"],
    "revert": ["main"],
    "resolve": ["x", "--done"],
    "get": ["x"],
    "drop": ["x"],
}
"""What makes sense to give to a command, where it needs something."""

NEED_NO_POD = {
    *("init", "clone", "fork", "demo", "devnet", "login", "logout", "whoami"),
    *("pods", "import", "search", "registry", "persist-self", "doctor", "config", "help", "completion", "git", "key"),
}


@pytest.mark.parametrize("name", sorted(set(names()) - NEED_NO_POD))
def test_outside_of_a_pod(cli: Cli, name: str) -> None:
    said = cli(name, *ARGUMENTS.get(name, []), code=10)
    assert said.out == ""
    assert said.err == (
        f"error: `{cli.folder}` is not in a pod\n"
        "hint: run `sovr init` to make a pod here, or `sovr -C FOLDER …` to work on one elsewhere\n"
    )
    failure = cli.failure(name, *ARGUMENTS.get(name, []), code=10)
    assert failure["code"] == "NotAPod" and failure["fields"] == {"path": str(cli.folder)}


@pytest.mark.parametrize("name", names())
def test_an_unknown_option(cli: Cli, name: str) -> None:
    said = cli(name, "--no-such-thing", code=2)
    assert said.out == ""
    first, hint = said.err.splitlines()
    assert first.startswith("error: no such option: `--no-such-thing`")
    assert hint == f"hint: run `sovr {name} --help`"
    assert cli.failure(name, "--no-such-thing", code=2)["code"] == "Usage"


@pytest.mark.parametrize(
    "name",
    sorted(set(names()) - {"commit", "diff", "drop", "get", "log", "restore", "push", "resolve", "run", "search"}),
)
def test_too_many_arguments(pod: Cli, name: str) -> None:
    said = pod(name, *["surplus"] * 9, code=2)
    assert said.out == "" and said.err.startswith("error: ")
    assert said.err.splitlines()[1].startswith("hint: run `sovr ")


@pytest.mark.parametrize("name", names())
def test_help(cli: Cli, name: str) -> None:
    said = cli(name, "--help")
    assert said.out.startswith(f"Usage: sovr {name}") and said.err == ""
    assert cli(name, "-h").out == said.out


def test_help_of_all(cli: Cli) -> None:
    said = cli("--help")
    for topic, commands in COMMANDS.items():
        assert f"\n{topic}:\n" in said.out
        for name, text in commands.items():
            assert f"  {name}" in said.out and text[:40] in said.out
    assert max(map(len, said.lines)) <= 80
    nothing = cli(code=2)
    assert nothing.out == "" and nothing.err.strip() == said.out.strip()


def test_version(cli: Cli) -> None:
    from sovrgit import __version__

    assert cli("--version").out == f"sovr {__version__}\n"


@pytest.mark.parametrize(("typed", "meant"), [("comit", "commit"), ("stats", "status"), *ALIASES.items()])
def test_a_command_that_was_probably_meant(cli: Cli, typed: str, meant: str) -> None:
    said = cli(typed, code=2)
    assert said.err == f"error: no such command: `{typed}`; did you mean `{meant}`?\nhint: run `sovr --help`\n"


def test_a_command_like_no_other(cli: Cli) -> None:
    assert "`sovr --help` lists the commands" in cli("xyzzy", code=2).err
    assert cli.failure("xyzzy", code=2)["message"].startswith("no such command: `xyzzy`")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["clone"], "missing argument `REFERENCE`"),
        (["commit", "-m"], "option `-m` requires an argument"),
        (["log", "-n", "0"], "invalid value for `-n` / `--number`: 0 is not in the range x>=1"),
        (["log", "-n", "x"], "invalid value for `-n` / `--number`: `x` is not a valid integer range"),
        (["status", "--color", "pink"], "invalid value for `--color`: `pink` is not one of `always`, `never`, `auto`"),
        (["status", "--verbos"], "no such option: `--verbos`; did you mean `--verbose` or `--yes`?"),
        (["-C", "nowhere", "status"], "-C: `nowhere` is not a folder"),
        (["run", "-p", "size"], "a parameter is written NAME=VALUE, not `size`"),
        (["run", "-p", "=3"], "a parameter is written NAME=VALUE, not `=3`"),
        (["commit", "-m", "  "], "the message is empty, so nothing was committed"),
        (["config", "--unset"], "`--unset` takes the name of a setting and no value"),
        (["restore", "/etc/passwd"], None),
        (["remote", "ad"], None),
        (["remote", "add", "x"], "missing argument `LOCATION`"),
    ],
)
def test_usage_errors_are_in_our_style(pod: Cli, arguments: list[str], message: str | None) -> None:
    said = pod(*arguments, code=2)
    error, hint = said.err.splitlines()
    assert message is None or error == f"error: {message}"
    assert error[len("error: ")].islower() or error[len("error: ")] in "`-"
    assert "'" not in error and not error.endswith(".") and hint.startswith("hint: run `sovr")
    assert said.out == ""


# --- where a command works ----------------------------------------------------------------------------------------


def test_a_folder_inside_a_pod_will_do(pod: Cli) -> None:
    assert pod.at(pod.folder / "payload")("status").out.endswith("clean\n")


def test_folders_can_be_given_one_after_the_other(pod: Cli) -> None:
    above = pod.at(pod.folder.parent)
    assert above("-C", "pod", "-C", "payload", "status").out.endswith("clean\n")
    assert above("-C", str(pod.folder), "-C", ".", "status").out.endswith("clean\n")
    assert above("-C", "pod", "-C", "pod", "status", code=2).err.startswith("error: -C: `pod` is not a folder")


def test_paths_are_those_of_the_folder(pod: Cli) -> None:
    pod.write("payload/in.txt", "two\n")
    below = pod.at(pod.folder / "payload")
    assert below("diff", "--name-only", "in.txt").out == "payload/in.txt\n"
    assert below("cat", "in.txt").out == "one\n"
    assert pod.at(pod.folder.parent)("-C", "pod/payload", "restore", "in.txt").out == "restored 1 path from HEAD\n"


def test_a_folder_that_was_removed_is_not_in_a_pod(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = cli.folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    monkeypatch.setenv("PWD", str(gone))
    shutil.rmtree(gone)
    assert run(["status"]) == 10


def test_options_of_all_commands_stand_before_or_after_them(pod: Cli) -> None:
    before, after = pod("--json", "status").out, pod("status", "--json").out
    assert before == after and checked("status", after)["clean"]
    assert pod("-q", "status").out == pod("status", "-q").out == ""


# --- when things go wrong -----------------------------------------------------------------------------------------


def test_a_mistake_in_the_program_is_told_as_one(
    pod: Cli, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    def fail(_: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("sovrgit.commands.status.status", fail)
    monkeypatch.chdir(pod.folder)
    with pytest.raises(SystemExit) as ended:
        run(["status"])
    assert ended.value.code == BUG != 1
    err = capsysbinary.readouterr().err.decode()
    assert "Traceback" in err and err.splitlines()[-2:] == [
        "error: this is a bug in sovr: ZeroDivisionError: oops",
        "hint: please report it, with the lines above",
    ]
    with pytest.raises(SystemExit):
        run(["--json", "status"])
    last = capsysbinary.readouterr().err.decode().splitlines()[-1]
    assert checked("error", last)["error"]["code"] == "Bug"


def test_an_interruption(pod: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sovrgit.commands.status.status", interrupt)
    assert pod("status", code=130).err.strip() == "error: interrupted"
    assert pod.failure("status", code=130)["code"] == "Interrupted"


def test_what_the_operating_system_reports(pod: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise OSError(28, "No space left on device", "/somewhere")

    monkeypatch.setattr("sovrgit.commands.status.status", fail)
    assert pod("status", code=41).err.startswith("error: no space left at `/somewhere`\n")


def test_causes_are_told(pod: Cli) -> None:
    recipe = pod.folder / "recipe.json"
    recipe.unlink()
    os.mkdir(recipe)
    said = pod("run", code=43)
    assert said.err.startswith(f"error: `{recipe}`: is a directory\ncause: [Errno 21] Is a directory")
    assert pod.failure("run", code=43)["causes"]


def test_a_negative_answer_is_no_error(pod: Cli) -> None:
    said = pod("commit", "-m", "again", code=1)
    assert (said.out, said.err) == ("", "nothing to commit, the working tree is clean\n")
    assert pod("-q", "commit", "-m", "again", code=1).err == ""
    assert pod.failure("commit", "-m", "again", code=1)["code"] == "NothingToCommit"


def test_the_date_can_be_set_and_must_be_one(pod: Cli, tmp_path: Path) -> None:
    pod.set(SOVR_DATE="1700000000")
    pod("commit", "--allow-empty", "-m", "then")
    assert pod.json("log")["commits"][0]["author"]["time"] == 1700000000
    pod.set(SOVR_DATE="yesterday")
    assert pod("commit", "--allow-empty", "-m", "x", code=2).err.startswith("error: SOVR_DATE: `yesterday` is not")
