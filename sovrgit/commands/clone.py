"""`sovr clone`: get a pod by its reference."""

from __future__ import annotations

import os
from pathlib import Path

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command


@sovr_command("clone")
@click.argument("reference")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--no-payload", is_flag=True, help="Leave the content of payload and output at the remote.")
@click.option("--only", multiple=True, metavar="PATH", help="Get only this file or folder, and the recipe.")
@click.option("--depth", type=click.IntRange(min=1), metavar="N", help="Get no more than N commits of each branch.")
def command(
    app: App, reference: str, folder: Path | None, no_payload: bool, only: tuple[str, ...], depth: int | None
) -> None:
    """Get the pod that REFERENCE names, into FOLDER.

    A reference is the path or `file://` address of a folder that was pushed to, or of another pod; a sharing reference
    of a pod on a FairOS server, for which no account is needed; or `fairos:POD` for one of your own. `-` reads it from
    standard input. Nothing of what is cloned is run.

    With `--no-payload` or `--only` the history comes as a whole, and of the files those that are wanted. `sovr get`
    gets others, and commands that need one get it by themselves. `sovr fetch --unshallow` gets what `--depth` left out.
    """
    from sovrgit.commands.getting import get_pod, view_of
    from sovrgit.remotes.selection import Selection

    if no_payload and only:
        raise click.UsageError("--no-payload and --only contradict each other")
    selection = Selection(not no_payload, [os.fsencode(path.strip("/")) for path in only], depth)
    app.show(view_of(app, get_pod(app, reference, folder, "origin", selection)))
