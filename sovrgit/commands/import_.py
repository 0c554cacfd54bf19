"""`sovr import`: get a pod of one's own account into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.errors import PodUnrecognised

if TYPE_CHECKING:
    from sovrgit.remotes.fairos.client import FairOS
    from sovrgit.remotes.firstcli.look import PodLook


@sovr_command("import")
@click.argument("name")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--server", metavar="URL", help="The server; otherwise the setting `fairos.server`, or the one here.")
def command(app: App, name: str, folder: Path | None, server: str | None) -> None:
    """Get the pod NAME of your FairOS account, own or shared with you, into FOLDER.

    It may be one that `sovr` has pushed or one that the first Sovr CLI has stored. Nothing of it is run.
    """
    from sovrgit.commands.accounts import connect, fairos_server
    from sovrgit.commands.getting import get_pod, view_of
    from sovrgit.remotes.firstcli.adopt import clone_first, folder_name
    from sovrgit.remotes.firstcli.look import FirstPod, OtherPod
    from sovrgit.remotes.firstcli.reading import NamedPod
    from sovrgit.ui.adoptedview import AdoptedView

    address = fairos_server(app, server)
    with connect(app, address) as fairos:
        found = _look(fairos, name)
        if isinstance(found, OtherPod):
            raise found.error(f"fairos:{name}")
        if isinstance(found, FirstPod):
            target = app.folder / (folder_name(found) if folder is None else folder)
            reader = NamedPod(fairos, name)
            adopted = clone_first(reader, found, target, time_ns=app.now_ns(), progress=app.progress)
            app.use(adopted.pod)
            app.show(AdoptedView(adopted))
            return
    place = f"fairos:{name}" if server is None else f"fairos+{address}/{name}"
    app.show(view_of(app, get_pod(app, place, folder, "origin")))


def _look(fairos: FairOS, name: str) -> PodLook:
    """What is in the pod, which must be on the account."""
    from sovrgit.remotes.base import with_retries
    from sovrgit.remotes.firstcli.look import look
    from sovrgit.remotes.firstcli.reading import NamedPod

    # The list is asked, because a pod that is asked for by its name can seem absent for other reasons.
    if not with_retries(lambda: fairos.pod_present(name) or name in fairos.pods().shared):
        raise PodUnrecognised(place=f"fairos:{name}", reason="there is no pod of this name on the account")
    return look(NamedPod(fairos, name))
