"""`sovr config`, and settings for one command."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_lab import Cli


@pytest.fixture
def file(pod: Cli) -> Path:
    """The user's settings."""
    path = pod.folder.parent / "settings"
    pod.set(SOVR_CONFIG=str(path))
    return path


def test_every_place_is_shown(pod: Cli, file: Path) -> None:
    pod("config", "--user", "core.pager", "less")
    pod("config", "gc.auto", "off")
    own = pod.write(".sovr/config", (pod.folder / ".sovr/config").read_text() + "[core]\n\teditor = evil\n")

    assert pod("-c", "user.email=x@y", "config", "--show-origin").lines == [
        f"* user         core.pager=less  {file}",
        f"* pod          gc.auto=off  {own}",
        f"  pod          core.editor=evil  {own}  (ignored here, because it names a program to run)",
        "* environment  user.name=Ann  SOVR_AUTHOR_NAME",
        "  environment  user.email=ann@example.org  SOVR_AUTHOR_EMAIL",
        "* command      user.email=x@y  -c",
    ]
    assert pod("-c", "user.email=x@y", "config", "--list").lines == ["core.pager=less", "gc.auto=off", "user.email=x@y"]
    assert pod("config", "--pod").lines == ["gc.auto=off"] and pod("config", "--user").lines == ["core.pager=less"]
    said = pod("config", "core.editor", code=1)
    assert said.out == "" and said.err.startswith("warning: `core.editor` in `") and "sovr config --user" in said.err


def test_settings_outside_of_a_pod(cli: Cli) -> None:
    cli.write("settings", "[user]\n\tname = Uma\n")
    cli.set(SOVR_CONFIG=str(cli.folder / "settings"))
    assert cli("config", "user.name").out == "Uma\n" and cli("config").out == "user.name=Uma\n"
    assert cli("config", "--pod", code=10).out == cli("config", "user.name", "Ben", code=10).out == ""
    assert cli("config", "nodot", code=13).err.startswith("error: nodot: a setting is written")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["core.pager", "evil"], 13, "core.pager: it names a program to run, so a pod's own settings cannot set it"),
        (["alias.x", "log"], 13, "alias.x: it names a program to run, so a pod's own settings cannot set it"),
        (["gc.auto", "2"], 13, "gc.auto: what was given is neither `true` nor `false`"),
        (["--user", "alias.log", "status"], 13, "alias.log: `log` is a command, which no alias can hide"),
        (["--user", "--pod"], 2, "`--user` and `--pod` exclude each other"),
        (["--list", "user.name"], 2, "`--list` takes no name"),
        (["--show-origin", "user.name", "x"], 2, "`--show-origin` goes with reading"),
    ],
)
def test_what_is_refused(pod: Cli, file: Path, arguments: list[str], code: int, message: str) -> None:
    own = pod.write(".sovr/config", "")
    said = pod("config", *arguments, code=code)
    assert said.out == "" and said.err.splitlines()[0] == f"error: {message}"
    assert not file.exists() and own.read_text() == ""


def test_no_file_of_the_user(pod: Cli) -> None:
    said = pod("config", "--user", "user.name", "Uma", code=13)
    assert said.err.startswith("error: SOVR_CONFIG: is empty, so the user has no file of settings\n")
    assert Path("/dev/null").is_char_device()


def test_unknown_settings_are_kept_with_a_warning(pod: Cli) -> None:
    said = pod("config", "usr.name", "Ben")
    assert said.err == "warning: `usr.name` means nothing to sovr; did you mean `user.name`?\n"
    assert pod("config", "usr.name").out == "Ben\n"
    assert "`sovr help configuration` lists" in pod("-c", "my.own=1", "config", "my.own").err


@pytest.mark.parametrize("given", ["user.name", "=x", "name=x", ".=x", "gc.auto=maybe", "alias.x=!sh"])
def test_settings_for_one_command_that_make_no_sense(pod: Cli, given: str) -> None:
    said = pod("-c", given, "status", code=2)
    assert said.out == "" and said.err.startswith("error: -c: ")


def test_a_setting_for_one_command(pod: Cli) -> None:
    pod("-c", "user.name=Zoe", "commit", "--allow-empty", "-m", "x")
    assert pod("log", "-n1").out.splitlines()[1] == "Author: Zoe <ann@example.org>"
    pod("commit", "--allow-empty", "-m", "y")
    assert pod("log", "-n1").out.splitlines()[1] == "Author: Ann <ann@example.org>"


def test_a_wrong_setting_does_not_undo_what_was_done(pod: Cli) -> None:
    pod.write(".sovr/config", "[gc]\n\tauto = maybe\n")
    said = pod("commit", "--allow-empty", "-m", "x")
    assert said.err.startswith("warning: not tidied up: ")
