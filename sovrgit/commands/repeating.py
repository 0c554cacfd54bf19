"""What `rerun` and `verify` share: asking before scripts of other people run."""

from __future__ import annotations

from sovrgit.commands.app import App
from sovrgit.errors import RunNotTrusted
from sovrgit.objects.ids import ObjectId
from sovrgit.runs.inputs import read_recipe
from sovrgit.runs.run import RunRequest
from sovrgit.runs.trust import Proposal, approve, code_id, foreign_code, needs_approval


def approve_recorded(app: App, identity: ObjectId, request: RunRequest) -> None:
    """Ask before a recorded run is repeated, if its scripts are somebody else's.

    Raises:
        RunNotTrusted: if they are not approved.
    """
    run = app.pod.store.run(identity)
    golem = read_recipe(app.pod.store, run.input)[1].golem
    if golem is None:
        return
    code = code_id(app.pod.store, run.input, golem)
    if not needs_approval(app.pod, code, {*foreign_code(app.pod), code}):
        return
    origin = app.pod.config.get("pod.origin") or "another pod"
    proposal = Proposal(" ".join(run.command), code, origin, run.by)
    if not request.approve(proposal):
        raise RunNotTrusted(command=proposal.command, origin=origin)
    approve(app.pod, code)
