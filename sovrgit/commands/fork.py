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
    from sovrgit.commands.getting import get_pod
    from sovrgit.commands.summary import recipe_summary
    from sovrgit.remotes.clone import fork

    cloned = get_pod(app, reference, folder, "upstream")
    origin = cloned.fetched.manifest
    name = recipe_summary(cloned.pod).get("name") or Path(reference).name
    message = f"Fork {name} at {cloned.head.short}"
    identity = fork(cloned, app.pod.config.get("pod.origin") or reference, name, app.author(), message)
    app.console.note(f"repository {origin.repository.hex()}", level=1)
    app.show(ClonedView(cloned, identity))
