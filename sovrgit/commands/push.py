"""`sovr push`: send commits to a remote."""

from __future__ import annotations

import click

from sovrgit.commands.app import App, sovr_command
from sovrgit.ui.transferview import PushedView


@sovr_command("push")
@click.argument("remote", required=False)
@click.argument("branches", nargs=-1)
@click.option("--runs", "with_runs", is_flag=True, help="Also records of failed and repeated runs.")
@click.option("--full", is_flag=True, help="Send all of a fork, also what readers could get from its origin.")
def command(app: App, remote: str | None, branches: tuple[str, ...], with_runs: bool, full: bool) -> None:
    """Send commits to a remote: the current branch, or BRANCHES, and everything they need.

    Verdicts on runs go along. A remote that has moved on is not overwritten: fetch first.
    """
    from sovrgit.actions import push_pod
    from sovrgit.outputs import publish_output, shared_output
    from sovrgit.remotes.locations import default_remote, location_of
    from sovrgit.sharing import known_reference

    name = remote or default_remote(app.pod)
    pushed = push_pod(
        app.pod,
        name,
        time_ns=app.now_ns(),
        branches=branches,
        with_runs=with_runs,
        full=full,
        networks=app.networks,
        progress=app.progress,
    )
    location = location_of(app.pod, name)
    private = app.pod.config.get(f"remote.{name}.key") is not None
    output = publish_output(app.pod, name, time_ns=app.now_ns(), networks=app.networks, progress=app.progress)
    if output is None and (shared := shared_output(app.pod)) is not None:
        app.console.warn(f"the recipe shares `{shared[1]}`, and the last commit has nothing there")
    app.show(PushedView(pushed, name, location, known_reference(app.pod, name), private, output))
