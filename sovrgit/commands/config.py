"""`sovr config`: read and change settings."""

from __future__ import annotations

import click

from sovrgit.commands.app import App, sovr_command
from sovrgit.ui.configview import SettingsView


@sovr_command("config")
@click.argument("name", required=False)
@click.argument("value", required=False)
@click.option("--user", is_flag=True, help="The user's settings, for all pods; otherwise this pod's.")
@click.option("--unset", is_flag=True, help="Remove the setting.")
def command(app: App, name: str | None, value: str | None, user: bool, unset: bool) -> int:
    """Read and change settings, such as `user.name`, `user.email`, `core.editor` and `core.pager`.

    Without VALUE the setting is printed, without NAME all of them. The pod's own settings win over the user's.
    """
    config = app.user_config if user else app.pod.config
    if name is None:
        scopes = [app.user_config] if user else [app.user_config, app.pod.config]
        app.show(SettingsView([(key, text, str(scope.path)) for scope in scopes for key, text in scope.items()]))
        return 0
    if unset or value is not None:
        config.set(name, None if unset else value)
        return 0
    found = config.get(name) if user else app.setting(name)
    if found is None:
        return 1
    app.show(SettingsView([(name, found, "")], single=True))
    return 0
