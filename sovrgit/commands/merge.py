"""`sovr merge`: bring another branch into this one."""

from __future__ import annotations

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command


@sovr_command("merge")
@click.argument("revision", required=False)
@click.option("-m", "--message", help="The message of the merge.")
@click.option("--ff-only", is_flag=True, help="Only if nothing was committed here in the meantime.")
@click.option("--no-ff", is_flag=True, help="Make a merge commit in any case.")
@click.option("--allow-unrelated", is_flag=True, help="Even if the two have no commit in common.")
@click.option("--abort", is_flag=True, help="Give a merge up that waits for its conflicts to be resolved.")
def command(
    app: App,
    revision: str | None,
    message: str | None,
    ff_only: bool,
    no_ff: bool,
    allow_unrelated: bool,
    abort: bool,
) -> int:
    """Bring what REVISION has and this branch has not into this branch, and commit that.

    With conflicts the exit code is 1, and nothing is committed: they are marked in the files, `sovr status` lists them,
    and `sovr resolve` settles them one by one. What runs made is never mixed: it is taken from one side.
    """
    from sovrgit.commands.merging import show_merged
    from sovrgit.pod import resolve
    from sovrgit.pod.merge import FastForward, MergeRequest, merge
    from sovrgit.pod.revisions import resolve_commit
    from sovrgit.ui.mergeview import ResolvedView

    if abort:
        if revision is not None or message is not None or ff_only or no_ff:
            raise click.UsageError("`--abort` stands alone")
        app.show(ResolvedView(resolve.abort(app.pod, time_ns=app.now_ns()), given_up=True))
        return 0
    if revision is None or (ff_only and no_ff):
        raise click.UsageError("give one REVISION to merge, and not both of `--ff-only` and `--no-ff`")
    forward: FastForward = "only" if ff_only else "never" if no_ff else "allowed"
    other = resolve_commit(app.pod, revision)
    request = MergeRequest(other, revision, app.author(), message, forward, allow_unrelated)
    return show_merged(app, merge(app.pod, request, time_ns=app.now_ns()), revision)
