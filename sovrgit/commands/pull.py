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
    from sovrgit.remotes.fetch import FetchRequest, fetch
    from sovrgit.remotes.locations import default_remote, open_remote
    from sovrgit.remotes.pull import fast_forward

    name = remote or default_remote(app.pod)
    fetched = fetch(app.pod, open_remote(app.pod, name), FetchRequest(name, app.now_ns()), app.progress)
    files = fast_forward(app.pod, name, time_ns=app.now_ns())
    app.show(FetchedView(fetched, name, files, app.pod.head()))
