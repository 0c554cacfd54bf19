"""`sovr du`: what is here, and what is only at remotes."""

from __future__ import annotations

from pathlib import Path

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.ui.partialview import UsageView


@sovr_command("du")
@click.argument("path", default=".", type=click.Path(path_type=Path))
def command(app: App, path: Path) -> None:
    """Show how large the files of the last commit are, and what of them is here.

    Below PATH, or in the whole pod. The rest is at remotes, and `sovr get` brings it here.
    """
    from sovrgit.remotes.usage import usage

    app.show(UsageView(usage(app.pod, app.in_pod(str(path)))))
