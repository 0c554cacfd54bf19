"""What `rerun` and `verify` share: asking before scripts of other people run."""

from __future__ import annotations

from sovrgit import actions
from sovrgit.commands.app import App
from sovrgit.objects.ids import ObjectId
from sovrgit.runs.run import RunRequest


def approve_recorded(app: App, identity: ObjectId, request: RunRequest) -> None:
    """Ask before a recorded run is repeated, if its scripts are somebody else's.

    Raises:
        RunNotTrusted: if they are not approved.
    """
    hint = f"read the scripts, then `sovr {app.command} --yes {identity.short}`"
    actions.approve_recorded(app.pod, identity, request, hint=hint)
