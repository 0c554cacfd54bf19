"""`sovr blame`: which commit each line of a file comes from."""

from __future__ import annotations

import os

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.ui.blameview import BlameView


@sovr_command("blame")
@click.argument("where")
def command(app: App, where: str) -> None:
    """Show who wrote each line of a text, in which commit: WHERE is PATH (of the last commit) or REVISION:PATH.

    Changes of the file's name are followed. For where a result comes from, see `sovr lineage`.
    """
    from sovrgit.pod.blame import blame
    from sovrgit.pod.revisions import resolve_commit

    revision, colon, path = where.partition(":")
    wanted = os.fsencode(path.strip("/")) if colon else app.in_pod(where)
    tip = resolve_commit(app.pod, (revision if colon else "") or "HEAD")
    lines = blame(app.pod.store, tip, wanted)
    commits = {line.commit: app.pod.store.commit(line.commit) for line in lines}
    with app.paged():
        app.show(BlameView(wanted, lines, commits))
