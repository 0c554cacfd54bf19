"""`sovr logout`: forget a login."""

from __future__ import annotations

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.ui.loginview import LogoutView


@sovr_command("logout")
@click.option("--server", metavar="URL", help="The server; otherwise the setting `fairos.server`, or the one here.")
def command(app: App, server: str | None) -> None:
    """Forget the login for a FairOS server, wherever it is kept. The account stays."""
    from sovrgit.commands.accounts import environment_login, fairos_server, kept_secrets, old_files
    from sovrgit.credentials.finding import forget_login

    address = fairos_server(app, server)
    app.show(LogoutView(str(address), forget_login(address.identity, kept_secrets(app))))
    if environment_login(app, address) is not None:
        app.console.warn("there still is a login in the environment (SOVR_FAIROS_…)")
    for path in old_files(app, address):
        app.console.warn(f"there still is a login in `{path}`")
