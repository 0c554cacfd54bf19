"""`sovr ls`: the files of a revision."""

from __future__ import annotations

import os

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.ui.showview import EntriesView


@sovr_command("ls")
@click.argument("where", default="HEAD")
@click.option("-l", "--long", "detailed", is_flag=True, help="With mode, size and id.")
@click.option("-r", "--recursive", is_flag=True, help="All files below, not the folders.")
def command(app: App, where: str, detailed: bool, recursive: bool) -> None:
    """List the files of a revision: WHERE is REVISION or REVISION:PATH."""
    from sovrgit.pod.revisions import resolve_path
    from sovrgit.pod.treediff import walk

    revision, _, path = where.partition(":")
    wanted = os.fsencode(path.strip("/"))
    entry = resolve_path(app.pod, revision or "HEAD", wanted)
    if not entry.is_directory:
        entries = [(wanted, entry)]
    elif recursive:
        entries = list(walk(app.pod.store, entry, wanted))
    else:
        prefix = wanted + b"/" if wanted else b""
        entries = [(prefix + child.name, child) for child in app.pod.store.tree(entry.id).entries]
    with app.paged():
        app.show(EntriesView(entries, detailed))
