"""`sovr resolve`: settle conflicts of a merge."""

from __future__ import annotations

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.ui.mergeview import ResolvedView


@sovr_command("resolve")
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@click.option("--ours", "side", flag_value="ours", help="Take what this branch has.")
@click.option("--theirs", "side", flag_value="theirs", help="Take what was to be brought in.")
@click.option("--done", "side", flag_value="done", help="Take the files as they are now.")
@click.option("-f", "--force", is_flag=True, help="With --done: though there are marks in a file.")
def command(app: App, paths: tuple[str, ...], side: str | None, force: bool) -> None:
    """Settle the conflicts at PATHS, and below. `sovr commit` finishes the merge when all are settled."""
    from sovrgit.pod.resolve import resolve

    wanted = [app.in_pod(path) for path in paths]
    now = app.now_ns()
    if side == "ours":
        state = resolve(app.pod, wanted, "ours", time_ns=now)
    elif side == "theirs":
        state = resolve(app.pod, wanted, "theirs", time_ns=now)
    elif side == "done":
        state = resolve(app.pod, wanted, "done", time_ns=now, force=force)
    else:
        raise click.UsageError("say how: `--ours`, `--theirs`, or `--done` when you have edited them")
    app.show(ResolvedView(state))
