"""`sovr drop`: remove content here that a remote is proven to hold."""

from __future__ import annotations

from pathlib import Path

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.ui.partialview import DroppedView


@sovr_command("drop")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--from", "remotes", multiple=True, metavar="REMOTE", help="Ask only this one for the proof.")
def command(app: App, paths: tuple[Path, ...], remotes: tuple[str, ...]) -> None:
    """Remove PATHS here, files or folders, with their content: a remote has it, and `sovr get` brings it back.

    Everything is read back from the remote first. If a byte is not there, or something was changed since the last
    commit, nothing is removed. The files stay part of the pod.
    """
    from sovrgit.remotes.dropping import drop
    from sovrgit.remotes.supply import Supply

    supply = Supply(app.pod, app.networks, app.progress)
    wanted = [app.in_pod(str(path)) for path in paths]
    dropped = drop(app.pod, wanted, supply, now_ns=app.now_ns(), remotes=remotes, progress=app.progress)
    app.show(DroppedView(dropped))
