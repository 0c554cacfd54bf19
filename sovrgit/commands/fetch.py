"""`sovr fetch`: get what a remote has."""

from __future__ import annotations

import click

from sovrgit.commands.app import App, sovr_command
from sovrgit.ui.transferview import FetchedView


@sovr_command("fetch")
@click.argument("remote", required=False)
@click.option("--accept-divergence", is_flag=True, help="Take the remote as it is, even if it went back or forked.")
def command(app: App, remote: str | None, accept_divergence: bool) -> None:
    """Get what a remote has, without touching the files here."""
    from sovrgit.remotes.fetch import FetchRequest, fetch
    from sovrgit.remotes.locations import default_remote, open_remote

    name = remote or default_remote(app.pod)
    request = FetchRequest(name, app.now_ns(), accept_divergence)
    app.show(FetchedView(fetch(app.pod, open_remote(app.pod, name), request, app.progress), name))
