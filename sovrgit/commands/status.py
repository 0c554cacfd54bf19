"""`sovr status`: what has changed since the last commit."""

from __future__ import annotations

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.pod.status import status
from sovrgit.ui.statusview import StatusView


@sovr_command("status")
def command(app: App) -> None:
    """Show what has changed since the last commit.

    Ends with 0 whether there are changes or not; `sovr diff --exit-code` ends with 1 if there are.
    """
    app.show(StatusView(status(app.pod)))
