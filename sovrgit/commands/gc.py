"""`sovr gc`: remove what nothing leads to, and fold small packs."""

from __future__ import annotations

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.ui.gcview import CollectedView


@sovr_command("gc")
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would be done.")
@click.option(
    "--grace", type=click.FloatRange(min=0), metavar="DAYS", help="Keep what is younger, though it is of no use."
)
@click.option("--auto", is_flag=True, help="Only if there is much to do; what commands start by themselves.")
def command(app: App, dry_run: bool, grace: float | None, auto: bool) -> None:
    """Remove what nothing leads to any more, and fold small packs into larger ones.

    Nothing goes that a branch, a tag, a record of a run, the reflog of the last 90 days, the working tree or a command
    at work needs. What is of no use stays for 14 days, or as `--grace` says.
    """
    from sovrgit.errors import Locked
    from sovrgit.pod.gc import DAY, GRACE, MANY, GcRequest, collect, worthwhile
    from sovrgit.pod.lock import PATIENCE

    if auto and not worthwhile(app.pod):
        return
    request = GcRequest(
        app.now_ns(),
        grace_ns=GRACE if grace is None else int(grace * DAY),
        few=MANY // 2 if auto else 1,
        dry_run=dry_run,
        patience=0 if auto else PATIENCE,
    )
    try:
        collected = collect(app.pod, request, app.progress)
    except Locked:
        if not auto:
            raise
        # Others are at work; they will start the next one.
        return
    app.show(CollectedView(collected, dry_run))
