"""`sovr restore`: take back changes to files."""

from __future__ import annotations

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.ui.restoreview import RestoredView


@sovr_command("restore")
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@click.option("--from", "revision", default="HEAD", metavar="REVISION", help="Take the files from this revision.")
def command(app: App, paths: tuple[str, ...], revision: str) -> None:
    """Bring files back to what a revision says.

    Files that the revision does not have are left alone. Local changes to PATHS are overwritten; `sovr undo` brings
    them back.
    """
    from sovrgit.pod.revisions import resolve_tree
    from sovrgit.pod.switch import restore

    tree = resolve_tree(app.pod, revision)
    done = restore(app.pod, tree, [app.in_pod(path) for path in paths], time_ns=app.now_ns())
    app.show(RestoredView(done, revision))
