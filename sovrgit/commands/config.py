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
    if unset and (name is None or value is not None):
        raise click.UsageError("`--unset` takes the name of a setting and no value")
    if name is None:
        scopes = [app.user_config] if user else [app.user_config, app.pod.config]
        app.show(SettingsView([(key, text, str(scope.path)) for scope in scopes for key, text in scope.items()]))
        return 0
    if unset or value is not None:
        config.set(name, value)
        if app.console.as_json:
            app.show(SettingsView([(name, value, str(config.path))] if value is not None else []))
        return 0
    scopes = [config] if user else [app.pod.config, app.user_config]
    found = next(((name, text, str(scope.path)) for scope in scopes if (text := scope.get(name)) is not None), None)
    app.show(SettingsView([found] if found else [], single=True))
    return 0 if found else 1
