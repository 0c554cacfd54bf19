"""What `push` and `persist` share."""

from __future__ import annotations

from collections.abc import Sequence

from sovrgit.commands.app import App
from sovrgit.ui.transferview import PushedView


def push_to(
    app: App, name: str, *, branches: Sequence[str] = (), with_runs: bool = False, full: bool = False
) -> PushedView:
    """Push to a remote, and publish what the recipe shares of the output."""
    from sovrgit.actions import push_pod
    from sovrgit.outputs import publish_output, shared_output
    from sovrgit.remotes.locations import location_of
    from sovrgit.sharing import known_reference

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
    output = publish_output(app.pod, name, time_ns=app.now_ns(), networks=app.networks, progress=app.progress)
    if output is None and (shared := shared_output(app.pod)) is not None:
        app.console.warn(f"the recipe shares `{shared[1]}`, and the last commit has nothing there")
    private = app.pod.config.get(f"remote.{name}.key") is not None
    return PushedView(pushed, name, location_of(app.pod, name), known_reference(app.pod, name), private, output)
