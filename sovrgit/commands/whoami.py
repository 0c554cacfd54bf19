"""`sovr whoami`: which login counts."""

from __future__ import annotations

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.ui.loginview import WhoamiView


@sovr_command("whoami")
@click.option("--server", metavar="URL", help="The server; otherwise the setting `fairos.server`, or the one here.")
@click.option("--check", is_flag=True, help="Ask the server whether it takes the login.")
def command(app: App, server: str | None, check: bool) -> int:
    """Show which login counts for a FairOS server and where it is kept. Exits with 1 if there is none."""
    from sovrgit.commands.accounts import fairos_server, kept_secrets, known_login
    from sovrgit.credentials.logins import PasswordLogin

    address = fairos_server(app, server)
    secrets = kept_secrets(app)
    found = known_login(app, address, secrets)
    for trouble in secrets.passed_over:
        app.console.warn(trouble.message)
    if found is None:
        app.show(WhoamiView(str(address)))
        return 1
    account = found.address
    if check:
        from sovrgit.remotes.fairos.client import FairOS

        with FairOS(address, found.login) as fairos:
            account = fairos.log_in().address
    user = found.login.user if isinstance(found.login, PasswordLogin) else None
    app.show(WhoamiView(str(address), user, account, found.place, checked=check))
    if found.old is not None:
        app.console.hint(f"`sovr login` keeps this login safe; then delete `{found.old}`")
    return 0
