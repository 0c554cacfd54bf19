"""What `clone` and `fork` share."""

from __future__ import annotations

import sys
from pathlib import Path

from sovrgit import actions
from sovrgit.commands.app import App
from sovrgit.remotes.clone import Cloned


def get_pod(app: App, reference: str, folder: Path | None, remote_name: str) -> Cloned:
    """Clone into a folder; without one, into a new one named like the pod."""
    cloned = actions.get_pod(
        typed_reference(reference),
        app.folder,
        folder,
        remote_name=remote_name,
        time_ns=app.now_ns(),
        networks=app.networks,
        progress=app.progress,
    )
    app.use(cloned.pod)
    return cloned


def typed_reference(text: str) -> str:
    """The reference, or if it is `-` a line of standard input: others on a machine see the arguments of commands, and
    whoever sees a sharing reference can use it."""
    return sys.stdin.readline().strip() if text == "-" else text
