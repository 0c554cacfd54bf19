"""`sovr persist`: commit and push in one go, as the first Sovr CLI did."""

from __future__ import annotations

import click

from sovrgit.commands.app import App, sovr_command
from sovrgit.ui.persistview import PersistedView


@sovr_command("persist")
@click.argument("remote", required=False)
@click.option("-m", "--message", default="Persist", show_default=True, help="The message of the commit.")
def command(app: App, remote: str | None, message: str) -> None:
    """Commit everything, push it to REMOTE, and tell the reference of a pod that its recipe calls public.

    A pod without remotes gets one: the pod of its name on the FairOS server.
    """
    from sovrgit.commands.pushing import push_to
    from sovrgit.errors import NothingToCommit
    from sovrgit.pod.commits import CommitRequest, commit
    from sovrgit.remotes.locations import default_remote, remotes

    try:
        made = commit(app.pod, CommitRequest(app.author(), message))
    except NothingToCommit:
        made = None
    name = remote or (default_remote(app.pod) if remotes(app.pod) else _first_remote(app))
    app.show(PersistedView(made, push_to(app, name)))


def _first_remote(app: App) -> str:
    """A remote for a pod that has none: a pod of the recipe's name on the server that is meant."""
    from sovrgit.remotes.locations import add_remote
    from sovrgit.runs.inputs import read_recipe

    name = read_recipe(app.pod.store, app.pod.head_tree())[1].name
    setting = add_remote(app.pod, "origin", f"fairos:{name}", app.folder)
    app.console.note(f"added {setting.name}: {setting.location}")
    return setting.name
