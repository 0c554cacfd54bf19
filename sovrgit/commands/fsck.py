"""`sovr fsck`: check that everything stored is whole."""

from __future__ import annotations

from sovrgit.commands.app import App, sovr_command
from sovrgit.ui.checkview import CheckView


@sovr_command("fsck")
def command(app: App) -> int:
    """Check that everything stored is whole: every pack and object by its hash, and all that refs lead to.

    In a partial clone, content that was left at a remote is counted, and not asked for. Ends with 1 if something is
    damaged or missing.
    """
    from sovrgit.pod.check import check_pod

    promised = None
    if app.pod.is_partial:
        from sovrgit.remotes.promises import Promises

        promised = Promises.of(app.pod).find
    found = check_pod(app.pod, app.progress, promised)
    app.show(CheckView(found))
    return 0 if found.is_sound else 1
