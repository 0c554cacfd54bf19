"""What `rerun` and `verify` share: asking before scripts of other people run."""

from __future__ import annotations

from sovrgit import actions
from sovrgit.commands.app import App
from sovrgit.objects.ids import ObjectId
from sovrgit.runs.run import RunRequest


def approve_recorded(app: App, identity: ObjectId, request: RunRequest) -> RunRequest:
    """Ask before a recorded run is repeated, if its scripts are somebody else's; the request with the payload of other
    pods that the run had.

    Raises:
        RunNotTrusted: if they are not approved.
        SovrError: as for `sovrgit.actions.supply_repeat`.
    """
    hint = f"read the scripts, then `sovr {app.command} --yes {identity.short}`"
    actions.approve_recorded(app.pod, identity, request, hint=hint)
    return actions.supply_repeat(
        app.pod, identity, request, time_ns=app.now_ns(), networks=app.networks, progress=app.progress
    )
