"""`sovr fetch`: get what a remote has."""

from __future__ import annotations

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.ui.transferview import FetchedView


@sovr_command("fetch")
@click.argument("remote", required=False)
@click.option("--accept-divergence", is_flag=True, help="Take the remote as it is, even if it went back or forked.")
@click.option("--unshallow", is_flag=True, help="Get the history that `sovr clone --depth` has left out.")
def command(app: App, remote: str | None, accept_divergence: bool, unshallow: bool) -> None:
    """Get what a remote has, without touching the files here."""
    from sovrgit.actions import fetch_pod
    from sovrgit.commands.signatures import names_for
    from sovrgit.remotes.locations import default_remote

    name = remote or default_remote(app.pod)
    fetched = fetch_pod(
        app.pod,
        name,
        time_ns=app.now_ns(),
        accept_divergence=accept_divergence,
        unshallow=unshallow,
        networks=app.networks,
        progress=app.progress,
    )
    app.show(FetchedView(fetched, name, names_for(app, fetched.signers)))
