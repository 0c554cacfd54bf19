"""`sovr pods`: the pods of an account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.ui.podsview import PodsView

if TYPE_CHECKING:
    from sovrgit.remotes.fairos.contents import Contents


@sovr_command("pods")
@click.option("--server", metavar="URL", help="The server; otherwise the setting `fairos.server`, or the one here.")
@click.option("--all", "all_kinds", is_flag=True, help="Also pods without a recipe, and those of registries.")
@click.option(
    "--refs", "references", is_flag=True, help="With the references of own pods, by which anybody reads them."
)
def command(app: App, server: str | None, all_kinds: bool, references: bool) -> None:
    """List the pods on your FairOS account: own ones, and those that others have shared with you.

    Each is looked into, so that the list is what there is now. A pod that cannot be read is listed as broken, with the
    reason; a private one whose key is not known here as sealed.

    The reference of a pod grants all of its content, now and for ever, to everybody who has it: it is shown with
    `--refs` only, which also makes it at the server if there was none.
    """
    from sovrgit.commands.accounts import connect, fairos_server
    from sovrgit.registry.survey import survey
    from sovrgit.remotes.fairos.sealed import SealedContents
    from sovrgit.remotes.sealing.keeping import need_key

    def unlock(fingerprint: str) -> Contents:
        return SealedContents(need_key(app.networks.secrets, fingerprint, "the pod"))

    address = fairos_server(app, server)
    with connect(app, address) as fairos:
        found = survey(fairos, unlock=unlock, references=references, progress=app.progress)
    app.show(PodsView(str(address), found, app.now_ns() // 1_000_000_000, all_kinds))
