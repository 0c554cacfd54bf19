"""Aliases: short words for commands, which are the user's own."""

from __future__ import annotations

import pytest
from command_lab import Cli


@pytest.fixture
def aliased(pod: Cli) -> Cli:
    pod.write(
        "../settings", "[alias]\n\tl = log --oneline\n\tll = l -n1\n\tsay = \"commit --allow-empty -m 'two words'\"\n"
    )
    pod.set(SOVR_CONFIG=str(pod.folder.parent / "settings"))
    return pod


def test_an_alias_stands_for_a_command_and_its_options(aliased: Cli) -> None:
    aliased("say")
    assert len(aliased("l").lines) == 2 and aliased("l", "-n1").out == aliased("ll").out
    assert aliased("ll").out.endswith("two words\n")
    document = aliased("--json", "ll").out
    assert '"command": "log"' in document and aliased("ll", "--json").out == document


def test_an_alias_for_one_command_line(pod: Cli) -> None:
    assert pod("-c", "alias.where=branch -v", "where").out == pod("branch").out


def test_aliases_are_shown_and_proposed(aliased: Cli) -> None:
    assert "\nAliases:\n  l " in aliased("--help").out
    aliased("config", "--user", "alias.story", "log --graph")
    assert aliased("stroy", code=2).err.startswith("error: no such command: `stroy`; did you mean `story`?")


def test_no_alias_hides_a_command(pod: Cli) -> None:
    pod.write("../settings", "[alias]\n\tstatus = gc\n")
    pod.set(SOVR_CONFIG=str(pod.folder.parent / "settings"))
    assert pod("status").out.endswith("clean\n") and "Aliases:" not in pod("--help").out


def test_a_pod_has_no_aliases(pod: Cli) -> None:
    pod.write(".sovr/config", "[alias]\n\tx = log\n")
    assert pod("x", code=2).err.startswith("error: no such command: `x`") and "Aliases:" not in pod("--help").out


@pytest.mark.parametrize(
    ("value", "code", "message"),
    [
        ("x", 2, "the alias `x` has no end: x → x"),
        ("y -v", 2, "the alias `x` has no end: x → y → x"),
        ("nothing", 2, "the alias `x` stands for `nothing`, which is no command"),
        ("!sh", 13, "`alias.x` would run another program; an alias stands for a command of `sovr`"),
        ("log 'x", 13, "`alias.x` has a quote without its other half"),
    ],
)
def test_aliases_that_make_no_sense(pod: Cli, value: str, code: int, message: str) -> None:
    settings = pod.write("../settings", f'[alias]\n\tx = "{value}"\n\ty = x\n')
    pod.set(SOVR_CONFIG=str(settings))
    said = pod("x", code=code)
    assert said.out == "" and said.err.splitlines()[0] in (f"error: {message}", f"error: {settings}: {message}")


def test_settings_that_cannot_be_read(pod: Cli) -> None:
    pod.write("../settings", "[nonsense\n")
    pod.set(SOVR_CONFIG=str(pod.folder.parent / "settings"))
    assert pod("whatever", code=13).err.startswith("error: ")
    assert "Usage: sovr" in pod("--help").out


def test_a_long_chain_ends(pod: Cli) -> None:
    lines = "".join(f"\ta{number} = a{number + 1}\n" for number in range(50))
    pod.write("../settings", f"[alias]\n{lines}")
    pod.set(SOVR_CONFIG=str(pod.folder.parent / "settings"))
    assert pod("a0", code=2).err.startswith("error: the alias `a0` has no end: a0 → a1 → ")
