"""What `rerun` and `verify` share: asking before scripts of other people run."""

from __future__ import annotations

from sovrgit.commands.app import App
from sovrgit.errors import RunNotTrusted
from sovrgit.objects.ids import ObjectId
from sovrgit.runs.inputs import read_recipe
from sovrgit.runs.run import RunRequest
from sovrgit.runs.trust import approve, proposal


def approve_recorded(app: App, identity: ObjectId, request: RunRequest) -> None:
    """Ask before a recorded run is repeated, if its scripts are somebody else's.

    Raises:
        RunNotTrusted: if they are not approved.
    """
    run = app.pod.store.run(identity)
    golem = read_recipe(app.pod.store, run.input)[1].golem
    if golem is None:
        return
    proposed = proposal(app.pod, run.input, golem, " ".join(run.command), run.by, recorded=True)
    if proposed is None:
        return
    if not request.approve(proposed):
        hint = f"read the scripts, then `sovr {app.command} --yes {identity.short}`"
        raise RunNotTrusted(command=proposed.command, origin=proposed.origin, hint=hint)
    approve(app.pod, proposed.code, proposed.files)
