"""Asking for a commit message in the user's editor."""

from __future__ import annotations

import click

from sovrgit import env
from sovrgit.commands.app import App
from sovrgit.errors import InputNeeded

_HELP = """

# Say what this commit does. Lines that begin with `#` are left out;
# an empty message commits nothing.
"""


def edit_message(app: App) -> str:
    """The message that the user writes.

    Raises:
        InputNeeded: if there is nobody to ask.
        click.UsageError: if it is left empty.
    """
    if not app.may_ask:
        raise InputNeeded(question="the commit message", answer="run `sovr commit -m MESSAGE`")
    editor = app.setting("core.editor") or app.environ.get(env.VISUAL.name) or app.environ.get(env.PLAIN_EDITOR.name)
    text = click.edit(_HELP, editor=editor, extension=".txt") or ""
    message = "\n".join(line for line in text.splitlines() if not line.startswith("#")).strip()
    if not message:
        raise click.UsageError("the message is empty, so nothing was committed")
    return message
