"""`sovr push`: send commits to a remote."""

from __future__ import annotations

import click

from sovrgit.commands.app import App, sovr_command
from sovrgit.ui.transferview import PushedView


@sovr_command("push")
@click.argument("remote", required=False)
@click.argument("branches", nargs=-1)
@click.option("--runs", "with_runs", is_flag=True, help="Also records of failed and repeated runs.")
def command(app: App, remote: str | None, branches: tuple[str, ...], with_runs: bool) -> None:
    """Send commits to a remote: the current branch, or BRANCHES, and everything they need.

    Verdicts on runs go along. A remote that has moved on is not overwritten: fetch first.
    """
    from sovrgit.actions import push_pod
    from sovrgit.remotes.locations import default_remote, open_remote

    name = remote or default_remote(app.pod)
    pushed = push_pod(
        app.pod, name, time_ns=app.now_ns(), branches=branches, with_runs=with_runs, progress=app.progress
    )
    app.show(PushedView(pushed, name, open_remote(app.pod, name).describe()))
