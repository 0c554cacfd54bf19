"""What is different on a terminal: questions, pager, progress, colours, Ctrl-C, harmless text."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from pathlib import Path

import pytest
from command_lab import Cli, Terminal, on_terminal, terminal
from test_streams import ODD, many_commits

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def is_harmless(text: str) -> bool:
    """Whether there is no control character but line ends, tabs, and our own colours."""
    rest = COLOUR.sub("", text)
    return not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\udc80-\udcff]", rest)


# --- colours and the pager ------------------------------------------------------------------------------------------


def test_colours(pod: Cli) -> None:
    assert COLOUR.search(on_terminal(pod.folder, "--no-pager", "log")[0])
    for environ in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert not COLOUR.search(on_terminal(pod.folder, "--no-pager", "log", environ=environ)[0])
    assert COLOUR.search(on_terminal(pod.folder, "--no-pager", "log", environ={"NO_COLOR": "", "TERM": "xterm"})[0])


@pytest.fixture
def pager(tmp_path: Path) -> str:
    """A pager that puts a mark before every line."""
    script = tmp_path / "my pager"
    script.write_text("#!/bin/sh\nexec sed 's/^/> /'\n")
    script.chmod(0o755)
    return f"'{script}'"


def test_long_output_goes_through_the_pager(pod: Cli, pager: str) -> None:
    for arguments in (["log"], ["show"], ["ls"], ["runs"]):
        shown, code = on_terminal(pod.folder, *arguments, environ={"SOVR_PAGER": pager})
        assert code == 0
        assert all(line.startswith("> ") for line in shown.splitlines() if "no runs" not in line and "hint" not in line)


@pytest.mark.parametrize("environ", [{"SOVR_PAGER": "cat"}, {"SOVR_PAGER": ""}, {"SOVR_PAGER": "/no/such/pager"}])
def test_no_pager(pod: Cli, environ: dict[str, str], pager: str) -> None:
    shown, code = on_terminal(pod.folder, "log", environ={"PAGER": pager, **environ})
    assert code == 0 and "First version" in shown and "> " not in shown.replace("HEAD -> ", "")


def test_which_pager(pod: Cli, pager: str) -> None:
    marked = "> \x1b[33mcommit"
    assert marked in on_terminal(pod.folder, "log", environ={"PAGER": pager})[0]
    assert marked not in on_terminal(pod.folder, "log", environ={"PAGER": pager, "SOVR_PAGER": "cat"})[0]
    assert marked not in on_terminal(pod.folder, "log", "--no-pager", environ={"PAGER": pager})[0]
    assert marked not in on_terminal(pod.folder, "--json", "log", environ={"PAGER": pager})[0]
    settings = str(pod.write("../settings", ""))
    pod.set(SOVR_CONFIG=settings)
    pod("config", "--user", "core.pager", pager)
    assert marked in on_terminal(pod.folder, "log", environ={"PAGER": "cat", "SOVR_CONFIG": settings})[0]
    assert marked in on_terminal(pod.folder, "-c", f"core.pager={pager}", "log", environ={"SOVR_PAGER": "cat"})[0]


def test_a_plain_less_is_told_to_keep_colours(pod: Cli) -> None:
    script = pod.write("../tell", '#!/bin/sh\ncat >&2; echo "LESS=$LESS"\n')
    script.chmod(0o755)
    assert "LESS=FRX" in on_terminal(pod.folder, "log", environ={"PAGER": str(script)})[0]
    assert "LESS=M" in on_terminal(pod.folder, "log", environ={"PAGER": str(script), "LESS": "M"})[0]


def test_a_pipe_has_no_pager(pod: Cli, pager: str) -> None:
    pod.set(SOVR_PAGER=pager)
    assert pod("log").out.startswith("commit ")


def test_leaving_the_pager_early_is_no_error(pod: Cli, tmp_path: Path) -> None:
    many_commits(pod.folder, 3000)
    shown, code = on_terminal(pod.folder, "log", environ={"SOVR_PAGER": "head -n 1"})
    assert code == 0 and len(shown.splitlines()) == 1


def test_an_error_shows_after_the_pager(pod: Cli, pager: str) -> None:
    shown, code = on_terminal(pod.folder, "show", "nope", environ={"SOVR_PAGER": pager, "NO_COLOR": "1"})
    assert code == 20 and shown.startswith("error: no such revision")


# --- progress ---------------------------------------------------------------------------------------------------

EAGER = """
from sovrgit.commands import main
from sovrgit.ui import progressbar
progressbar._FIRST_AFTER = progressbar._EVERY = 0.0
main()
"""


def test_progress_is_drawn_and_wiped(pod: Cli) -> None:
    pod.share()
    pod.write("payload/big.bin", os.urandom(3 << 20))
    pod("commit", "-m", "Big")
    pod.write("../eager.py", EAGER)

    def shown(**environ: str) -> str:
        pod.write("payload/big.bin", os.urandom(3 << 20))
        pod("commit", "-m", "Bigger")
        made = Terminal(pod.folder, [sys.executable, "../eager.py", "push"], environ)
        try:
            return made.end()[0]
        finally:
            made.close()

    text = shown()
    assert "\r\x1b[2K" in text and "%" in text
    # The last thing on the line is that it is wiped.
    assert text.rindex("\x1b[2K") > text.rindex("%")
    assert "\x1b[2K" not in shown(SOVR_NO_PROGRESS="1") + shown(TERM="dumb")


def test_no_progress_into_a_pipe(pod: Cli) -> None:
    pod.write("payload/big.bin", os.urandom(3 << 20))
    pod("commit", "-m", "Big")
    pod("remote", "add", "origin", "../shared")
    assert "\r" not in pod("push").err


# --- Ctrl-C -----------------------------------------------------------------------------------------------------


def test_the_first_interrupt_ends_a_run_politely(pod: Cli) -> None:
    pod("run")
    pod.script("trap 'echo saving; exit 7' INT; echo new > output/out.txt; echo ready; while :; do sleep 0.05; done")
    with terminal(pod.folder, "run", environ={"NO_COLOR": "1"}) as shell:
        shell.expect("ready")
        shell.signal(signal.SIGINT)
        shown, code = shell.end()
    assert code == 130
    assert "ending the run; once more ends it at once\nsaving\n" in shown
    assert shown.splitlines()[-2] == "error: the run was cancelled"
    run = pod.json("runs")["runs"][0]
    assert (run["status"], run["exit_code"]) == ("cancelled", 7)
    assert pod.read("output/out.txt") == "one\n"


def test_the_second_interrupt_ends_it_at_once(pod: Cli) -> None:
    pod.script("trap 'echo not yet' INT TERM; echo ready; while :; do sleep 0.05; done")
    with terminal(pod.folder, "run", environ={"NO_COLOR": "1"}) as shell:
        shell.expect("ready")
        shell.signal(signal.SIGINT)
        shell.expect("not yet")
        shell.signal(signal.SIGINT)
        _, code = shell.end()
    assert code == 130
    run = pod.json("runs")["runs"][0]
    assert (run["status"], run["signal"]) == ("cancelled", 9)


def test_a_request_to_terminate_ends_a_run_too(pod: Cli) -> None:
    pod.script("echo ready; exec sleep 3600")
    with terminal(pod.folder, "run") as shell:
        shell.expect("ready")
        shell.signal(signal.SIGTERM)
        assert shell.end()[1] == 130
    assert pod.json("runs")["runs"][0]["status"] == "cancelled"


def test_an_interrupted_check_records_nothing(pod: Cli) -> None:
    flag = pod.folder.parent / "slow"
    pod.script(f'cp payload/in.txt output/; test -e "{flag}" && echo ready && exec sleep 3600; true')
    pod("run")
    flag.touch()
    with terminal(pod.folder, "verify") as shell:
        shell.expect("ready")
        shell.signal(signal.SIGINT)
        assert shell.end()[1] == 130
    assert pod.json("runs")["runs"][-1]["verdict"] is None


# --- questions --------------------------------------------------------------------------------------------------


@pytest.fixture
def copy(pod: Cli) -> Cli:
    """A clone of a pod."""
    pod.share()
    pod.at(pod.folder.parent)("clone", "-q", "shared", "copy")
    return pod.at(pod.folder.parent / "copy")


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("\n", 64), ("n\n", 64), ("\x04", 130)])
def test_the_question_before_scripts_of_others(copy: Cli, answer: str, code: int) -> None:
    with terminal(copy.folder, "run") as shell:
        shell.expect("Run it? [y/N]: ")
        shell.type(answer)
        assert shell.end()[1] == code
    assert (copy.folder / "output" / "out.txt").exists() is (code == 0)


def test_an_interrupt_at_the_question_means_no(copy: Cli) -> None:
    with terminal(copy.folder, "run", environ={"NO_COLOR": "1"}) as shell:
        shell.expect("Run it? [y/N]: ")
        shell.wait_for_sleep()
        shell.signal(signal.SIGINT)
        shown, code = shell.end()
    assert code == 130 and shown.endswith("\nerror: interrupted\n")
    assert copy.json("runs")["runs"] == []


def test_nobody_is_asked_who_does_not_want_to_be(copy: Cli) -> None:
    assert on_terminal(copy.folder, "run", environ={"SOVR_NO_INPUT": "1"})[1] == 64
    assert on_terminal(copy.folder, "--json", "run")[1] == 64
    assert on_terminal(copy.folder, "run", "--yes")[1] == 0


def test_the_questions_of_init(cli: Cli) -> None:
    cli.write("other.txt", "")
    with terminal(cli.folder, "init") as shell:
        for question, answer in (
            ("Is it a pod or a task?", ""),
            ("Name: ", "a/b"),
            ("cannot be the name of a folder", "my pod"),
            ("Description", "what it does"),
            ("Author [Ann]", ""),
            ("Version [1.0]", "2"),
            ("share it with everybody", "y"),
            ("Command that runs it", "sh script/go.sh"),
            ("payload from other pods", "y"),
            ("Reference of payload 1", "some-ref"),
            ("Path of the data", "/output/x"),
            ("Reference of payload 2", ""),
        ):
            shell.expect(question)
            shell.type(f"{answer}\n")
        shown, code = shell.end()
    assert code == 0 and "hint: `cd 'my pod'`, write `script/go.sh`, then " in COLOUR.sub("", shown)
    assert json.loads(cli.read("my pod/recipe.json")) == {
        "name": "my pod",
        "description": "what it does",
        "author": "Ann",
        "version": "2",
        "public": True,
        "golem": {
            "exec": "sh script/go.sh",
            "payload": [{"ref": "some-ref", "data": "/output/x"}],
            "output": "output",
            "logs": "logs",
        },
    }


def test_the_questions_of_init_for_a_task(cli: Cli) -> None:
    with terminal(cli.folder, "init") as shell:
        for question, answer in (
            ("Is it a pod or a task?", "task"),
            ("Name [work]", ""),
            ("Description", ""),
            ("Author", ""),
            ("Version", ""),
            ("share it", ""),
            ("Reference of pod 1", "one"),
            ("Reference of pod 2", "two"),
            ("Reference of pod 3", ""),
        ):
            shell.expect(question)
            shell.type(f"{answer}\n")
        assert shell.end()[1] == 0
    assert json.loads(cli.read("recipe.json"))["pods"] == ["one", "two"]


def test_init_that_is_interrupted_makes_nothing(cli: Cli) -> None:
    with terminal(cli.folder, "init", "new") as shell:
        shell.expect("Is it a pod or a task?")
        shell.type("\n")
        shell.expect("Name [new]: ")
        shell.wait_for_sleep()
        shell.signal(signal.SIGINT)
        assert shell.end()[1] == 130
    assert os.listdir(cli.folder) == []


def test_the_editor_for_a_message(pod: Cli, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho "Written in the editor" > "$1"\necho "# a comment" >> "$1"\n')
    editor.chmod(0o755)
    pod.write("a.txt", "")
    with terminal(pod.folder, "commit", environ={"SOVR_EDITOR": str(editor), "EDITOR": "false"}) as shell:
        assert shell.end()[1] == 0
    assert pod("log", "-n1").out.endswith("    Written in the editor\n")
    pod.write("b.txt", "")
    with terminal(pod.folder, "commit", environ={"EDITOR": "true", "NO_COLOR": "1"}) as shell:
        shown, code = shell.end()
    assert code == 2 and "error: the message is empty, so nothing was committed" in shown


# --- harmless text ------------------------------------------------------------------------------------------------


def test_names_and_messages_from_a_pod_are_made_harmless(pod: Cli) -> None:
    pod.write(ODD, "text \x1b]0;title\x07 \x9b31m\n")
    name = "payload/<FF><FE> ^[[31m^J.txt"
    assert name in on_terminal(pod.folder, "status")[0]
    pod("commit", "-m", "red \x1b[31m\x07 text\n\n\x1b]0;more\x07")
    pod.write("recipe.json", '{"name": "\\u001b[31m", "golem": {"exec": "sh script/run.sh \\u001b[32m"}}')
    pod.set(SOVR_AUTHOR_NAME="Eve\x1b[31m")
    pod("run")
    run = pod("runs", "-q").out.strip()
    for arguments in (
        ["status"],
        ["log"],
        ["log", "--oneline"],
        ["show"],
        ["show", "HEAD~1"],
        ["show", "HEAD~1", "--stat"],
        ["show", run],
        ["show", "HEAD:payload"],
        ["ls", "-r"],
        ["ls", "-l", ":payload"],
        ["cat", ODD],
        ["runs"],
        ["diff", "HEAD~1", "HEAD"],
        ["diff", "--name-only", "HEAD~2", "HEAD"],
        ["diff", "--stat", "HEAD~2", "HEAD"],
        ["verify"],
        ["run"],
        ["restore", "-v", "."],
        ["show", "nope\x1b[31m"],
        ["lineage"],
    ):
        shown, _ = on_terminal(pod.folder, *arguments, environ={"SOVR_PAGER": "cat"})
        assert is_harmless(shown), (arguments, shown)


def test_a_file_on_a_terminal_keeps_its_lines(pod: Cli) -> None:
    pod.write("text.txt", "one\n\ttwo é\nthree \x1b[31m\n")
    pod("commit", "-m", "Text")
    shown, _ = on_terminal(pod.folder, "cat", "text.txt")
    assert shown == "one\n\ttwo é\nthree ^[[31m\n"


def test_what_a_command_prints_is_made_harmless(pod: Cli) -> None:
    pod.script(
        "printf 'out \\033]0;title\\007 caf\\303'; printf '\\251\\n'; printf 'err \\033[2J\\n' >&2\n"
        "printf '10%%\\r20%%\\n'; cp payload/in.txt output/"
    )
    shown, code = on_terminal(pod.folder, "run", environ={"NO_COLOR": "1"})
    assert code == 0 and "out ^[]0;title^G café\n" in shown and "err ^[[2J\n" in shown
    # A carriage return only draws over its own line.
    assert "10%\r20%\n" in shown and is_harmless(shown.replace("\r", ""))
    shown, _ = on_terminal(pod.folder, "logs", environ={"NO_COLOR": "1", "SOVR_PAGER": "cat"})
    assert "out ^[]0;title^G café\n" in shown and "10%^M20%\n" in shown


def test_a_question_about_a_hostile_pod_is_harmless(pod: Cli) -> None:
    pod.write("recipe.json", '{"name": "x", "golem": {"exec": "sh script/run.sh \\u001b[2J"}}')
    pod.set(SOVR_AUTHOR_NAME="Eve\x1b[2J")
    pod("commit", "-m", "Trap")
    pod.share()
    pod.at(pod.folder.parent)("clone", "-q", "shared", "copy")
    with terminal(pod.folder.parent / "copy", "run") as shell:
        shell.expect("Run it? [y/N]: ")
        shell.type("n\n")
        shown, code = shell.end()
    assert code == 64 and is_harmless(shown) and "^[[2J" in shown
    # The question is on standard error, which is a terminal even if the rest goes elsewhere.
    with terminal(pod.folder.parent / "copy", "-q", "run", environ={"SOVR_NO_INPUT": "1"}) as shell:
        assert is_harmless(shell.end()[0])
