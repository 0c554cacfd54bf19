"""`sovr fork`: get a pod to build upon."""

from __future__ import annotations

from pathlib import Path

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command


@sovr_command("fork")
@click.argument("reference")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
def command(app: App, reference: str, folder: Path | None) -> None:
    """Get the pod that REFERENCE names to build upon it, into FOLDER.

    Its first commit here names the pod, the commit and the reference that it comes from. The origin is kept as the
    remote `upstream`; push to a remote of your own.
    """
    from sovrgit.commands.getting import get_pod, view_of
    from sovrgit.getting import begin_fork

    # Told before anything is received, if it cannot be signed.
    app.signer()
    got = get_pod(app, reference, folder, "upstream")
    app.show(view_of(app, got, begin_fork(got, reference, app.author())))
