"""`sovr clone`: get a pod by its reference."""

from __future__ import annotations

from pathlib import Path

import click

from sovrgit.commands.app import App, sovr_command


@sovr_command("clone")
@click.argument("reference")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
def command(app: App, reference: str, folder: Path | None) -> None:
    """Get the pod that REFERENCE names, into FOLDER.

    A reference is the path or `file://` address of a folder that was pushed to, or of another pod; a sharing reference
    of a pod on a FairOS server, for which no account is needed; or `fairos:POD` for one of your own. `-` reads it from
    standard input. Nothing of what is cloned is run.
    """
    from sovrgit.commands.getting import get_pod, view_of

    app.show(view_of(app, get_pod(app, reference, folder, "origin")))
