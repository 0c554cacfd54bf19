"""`sovr fork`: get a pod to build upon."""

from __future__ import annotations

from pathlib import Path

import click

from sovrgit.commands.app import App, sovr_command
from sovrgit.ui.transferview import ClonedView


@sovr_command("fork")
@click.argument("reference")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
def command(app: App, reference: str, folder: Path | None) -> None:
    """Get the pod that REFERENCE names to build upon it, into FOLDER.

    Its first commit here names the pod, the commit and the reference that it comes from. The origin is kept as the
    remote `upstream`; push to a remote of your own.
    """
    from sovrgit.actions import begin_fork
    from sovrgit.commands.getting import get_pod

    cloned = get_pod(app, reference, folder, "upstream")
    identity = begin_fork(cloned, reference, app.author())
    app.console.note(f"repository {cloned.fetched.manifest.repository.hex()}", level=1)
    app.show(ClonedView(cloned, identity))
