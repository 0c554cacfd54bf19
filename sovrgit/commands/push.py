"""`sovr push`: send commits to a remote."""

from __future__ import annotations

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.commands.pushing import ALLOW_SECRET, push_to


@sovr_command("push")
@click.argument("remote", required=False)
@click.argument("branches", nargs=-1)
@click.option("--runs", "with_runs", is_flag=True, help="Also records of failed and repeated runs.")
@click.option("--full", is_flag=True, help="Send all of a fork, also what readers could get from its origin.")
@ALLOW_SECRET
def command(
    app: App, remote: str | None, branches: tuple[str, ...], with_runs: bool, full: bool, allowed: tuple[str, ...]
) -> None:
    """Send commits to a remote: the current branch, or BRANCHES, and everything they need.

    Verdicts on runs go along. A remote that has moved on is not overwritten: fetch first. What looks like a secret is
    refused.
    """
    from sovrgit.remotes.locations import default_remote

    name = remote or default_remote(app.pod)
    app.show(push_to(app, name, branches=branches, with_runs=with_runs, full=full, allowed=allowed))
