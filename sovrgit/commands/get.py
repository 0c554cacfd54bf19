"""`sovr get`: get content that was left at a remote."""

from __future__ import annotations

from pathlib import Path

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.ui.partialview import GotView


@sovr_command("get")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--all", "everything", is_flag=True, help="All content of all commits: the pod is a whole one then.")
def command(app: App, paths: tuple[Path, ...], everything: bool) -> None:
    """Get the content of PATHS, files or folders, that was left at a remote, and write it here.

    For a pod that was cloned with `--no-payload` or `--only`, and for what was dropped. From then on it stays. What has
    arrived of a `get` that was interrupted is kept.
    """
    from sovrgit.pod.presence import get_paths
    from sovrgit.remotes.completing import get_all
    from sovrgit.remotes.supply import Supply

    if everything == bool(paths):
        raise click.UsageError("name PATHS, or say --all")
    supply = app.pod.supply = Supply(app.pod, app.networks, app.progress)
    if everything:
        got = get_all(app.pod, supply, app.progress)
    else:
        got = get_paths(app.pod, [app.in_pod(str(path)) for path in paths], app.progress)
    app.show(GotView(got, supply.total, whole=everything))
