"""`sovr revert`: take back what a commit did, by a new commit."""

from __future__ import annotations

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command


@sovr_command("revert")
@click.argument("revision")
@click.option("--parent", type=click.IntRange(min=1), default=1, help="Of a merge: compared with which parent.")
def command(app: App, revision: str, parent: int) -> int:
    """Commit the opposite of what the commit REVISION changed. The history keeps both.

    Conflicts are as with `sovr merge`. What was not pushed yet, `sovr undo` takes back without a trace.
    """
    from sovrgit.commands.merging import show_merged
    from sovrgit.pod.merge import revert
    from sovrgit.pod.revisions import resolve_commit

    commit = resolve_commit(app.pod, revision)
    reverted = revert(app.pod, commit, app.author(), parent=parent, time_ns=app.now_ns())
    return show_merged(app, reverted, revision, "took back")
