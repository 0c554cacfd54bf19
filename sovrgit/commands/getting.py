"""What `clone` and `fork` share."""

from __future__ import annotations

from pathlib import Path

from sovrgit.commands.app import App
from sovrgit.remotes.clone import Cloned, clone
from sovrgit.remotes.locations import open_existing


def get_pod(app: App, reference: str, folder: Path | None, remote_name: str) -> Cloned:
    """Clone into a folder; without one, into a new one named like the pod."""
    remote = open_existing(reference, app.folder)
    target = app.folder / (folder if folder is not None else _name(remote.location))
    cloned = clone(remote, target, time_ns=app.now_ns(), remote_name=remote_name, progress=app.progress)
    cloned.pod.config.set("pod.origin", remote.describe())
    app.use(cloned.pod)
    return cloned


def _name(location: str) -> str:
    return Path(location).name.removesuffix(".sovr") or "pod"
