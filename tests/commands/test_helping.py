"""`sovr help` and the man pages."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from command_lab import Cli, on_terminal

from sovrgit.commands.catalogue import names
from sovrgit.commands.manual import pages
from sovrgit.help.topics import TOPICS


@pytest.mark.parametrize("topic", TOPICS)
def test_topics_fit_the_screen(cli: Cli, topic: str) -> None:
    cli.set(COLUMNS="60")
    said = cli("help", topic)
    # What is to be typed stays whole.
    assert [line for line in said.lines if len(line) > 60 and not line.startswith("    ")] == []
    assert "<!--" not in said.out and "](" not in said.out and "\x1b" not in said.out and said.err == ""
    cli.set(COLUMNS="30")
    assert len(cli("help", topic).lines) > len(said.lines)


def test_a_topic_on_a_terminal(cli: Cli) -> None:
    shown, code = on_terminal(cli.folder, "help", "ignore", environ={"SOVR_PAGER": "sed 's/^/> /'"})
    assert code == 0 and all(line.startswith("> ") for line in shown.splitlines())
    assert "\x1b[1mIGNORED FILES\x1b[0m" in shown and "\x1b[36m.sovrignore\x1b[0m" in shown and "`" not in shown
    assert max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in shown.splitlines()) <= 82


def test_help_of_commands_and_of_all(cli: Cli) -> None:
    assert cli("help", "log").out == cli("log", "--help").out
    assert cli("help", "remote", "add").out == cli("remote", "add", "--help").out
    everything = cli("help").out
    assert everything.startswith(cli("--help").out) and "\nTopics:\n  revisions " in everything
    assert cli("-c", "alias.lg=log --graph", "help", "lg").out == "`lg` is an alias of `log --graph`\n"
    assert "Aliases:\n  lg  log --graph\n" in cli("-c", "alias.lg=log --graph", "help").out


def test_help_as_json(cli: Cli) -> None:
    assert cli.json("help", "ignore")["text"].startswith("# Ignored files\n")
    assert [topic["name"] for topic in cli.json("help")["topics"]] == list(TOPICS)
    assert cli.json("completion", "bash")["script"] == cli("completion", "bash").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["revision"], "no help about `revision`; did you mean `revisions`?"),
        (["checkout"], "no help about `checkout`; did you mean `switch`?"),
        (["remote", "bake"], "no help about `remote bake`; `sovr help remote` explains the command"),
        (["log", "log"], "no help about `log log`; `sovr help log` explains the command"),
        (["xyzzy"], "no help about `xyzzy`; `sovr help` lists all"),
        (["ignore", "--man", "x"], "`--man` writes all pages, and takes no name"),
    ],
)
def test_what_there_is_no_help_about(cli: Cli, words: list[str], message: str) -> None:
    assert cli("help", *words, code=2).err.splitlines()[0] == f"error: {message}"


# --- man pages --------------------------------------------------------------------------------------------------


def test_every_command_and_topic_has_its_page(cli: Cli) -> None:
    cli("help", "--man", "man")
    written = {path.relative_to(cli.folder / "man").as_posix() for path in (cli.folder / "man").rglob("*.*")}
    assert written == {
        "man1/sovr.1",
        *(f"man1/sovr-{name}.1" for name in names()),
        *(f"man7/sovr-{name}.7" for name in TOPICS),
    }
    cli.write("file", "")
    assert cli("help", "--man", "file", code=2).err.startswith("error: invalid value for `--man`")


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
def test_mandoc_understands_the_pages(tmp_path: Path) -> None:
    said = _checked(tmp_path, "mandoc", "-T", "lint", "-W", "warning")
    assert [line for line in said.splitlines() if "missing date" not in line] == []


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_groff_understands_the_pages(tmp_path: Path) -> None:
    assert _checked(tmp_path, "groff", "-man", "-ww", "-z") == ""


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_a_page_says_what_the_help_says() -> None:
    (page,) = (text for name, _, text in pages() if name == "sovr-remote")
    shown = subprocess.run(
        ["groff", "-man", "-Tascii", "-P-cbou"], input=page, capture_output=True, text=True, check=True, timeout=30
    ).stdout
    text = " ".join(shown.split())
    assert "sovr-remote - List, add and remove remotes" in text
    assert "sovr remote add [OPTIONS] NAME LOCATION" in text
    assert "LOCATION is a folder, a file:// address, fairos:POD or fairos+https://HOST/POD" in text
    assert "--private, --public Seal a FairOS pod, or not" in text


def _checked(folder: Path, *command: str) -> str:
    paths = []
    for name, section, text in pages():
        path = folder / f"{name}.{section}"
        path.write_text(text, encoding="ascii")
        paths.append(path)
    done = subprocess.run([*command, *map(str, paths)], capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr
