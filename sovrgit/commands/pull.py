"""`sovr pull`: get what a remote has, and move forward to it."""

from __future__ import annotations

import click

from sovrgit.commands.app import App, sovr_command
from sovrgit.ui.transferview import FetchedView


@sovr_command("pull")
@click.argument("remote", required=False)
def command(app: App, remote: str | None) -> None:
    """Get what a remote has, and move this branch and its files forward to it.

    Only if nothing was committed here in the meantime. Local changes are kept, or the pull is refused.
    """
    from sovrgit.actions import pull_pod
    from sovrgit.remotes.locations import default_remote

    name = remote or default_remote(app.pod)
    fetched, files = pull_pod(app.pod, name, time_ns=app.now_ns(), networks=app.networks, progress=app.progress)
    app.show(FetchedView(fetched, name, files, app.pod.head()))
