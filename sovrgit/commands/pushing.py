"""What `push` and `persist` share."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from sovrgit.commands.app import App
from sovrgit.ui.transferview import PushedView

ALLOW_SECRET = click.option(
    "--allow-secret",
    "allowed",
    multiple=True,
    metavar="PATH",
    help="Send PATH, from the root of the pod, though it looks like a secret.",
)


def push_to(
    app: App,
    name: str,
    *,
    branches: Sequence[str] = (),
    with_runs: bool = False,
    full: bool = False,
    allowed: Sequence[str] = (),
) -> PushedView:
    """Push to a remote, and publish what the recipe shares of the output."""
    from sovrgit.actions import push_pod
    from sovrgit.outputs import publish_output, shared_output
    from sovrgit.remotes.locations import location_of
    from sovrgit.sharing import known_reference

    # Not `in_pod`: records have names that are no paths.
    may_go = [os.fsencode(path).rstrip(b"/") for path in allowed]
    pushed = push_pod(
        app.pod,
        name,
        time_ns=app.now_ns(),
        branches=branches,
        with_runs=with_runs,
        full=full,
        allowed=may_go,
        networks=app.networks,
        progress=app.progress,
    )
    output = publish_output(
        app.pod, name, time_ns=app.now_ns(), allowed=may_go, networks=app.networks, progress=app.progress
    )
    if output is None and (shared := shared_output(app.pod)) is not None:
        app.console.warn(f"the recipe shares `{shared[1]}`, and the last commit has nothing there")
    private = app.pod.config.get(f"remote.{name}.key") is not None
    return PushedView(pushed, name, location_of(app.pod, name), known_reference(app.pod, name), private, output)
