"""`sovr logs`: what a run printed."""

from __future__ import annotations

import click

from sovrgit.commands.app import App, sovr_command
from sovrgit.errors import PathNotFound, RunNotFound


@sovr_command("logs")
@click.argument("run", required=False)
@click.option("--times", is_flag=True, help="With the time of every line.")
@click.option("--stdout", "only", flag_value="stdout", help="Only standard output.")
@click.option("--stderr", "only", flag_value="stderr", help="Only standard error.")
@click.option("--file", "name", metavar="NAME", help="Another file of the run's log folder, as it is.")
def command(app: App, run: str | None, times: bool, only: str | None, name: str | None) -> None:
    """Show what RUN, or the latest run, printed."""
    from sovrgit.lineage.index import LineageIndex
    from sovrgit.objects.tree import EntryKind, TreeEntry
    from sovrgit.pod.revisions import resolve_run
    from sovrgit.pod.treediff import walk
    from sovrgit.runs.record import LOG_NAME
    from sovrgit.ui.logview import LogFileView

    if run is None:
        with LineageIndex(app.pod) as index:
            latest = next(iter(index.runs(1)), None)
        if latest is None:
            raise RunNotFound(run="the latest", hint="there is none yet; `sovr run` makes one")
        identity = latest.id
    else:
        identity = resolve_run(app.pod, run)
    tree = app.pod.store.run(identity).log
    wanted = (name or LOG_NAME).encode("utf-8", "surrogateescape")
    top = TreeEntry(b"", EntryKind.DIRECTORY, tree, 0) if tree else None
    found = dict(walk(app.pod.store, top, b"")) if top else {}
    path = next((path for path in found if path == wanted or path.endswith(b"/" + wanted)), None)
    if path is None:
        where = f"the log of run {identity.short}"
        hint = "was the log folder named in `.sovrignore`?" if tree is None else ""
        raise PathNotFound(path=wanted.decode("utf-8", "replace"), where=where, hint=hint)
    captured = name is None
    with app.paged():
        app.show(LogFileView(identity, path, app.pod.store.stream(found[path].id), captured, times, only))
