"""What `clone` and `fork` share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sovrgit import getting
from sovrgit.commands.app import App

if TYPE_CHECKING:
    from sovrgit.objects.ids import ObjectId
    from sovrgit.remotes.clone import Cloned
    from sovrgit.remotes.firstcli.adopt import Adopted
    from sovrgit.remotes.selection import Selection
    from sovrgit.ui.console import View


def get_pod(
    app: App, reference: str, folder: Path | None, remote_name: str, selection: Selection | None = None
) -> Cloned | Adopted:
    """Clone into a folder; without one, into a new one named like the pod."""
    cloned = getting.get_pod(
        typed_reference(reference),
        app.folder,
        folder,
        remote_name=remote_name,
        time_ns=app.now_ns(),
        selection=selection,
        networks=app.networks,
        progress=app.progress,
    )
    app.use(cloned.pod)
    return cloned


def typed_reference(text: str) -> str:
    """The reference, or if it is `-` a line of standard input: others on a machine see the arguments of commands, and
    whoever sees a sharing reference can use it."""
    return sys.stdin.readline().strip() if text == "-" else text


def view_of(app: App, got: Cloned | Adopted, fork: ObjectId | None = None) -> View:
    """What to show of a pod that was got, and of the first commit of a fork of it."""
    from sovrgit.commands.signatures import names_for
    from sovrgit.remotes.clone import Cloned
    from sovrgit.ui.adoptedview import AdoptedView
    from sovrgit.ui.transferview import ClonedView

    if not isinstance(got, Cloned):
        return AdoptedView(got, fork)
    return ClonedView(got, fork, names_for(app, got.fetched.signers))
