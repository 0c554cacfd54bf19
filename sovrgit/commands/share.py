"""`sovr share`: the reference by which others get a pod."""

from __future__ import annotations

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.ui.shareview import ShareView


@sovr_command("share")
@click.argument("remote", required=False)
@click.option("--private", is_flag=True, help="Give out the key of a private pod with its reference.")
def command(app: App, remote: str | None, private: bool) -> None:
    """Print the sharing reference of what was pushed to REMOTE: with it anybody can `sovr clone` it, with no account.

    Whoever has the reference can read everything in the pod, what is there and what will be, for ever. It cannot be
    taken back.
    """
    from sovrgit.remotes.locations import default_remote
    from sovrgit.sharing import share_pod

    name = remote or default_remote(app.pod)
    app.show(ShareView(share_pod(app.pod, name, app.networks, private=private)))
