"""`sovr pull`: get what a remote has, and merge it."""

from __future__ import annotations

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.ui.transferview import PulledView


@sovr_command("pull")
@click.argument("remote", required=False)
@click.option("--ff-only", is_flag=True, help="Only if nothing was committed here in the meantime.")
def command(app: App, remote: str | None, ff_only: bool) -> int:
    """Get what a remote has, and merge its branch into this one.

    If nothing was committed here in the meantime, the branch and its files just move forward. Local changes are kept,
    or the pull is refused. Conflicts are as with `sovr merge`.
    """
    from sovrgit.actions import pull_pod
    from sovrgit.commands.signatures import names_for
    from sovrgit.remotes.locations import default_remote

    name = remote or default_remote(app.pod)
    fetched, merged = pull_pod(
        app.pod,
        name,
        app.author(),
        time_ns=app.now_ns(),
        fast_forward="only" if ff_only else "allowed",
        networks=app.networks,
        progress=app.progress,
    )
    app.show(PulledView(fetched, name, merged, names_for(app, fetched.signers)))
    return 1 if merged.outcome == "conflicts" else 0
