"""`sovr switch`: check out another branch."""

from __future__ import annotations

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.ui.branchview import SwitchedView


@sovr_command("switch")
@click.argument("name", required=False)
@click.argument("start", required=False)
@click.option("-c", "--create", is_flag=True, help="Make the branch NAME, at START or the last commit.")
@click.option("-d", "--detach", is_flag=True, help="Check out the commit that NAME stands for, on no branch.")
def command(app: App, name: str | None, start: str | None, create: bool, detach: bool) -> None:
    """Check out the branch NAME; `-` is the one before. Local changes come along, unless they would be overwritten.

    A branch that only a remote has is made here, where the remote's is.
    """
    from sovrgit.errors import RevisionNotFound
    from sovrgit.pod.branches import switch_branch, switch_detached, switch_new
    from sovrgit.pod.reflog import checked_out_before
    from sovrgit.pod.refs import DETACHED, HEADS
    from sovrgit.pod.revisions import resolve_commit

    if (name is None and not detach) or (start is not None and not create) or (create and detach):
        raise click.UsageError("give the name of a branch, `--create NAME [START]` or `--detach [REVISION]`")
    now = app.now_ns()
    if detach:
        switched = switch_detached(app.pod, resolve_commit(app.pod, name or "HEAD"), time_ns=now)
    elif create:
        assert name is not None
        begin = resolve_commit(app.pod, start) if start is not None else None
        switched = switch_new(app.pod, name, begin, time_ns=now)
    else:
        before = checked_out_before(app.pod, 1) if name == "-" else f"{HEADS}{name}"
        if before is None or before == DETACHED:
            raise RevisionNotFound(revision="-", hint="there is no branch that was checked out before this one")
        switched = switch_branch(app.pod, before.removeprefix(HEADS), time_ns=now)
    app.show(SwitchedView(switched))
