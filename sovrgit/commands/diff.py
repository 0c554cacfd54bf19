"""`sovr diff`: changes of the working tree, or between revisions."""

from __future__ import annotations

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command


@sovr_command("diff")
@click.argument("arguments", nargs=-1)
@click.option("--stat", is_flag=True, help="Only how much changed in each file.")
@click.option("--name-only", is_flag=True, help="Only the names of the files.")
@click.option("--keys/--text", "by_key", default=None, help="Compare JSON files by key (on a terminal), or by line.")
@click.option("--exit-code", is_flag=True, help="End with 1 if there are differences.")
def command(
    app: App, arguments: tuple[str, ...], stat: bool, name_only: bool, by_key: bool | None, exit_code: bool
) -> int:
    """Show changes: of the working tree, or between revisions.

    \b
    sovr diff [PATH...]                the working tree against the last commit
    sovr diff REVISION [PATH...]       the working tree against a revision
    sovr diff OLD NEW [PATH...]        one revision against another (or OLD..NEW)
    """
    from sovrgit.commands.differences import compare_trees, compare_working, split_arguments

    revisions, paths = split_arguments(app, arguments)
    if len(revisions) == 2:
        view = compare_trees(app, *revisions, paths=paths, stat=stat, name_only=name_only, by_key=by_key)
    else:
        tree = revisions[0] if revisions else None
        view = compare_working(app, tree, paths=paths, stat=stat, name_only=name_only, by_key=by_key)
    with app.paged():
        app.show(view)
    return int(exit_code and view.any)
