"""`sovr persist-self`: the installed program as a public pod, as the first Sovr CLI did."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.commands.pushing import ALLOW_SECRET, push_to
from sovrgit.ui.selfview import SelfView

_PLACE = "fairos:sovr"


@sovr_command("persist-self")
@click.option("--remote", "location", metavar="LOCATION", help=f"Where to; `{_PLACE}` if neither this nor --folder is.")
@click.option("--folder", type=click.Path(path_type=Path), help="Make the pod in this folder, and leave it there.")
@ALLOW_SECRET
def command(app: App, location: str | None, folder: Path | None, allowed: tuple[str, ...]) -> None:
    """Push this program itself, as it is installed, as a pod that everybody can clone and install.

    A later version becomes the next commit of the same pod. Whatever looks like a key or a password is refused.
    With --folder alone the pod is made there, and nothing is pushed.
    """
    from sovrgit.selfpod.persist import REMOTE, SelfRequest, make_self_pod

    if location is None and folder is None:
        location = _PLACE
    with ExitStack() as stack:
        place = app.folder / folder if folder is not None else Path(stack.enter_context(TemporaryDirectory()), "pod")
        allow = [os.fsencode(path) for path in allowed]
        request = SelfRequest(app.folder, location, app.author(), app.now_ns(), allow)
        made = make_self_pod(place, request, app.networks, app.progress)
        stack.callback(made.pod.close)
        app.use(made.pod)
        pushed = push_to(app, REMOTE, allowed=allowed) if location is not None else None
        app.show(SelfView(made, place if folder is not None else None, pushed))
