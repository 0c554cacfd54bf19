"""`sovr undo`: take back what the last command did."""

from __future__ import annotations

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.ui.undoview import UndoneView


@sovr_command("undo")
@click.option("-n", "--number", type=click.IntRange(min=1), default=1, help="Take back so many.")
def command(app: App, number: int) -> None:
    """Take back the last command that moved a branch, a tag or files of the pod.

    A commit that is taken back leaves the files as they are. `sovr undo` once more takes back the undo. What was pushed
    stays at the remote, and records of runs stay.
    """
    from sovrgit.pod.undo import undo

    app.show(UndoneView(undo(app.pod, time_ns=app.now_ns(), steps=number), app.pod.refs.read()))
