"""`sovr reflog`: where branches were, and what moved them."""

from __future__ import annotations

from itertools import islice

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.ui.reflogview import ReflogView


@sovr_command("reflog")
@click.argument("name", default="HEAD")
@click.option("-n", "--number", type=click.IntRange(min=1), help="At most so many.")
def command(app: App, name: str, number: int | None) -> None:
    """Show where NAME, a branch, a tag or HEAD, was before, the latest first.

    `NAME@{2}` stands for where it was two moves ago, in every command that takes a revision.
    """
    from sovrgit.errors import RevisionNotFound
    from sovrgit.pod.reflog import positions
    from sovrgit.pod.refs import HEADS

    refs = app.pod.refs.read()
    ref = "HEAD" if name == "HEAD" else refs.full_name(name) or f"{HEADS}{name}"
    found = list(islice(positions(app.pod, ref), number))
    if not found and ref != "HEAD" and ref not in refs.values:
        raise RevisionNotFound(revision=name, hint="`sovr branch` lists the branches")
    with app.paged():
        app.show(ReflogView(name, found))
