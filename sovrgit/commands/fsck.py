"""`sovr fsck`: check that everything stored is whole, and repair what is not."""

from __future__ import annotations

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command


@sovr_command("fsck")
@click.option("--repair", is_flag=True, help="Make anew what can be, and get what is missing from remotes.")
@click.option("--remote", "remote", metavar="NAME", help="Read everything that a remote holds, instead.")
@click.option(
    "--sample",
    type=click.FloatRange(0, 100, min_open=True),
    metavar="PERCENT",
    help="With --remote: only so many packs.",
)
def command(app: App, repair: bool, remote: str | None, sample: float | None) -> int:
    """Check that everything stored is whole: every object by its hash, and all that refs and the reflog lead to.

    Ends with 1 if something is damaged or missing. Nothing is thrown away by a repair: damaged packs are moved to
    `.sovr/damaged`. A check of a remote that is interrupted goes on next time. In a partial clone, content that was
    left at a remote is counted, and not asked for.
    """
    from sovrgit.pod.gc import KEPT_MOVES

    if (sample is not None and remote is None) or (remote is not None and repair):
        raise click.UsageError("`--sample` goes with `--remote`, and `--repair` without it")
    since = app.now_ns() - KEPT_MOVES
    if remote is not None:
        from sovrgit.repairing import check_remote
        from sovrgit.ui.checkview import RemoteCheckView

        looked = check_remote(
            app.pod, remote, sample=100.0 if sample is None else sample, networks=app.networks, progress=app.progress
        )
        app.show(RemoteCheckView(looked))
        return 0 if looked.is_sound else 1
    if repair:
        from sovrgit.repairing import repair_pod
        from sovrgit.ui.checkview import RepairView

        done = repair_pod(app.pod, time_ns=app.now_ns(), since_ns=since, networks=app.networks, progress=app.progress)
        app.show(RepairView(done))
        return 0 if done.after.is_sound else 1
    from sovrgit.repairing import look_at
    from sovrgit.ui.checkview import CheckView

    found = look_at(app.pod, since_ns=since, progress=app.progress)
    app.show(CheckView(found))
    return 0 if found.is_sound else 1
