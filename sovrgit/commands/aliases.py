"""Short words for commands, from the user's own settings: `alias.NAME`."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from sovrgit.commands.catalogue import names

if TYPE_CHECKING:
    from sovrgit.commands.app import App

DEEPEST = 10
"""Aliases that may stand for one another: more are a mistake, and nobody could tell what they do."""

_PREFIX = "alias."


def aliases(app: App) -> dict[str, str]:
    """What the user's aliases stand for, by name. One that is called like a command is none.

    Raises:
        ConfigInvalid: if the user's settings cannot be read.
    """
    commands = set(names())
    entries = [entry for entry in app.settings.entries() if entry.counts and entry.name.startswith(_PREFIX)]
    found = {entry.name.removeprefix(_PREFIX): entry.value for entry in entries}
    return {name: found[name] for name in sorted(found) if name not in commands}


def expanded(app: App, words: list[str]) -> list[str]:
    """A command line with the aliases at its beginning replaced; as it is, if there is none.

    Raises:
        click.UsageError: if aliases stand for one another without end.
        ConfigInvalid: if the user's settings cannot be read, or the alias is no command line.
    """
    commands = set(names())
    seen: list[str] = []
    while words and words[0] not in commands:
        name = words[0]
        value = app.settings.get(_PREFIX + name) if _may_be_alias(name) else None
        if value is None:
            if seen:
                raise click.UsageError(f"the alias `{seen[-1]}` stands for `{name}`, which is no command")
            break
        if name in seen or len(seen) == DEEPEST:
            raise click.UsageError(f"the alias `{seen[0]}` has no end: {' → '.join([*seen, name])}")
        seen.append(name)
        words = [*shlex.split(value), *words[1:]]
    return words


def _may_be_alias(name: str) -> bool:
    return name.replace("-", "").isalnum() and name.isascii()
