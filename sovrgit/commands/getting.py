"""What `clone` and `fork` share."""

from __future__ import annotations

from pathlib import Path

from sovrgit import actions
from sovrgit.commands.app import App
from sovrgit.remotes.clone import Cloned


def get_pod(app: App, reference: str, folder: Path | None, remote_name: str) -> Cloned:
    """Clone into a folder; without one, into a new one named like the pod."""
    cloned = actions.get_pod(
        reference, app.folder, folder, remote_name=remote_name, time_ns=app.now_ns(), progress=app.progress
    )
    app.use(cloned.pod)
    return cloned
