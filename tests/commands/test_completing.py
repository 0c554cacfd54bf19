"""Completion: what is offered where, and that real shells put it into the line as it should be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_lab import ENVIRONMENT, Cli, Terminal, argv

from sovrgit.ui.completionview import SHELLS

EVIL = "x$(touch${IFS}evil)`touch${IFS}evil`"
"""A branch's name, as a remote might have it, that must not become a command."""


def offered(cli: Cli, line: str, *, breaks: str = "") -> dict[str, str]:
    """The words for a command line, with their remarks."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("COMPLETE", "bash"), ("LINE", f"sovr {line}"), ("BREAKS", breaks)):
            patch.setenv(f"_SOVR_{name}", value)
        said = cli()
    assert said.err == ""
    fields = [answer.split("\t") for answer in said.lines]
    assert {kind for kind, _, _ in fields} <= {"plain", "path", "file", "dir"}
    return {word: remark for _, word, remark in fields}


@pytest.fixture
def grown(pod: Cli) -> Cli:
    """A pod with something of everything."""
    pod("run", "-q")
    pod("branch", "topic/one")
    pod("tag", "v1")
    pod.share()
    pod.write("payload/two words.txt", "")
    return pod


OFFERED: dict[str, list[str]] = {
    "swi": ["switch"],
    "--js": ["--json"],
    "-C payload rest": ["restore"],
    "--json comm": ["commit"],
    "switch ": ["main", "topic/one"],
    "tag -d ": ["v1"],
    "log m": ["main"],
    "log main..t": ["main..topic/one"],
    "log o": ["origin/main"],
    "push ": ["origin"],
    "push origin t": ["topic/one"],
    "remote remove ": ["origin"],
    "remote re": ["remove"],
    "restore pay": ["payload/"],
    "restore payload/": ["payload/in.txt", "payload/two words.txt"],
    "restore --from v": ["v1"],
    "restore 'payload/two w": ["payload/two words.txt"],
    "restore payload/two\\ w": ["payload/two words.txt"],
    "restore .s": [],
    "-C payload restore in": ["in.txt"],
    "ls HEAD:": ["HEAD:logs/", "HEAD:output/", "HEAD:payload/", "HEAD:recipe.json", "HEAD:script/"],
    "cat v1:payload/i": ["v1:payload/in.txt"],
    "cat nothing:p": [],
    "cat HEAD:nothing/": [],
    "diff H": ["HEAD"],
    "init --template di": ["digits"],
    "config user.": ["user.name", "user.email", "user.signing"],
    "-c gc.a": ["gc.auto="],
    "help exi": ["exit-codes"],
    "completion ": list(SHELLS),
    "clone ": [""],
    "nonsense ": [],
    "status --color a": ["always", "auto"],
    "commit --am": ["--amend"],
    "commit --qui": ["--quiet"],
}


def test_what_is_offered(grown: Cli) -> None:
    # One pod for all of them, since each line only looks at it.
    assert {line: list(offered(grown, line)) for line in OFFERED} == OFFERED


def test_runs_are_offered_with_what_they_were(grown: Cli) -> None:
    (run,) = grown.json("runs")["runs"]
    assert offered(grown, "logs ") == {run["id"][:10]: "Run of pod: sh script/run.sh"}
    assert run["id"][:10] in offered(grown, f"show {run['id'][:4]}")
    grown.script("exit 3")
    grown("run", "-q", code=60)
    assert "run that made no commit" in offered(grown, "rerun ").values()


def test_files_that_are_gone_can_be_restored(grown: Cli) -> None:
    (grown.folder / "payload/in.txt").unlink()
    assert "payload/in.txt" in offered(grown, "restore payload/")


def test_aliases_are_offered_and_followed(grown: Cli) -> None:
    grown.write("../settings", "[alias]\n\tsw = switch\n\tbad = bad\n")
    grown.set(SOVR_CONFIG=str(grown.folder.parent / "settings"))
    assert offered(grown, "sw") == {"switch": "Check out another branch", "sw": "alias of switch"}
    assert list(offered(grown, "sw t")) == ["topic/one"] and offered(grown, "bad x") == {}
    assert "config.x" not in offered(grown, "config ") and "alias.sw" in offered(grown, "config alias.")


def test_bash_keeps_what_is_before_a_colon(grown: Cli) -> None:
    assert list(offered(grown, "cat HEAD:pay", breaks=":=")) == ["payload/"]
    assert list(offered(grown, "cat HEAD:pay", breaks=" ")) == ["HEAD:payload/"]


def test_nothing_is_offered_that_cannot_be_typed(grown: Cli) -> None:
    for name in (b"payload/a\tb", b"payload/a\nb", b"payload/a\xff", b"payload/a\x1b[31m"):
        (grown.folder / os.fsdecode(name)).touch()
    assert offered(grown, "restore payload/a") == {}


def test_outside_of_a_pod_and_in_a_damaged_one(grown: Cli) -> None:
    cli = grown.at(grown.folder.parent)
    assert offered(cli, "switch ") == offered(cli, "cat HEAD:") == offered(cli, "restore x") == {}
    assert list(offered(cli, "sta")) == ["status"]
    grown.write(".sovr/refs", "nonsense")
    assert offered(grown, "switch ") == {}
    grown.write("../settings", "[nonsense\n")
    grown.set(SOVR_CONFIG=str(grown.folder.parent / "settings"))
    assert offered(grown, "sta") == {}


def test_completing_writes_nothing_and_runs_nothing(grown: Cli) -> None:
    def files() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in grown.folder.rglob("*") if path.is_file()}

    before = files()
    for line in ("run ", "logs ", "gc ", "undo ", "cat HEAD:payload/", "show ", "commit -m x "):
        offered(grown, line)
    assert files() == before


def test_completing_loads_little(pod: Cli) -> None:
    environ = {**ENVIRONMENT, "_SOVR_COMPLETE": "bash", "_SOVR_LINE": "sovr switch "}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *argv()[1:]], cwd=pod.folder, env=environ, capture_output=True, check=True
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.decode().splitlines()}
    commands = {name.removeprefix("sovrgit.commands.") for name in loaded if name.startswith("sovrgit.commands.")}
    assert done.stdout == b"plain\tmain\tbranch\n"
    assert commands <= {
        "main",
        "app",
        "making",
        "talking",
        "catalogue",
        "upkeep",
        "aliases",
        "completable",
        "completing",
        "candidates",
        "switch",
    }
    assert not loaded & {"httpx", "rich", "keyring", "cryptography", "msgspec", "asyncio", "sqlite3", "dulwich.config"}


# --- real shells ------------------------------------------------------------------------------------------------


@pytest.fixture
def programs(tmp_path: Path) -> str:
    """A `PATH` with `sovr`."""
    place = tmp_path / "bin"
    place.mkdir()
    (place / "sovr").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sovrgit "$@"\n')
    (place / "sovr").chmod(0o755)
    return f"{place}:{os.environ['PATH']}"


def needs(shell: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not installed")


@pytest.mark.parametrize(
    ("shell", "start"),
    [
        pytest.param(["bash", "--norc", "--noprofile", "-i"], "", marks=needs("bash")),
        pytest.param(["zsh", "-f", "-i"], "autoload -U compinit; compinit -D -u; ", marks=needs("zsh")),
    ],
)
def test_in_a_shell(grown: Cli, programs: str, shell: list[str], start: str) -> None:
    grown("branch", EVIL)
    grown("commit", "-q", "-m", "Two words")
    environ = {"PATH": programs, "TERM": "dumb", "HOME": str(grown.folder.parent), "SOVR_PAGER": "cat"}
    made = Terminal(grown.folder, shell, environ)
    try:
        made.type(f'{start}eval "$(sovr completion {shell[0]})"; PS1="READY"" "\n')
        made.expect("READY ")
        made.type("sovr swi\t")
        made.expect("sovr switch ")
        made.type("to\t")
        made.expect("topic/one ")
        # It was one word, with a space behind it.
        made.type("surplus\n")
        made.expect("error: give the name of a branch")
        made.type("sovr cat HEAD:pay\t")
        made.expect("HEAD:payload/")
        made.type("tw\t")
        made.expect("two\\ words.txt")
        made.type("&& echo got''it\n")
        made.expect("gotit")
        made.type('sovr ls -l "HEAD:payload/tw\t')
        made.expect('"HEAD:payload/two words.txt"')
        made.type("&& echo and''this\n")
        made.expect("andthis")
        made.type("sovr switch x\t")
        made.expect("evil")
        made.type("&& echo switched''now\n")
        made.expect("switchednow")
        made.type("exit\n")
        made.end()
    finally:
        made.close()
    assert not list(grown.folder.rglob("evil"))
    assert grown("branch").out.count(f"* {EVIL}") == 1


@needs("fish")
def test_in_fish(grown: Cli, programs: str) -> None:
    grown("branch", EVIL)
    grown("commit", "-q", "-m", "Two words")
    lines = [
        "sovr swi",
        "sovr switch to",
        "sovr cat HEAD:payload/tw",
        "sovr switch x",
        "sovr restore pay",
        "sovr clone rec",
    ]
    asked = "".join(f"complete -C '{line}';" for line in lines)
    done = subprocess.run(
        ["fish", "--no-config", "-c", f"sovr completion fish | source; {asked}"],
        cwd=grown.folder,
        env={**ENVIRONMENT, "PATH": programs, "HOME": str(grown.folder.parent)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.splitlines() == [
        "switch\tCheck out another branch",
        "topic/one\tbranch",
        "HEAD:payload/two words.txt",
        f"{EVIL}\tbranch",
        "payload/",
        "recipe.json",
    ]
