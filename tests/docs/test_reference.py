"""The generated reference leaves nothing out."""

from __future__ import annotations

import sys
from pathlib import Path

import click

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs" / "_ext"))

import sovr_reference  # noqa: E402 - found by the line above

from sovrgit.commands.catalogue import names  # noqa: E402
from sovrgit.env import VARIABLES  # noqa: E402
from sovrgit.help.topics import TOPICS  # noqa: E402
from sovrgit.pod.secretscan.looking import ALL_RULES  # noqa: E402
from sovrgit.settings import SETTINGS  # noqa: E402


def test_every_command_and_option_is_described() -> None:
    page = sovr_reference.commands()

    for name in names():
        command = sovr_reference.load_command(name)
        assert f"### `sovr {name}`" in page
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                assert parameter.help, f"`{parameter.opts[-1]}` of `sovr {name}` has no help"
                assert parameter.opts[-1] in page


def test_every_failure_is_described() -> None:
    page = sovr_reference.exit_codes()

    for error in sovr_reference.failures():
        assert error.__doc__, f"{error.__name__} has no docstring"
        assert f"| {error.exit_code} | `{error.__name__}` |" in page


def test_every_variable_is_described() -> None:
    page = sovr_reference.topic("environment")

    assert all(f"| `{variable.name}` |" in page for variable in VARIABLES)


def test_every_setting_is_described() -> None:
    page = sovr_reference.topic("configuration")

    assert all(f"| `{setting.name}` |" in page and setting.purpose in page for setting in SETTINGS)


def test_every_topic_is_a_page() -> None:
    pages = [path.read_text() for path in (ROOT / "docs").rglob("*.md")]

    for name in TOPICS:
        mark = f"<!-- generated: topic_{name.replace('-', '_')} -->"
        assert sum(mark in page for page in pages) == 1, name


def test_every_key_of_the_recipe_is_described() -> None:
    page = sovr_reference.recipe()

    for key in ("name", "golem", "pods", "exec", "output", "timeout", "resources.memory_gib", "needs", "data"):
        assert f"`{key}`" in page


def test_every_rule_for_secrets_is_described() -> None:
    page = sovr_reference.secret_tokens() + sovr_reference.secret_files()

    assert len({rule.name for rule in ALL_RULES}) == len(ALL_RULES)
    for rule in ALL_RULES:
        assert f"| `{rule.name}` |" in page and rule.what in page and rule.where in page
        assert rule.what.startswith(("a ", "an ", "the ", "access ", "settings "))


def test_every_mark_in_the_pages_has_its_generator() -> None:
    pages = [path for path in (ROOT / "docs").rglob("*.md") if "<!-- generated: " in path.read_text()]

    assert len(pages) >= 5
    for page in pages:
        assert "<!-- generated: " not in sovr_reference.fill(page.read_text())
