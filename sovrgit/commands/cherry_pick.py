"""`sovr cherry-pick`: do again here what a commit did elsewhere."""

from __future__ import annotations

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command


@sovr_command("cherry-pick")
@click.argument("revision")
@click.option("--parent", type=click.IntRange(min=1), default=1, help="Of a merge: compared with which parent.")
def command(app: App, revision: str, parent: int) -> int:
    """Commit here what the commit REVISION changed, with its author and message.

    Conflicts are as with `sovr merge`.
    """
    from sovrgit.commands.merging import show_merged
    from sovrgit.pod.merge import cherry_pick
    from sovrgit.pod.revisions import resolve_commit

    commit = resolve_commit(app.pod, revision)
    picked = cherry_pick(app.pod, commit, app.author(), parent=parent, time_ns=app.now_ns())
    return show_merged(app, picked, revision)
