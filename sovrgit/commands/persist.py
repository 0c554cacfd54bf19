"""`sovr persist`: commit and push in one go, as the first Sovr CLI did."""

from __future__ import annotations

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.commands.pushing import ALLOW_SECRET, push_to
from sovrgit.errors import NothingToCommit, RegistryInvalid, RemoteDamaged, RemoteUnavailable
from sovrgit.ui.persistview import PersistedView


@sovr_command("persist")
@click.argument("remote", required=False)
@click.option("-m", "--message", default="Persist", show_default=True, help="The message of the commit.")
@ALLOW_SECRET
def command(app: App, remote: str | None, message: str, allowed: tuple[str, ...]) -> None:
    """Commit everything, push it to REMOTE, and tell the reference of a pod that its recipe calls public.

    A pod without remotes gets one: the pod of its name on the FairOS server. A public pod is put into your registry.
    """
    from sovrgit.pod.commits import CommitRequest, commit
    from sovrgit.remotes.locations import default_remote, remotes

    try:
        made = commit(app.pod, CommitRequest(app.author(), message))
    except NothingToCommit:
        made = None
    name = remote or (default_remote(app.pod) if remotes(app.pod) else _first_remote(app))
    pushed = push_to(app, name, allowed=allowed)
    app.show(PersistedView(made, pushed, _register(app, name) if pushed.pushed.moved else False))


def _register(app: App, name: str) -> bool:
    """List a public pod in the registry of its owner. It is pushed, whatever becomes of that."""
    from sovrgit.sharing import register_pod

    try:
        return register_pod(app.pod, name, app.networks)
    except (RegistryInvalid, RemoteUnavailable, RemoteDamaged) as error:
        app.console.warn(f"it is pushed, and not in your registry: {error.message}")
        app.console.hint("`sovr registry rebuild` makes the registry anew from all pods")
        return False


def _first_remote(app: App) -> str:
    """A remote for a pod that has none: a pod of the recipe's name on the server that is meant."""
    from sovrgit.remotes.locations import add_remote
    from sovrgit.runs.inputs import read_recipe

    name = read_recipe(app.pod.store, app.pod.head_tree())[1].name
    setting = add_remote(app.pod, "origin", f"fairos:{name}", app.folder)
    app.console.note(f"added {setting.name}: {setting.location}")
    return setting.name
