"""`sovr push`: send commits to a remote."""

from __future__ import annotations

import click

from sovrgit.commands.app import App, sovr_command
from sovrgit.ui.transferview import PushedView


@sovr_command("push")
@click.argument("remote", required=False)
@click.argument("branches", nargs=-1)
@click.option("--runs", "with_runs", is_flag=True, help="Also records of failed and repeated runs.")
def command(app: App, remote: str | None, branches: tuple[str, ...], with_runs: bool) -> None:
    """Send commits to a remote: the current branch, or BRANCHES, and everything they need.

    Verdicts on runs go along. A remote that has moved on is not overwritten: fetch first.
    """
    from sovrgit.commands.summary import recipe_summary
    from sovrgit.errors import RevisionNotFound
    from sovrgit.pod.refs import HEADS, RUNS, TAGS, VERDICTS
    from sovrgit.remotes.locations import default_remote, open_remote
    from sovrgit.remotes.push import PushRequest, push

    name = remote or default_remote(app.pod)
    place = open_remote(app.pod, name)
    refs = app.pod.refs.read()
    chosen = [HEADS + branch for branch in branches] or [refs.head]
    for ref in chosen:
        if ref not in refs.values:
            hint = "there is no commit yet; run `sovr commit`" if ref == refs.head else None
            raise RevisionNotFound(revision=ref.removeprefix(HEADS), hint=hint)
    records = (TAGS, VERDICTS, RUNS) if with_runs else (TAGS, VERDICTS)
    chosen += [ref for ref in refs.values if ref.startswith(records)]
    request = PushRequest(name, chosen, app.now_ns(), recipe_summary(app.pod))
    app.show(PushedView(push(app.pod, place, request, app.progress), name, place.describe()))
