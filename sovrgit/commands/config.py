"""`sovr config`: read and change settings."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.errors import ConfigInvalid, NotAPod
from sovrgit.ui.configview import SettingsView

if TYPE_CHECKING:
    from sovrgit.pod.config import Config
    from sovrgit.scopes import Entry, Scope


@sovr_command("config")
@click.argument("name", required=False)
@click.argument("value", required=False)
@click.option("--user", is_flag=True, help="The user's settings, for all pods.")
@click.option("--pod", "of_pod", is_flag=True, help="This pod's settings, which are changed if nothing is said.")
@click.option("--unset", is_flag=True, help="Remove the setting.")
@click.option("-l", "--list", "everything", is_flag=True, help="List all settings, as without NAME.")
@click.option(
    "--show-origin", is_flag=True, help="Show every place that says something, and which counts: the environment, too."
)
def command(
    app: App,
    name: str | None,
    value: str | None,
    user: bool,
    of_pod: bool,
    unset: bool,
    everything: bool,
    show_origin: bool,
) -> int:
    """Read and change settings, such as `user.name`, `user.email`, `core.editor` and `core.pager`.

    Without VALUE the setting is printed, without NAME all of them. The pod's own settings win over the user's, but
    what names a program or a server is taken from the user's only. `sovr help configuration` lists what there is;
    `sovr -c NAME=VALUE COMMAND` sets something for one command.
    """
    if unset and (name is None or value is not None):
        raise click.UsageError("`--unset` takes the name of a setting and no value")
    if user and of_pod:
        raise click.UsageError("`--user` and `--pod` exclude each other")
    if everything and name is not None:
        raise click.UsageError("`--list` takes no name")
    if show_origin and (unset or value is not None):
        raise click.UsageError("`--show-origin` goes with reading")
    if unset or value is not None:
        assert name is not None
        _change(app, name, value, user)
        return 0
    if of_pod:
        _ = app.pod  # there must be one
    elif not user:
        # For its settings, if there is one.
        with contextlib.suppress(NotAPod):
            _ = app.pod
    if name is not None:
        _refuse_non_names(app, name)
    wanted: set[Scope] = {"user"} if user else {"pod"} if of_pod else {"user", "pod", "command"}
    if show_origin and not user and not of_pod:
        wanted.add("environment")
    found = [entry for entry in app.settings.entries() if entry.scope in wanted]
    if name is not None:
        from sovrgit.settings import normal

        found = [entry for entry in found if entry.name == normal(name)]
        if not show_origin:
            app.setting(name)  # tells of one that is ignored
            found = _last(found)
    app.show(SettingsView(found, single=name is not None, show_origin=show_origin))
    return 0 if found or name is None else 1


def _last(entries: list[Entry]) -> list[Entry]:
    """The one of several in the places that were asked that wins."""
    return [entry for entry in entries if not entry.ignored][-1:]


def _change(app: App, name: str, value: str | None, user: bool) -> None:
    from sovrgit.scopes import Entry

    config = app.user_config if user else app.pod.config
    if user and config.path == Path(os.devnull):
        raise ConfigInvalid(
            file="SOVR_CONFIG", reason="is empty, so the user has no file of settings", hint="unset it, or name a file"
        )
    if value is not None:
        _check(app, name, value, user)
    config.set(name, value)
    if app.console.as_json:
        entry = Entry(name, value or "", "user" if user else "pod", str(config.path))
        app.show(SettingsView([entry] if value is not None else []))


def _check(app: App, name: str, value: str, user: bool) -> None:
    from sovrgit.settings import known, normal

    setting = known(name)
    if setting is None:
        _refuse_non_names(app, name)
        app.warn_unknown(name)
        return
    if setting.users_only and not user:
        raise ConfigInvalid(
            file=name,
            reason=f"it {setting.users_only}, so a pod's own settings cannot set it",
            hint=f"`sovr config --user {name} VALUE` sets it for you",
        )
    if wrong := setting.check(value):
        raise ConfigInvalid(file=name, reason=f"what was given {wrong}", hint="`sovr help configuration` describes it")
    if setting.name == "alias.NAME":
        from sovrgit.commands.catalogue import names

        alias = normal(name).partition(".")[2]
        if alias in names():
            raise ConfigInvalid(file=name, reason=f"`{alias}` is a command, which no alias can hide", hint="")


def _refuse_non_names(app: App, name: str) -> None:
    """Let the file say that it is no name."""
    config: Config = app.user_config
    config.get(name)
