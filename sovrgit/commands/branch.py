"""`sovr branch`: list, make, rename and remove branches."""

from __future__ import annotations

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.ui.branchview import BranchesView, BranchView


@sovr_command("branch")
@click.argument("name", required=False)
@click.argument("start", required=False)
@click.option("-d", "--delete", is_flag=True, help="Remove NAME.")
@click.option("-m", "--move", metavar="OLD", help="Rename OLD to NAME.")
@click.option("-f", "--force", is_flag=True, help="Move a branch that is there; remove one with commits of its own.")
@click.option("-r", "--remotes", is_flag=True, help="List those that were last seen at remotes.")
@click.option("-a", "--all", "everything", is_flag=True, help="List those here and those at remotes.")
def command(
    app: App,
    name: str | None,
    start: str | None,
    delete: bool,
    move: str | None,
    force: bool,
    remotes: bool,
    everything: bool,
) -> None:
    """List branches, or make one called NAME that begins at START, the last commit if not given.

    `sovr switch` checks a branch out.
    """
    from sovrgit.pod import branches
    from sovrgit.pod.revisions import resolve_commit

    if name is None:
        if delete or move is not None:
            raise click.UsageError("which branch? give its name")
        found = branches.branches(app.pod, here=not remotes, remote=remotes or everything)
        app.show(BranchesView(found, {branch.id: app.pod.store.commit(branch.id) for branch in found}))
        return
    if remotes or everything or (start is not None and (delete or move is not None)) or (delete and move is not None):
        raise click.UsageError("these do not go together: one can list, make, rename or remove")
    now = app.now_ns()
    if delete:
        app.show(BranchView(branches.delete_branch(app.pod, name, time_ns=now, force=force), "removed"))
    elif move is not None:
        app.show(BranchView(branches.rename_branch(app.pod, move, name, time_ns=now), "renamed", move))
    else:
        begin = resolve_commit(app.pod, start or "HEAD")
        app.show(BranchView(branches.create_branch(app.pod, name, begin, time_ns=now, force=force), "made"))
