"""`sovr remote`: the remotes that this pod knows."""

from __future__ import annotations

from typing import Any

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import SovrCommand, global_options
from sovrgit.ui.transferview import RemotesView


class _Remote(click.Group):
    command_class = SovrCommand

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += global_options()


@click.group("remote", cls=_Remote, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List, add and remove remotes."""
    if ctx.invoked_subcommand is None:
        _show(ctx.ensure_object(App))


@command.command("list")
@click.pass_obj
def list_(app: App) -> None:
    """List the remotes and where they are."""
    _show(app)


@command.command()
@click.argument("name")
@click.argument("location")
@click.option("--private/--public", default=None, help="Seal a FairOS pod, or not; otherwise as its recipe says.")
@click.pass_obj
def add(app: App, name: str, location: str, private: bool | None) -> None:
    """Call the place LOCATION by NAME from now on. It need not exist yet: the first push makes it.

    LOCATION is a folder, a `file://` address, `fairos:POD` or `fairos+https://HOST/POD` for a pod of yours on a FairOS
    server, or a sharing reference for somebody else's; `-` reads it from standard input.
    """
    from sovrgit.commands.getting import typed_reference
    from sovrgit.remotes.locations import add_remote

    setting = add_remote(app.pod, name, typed_reference(location), app.folder, app.networks, private=private)
    if app.console.as_json:
        app.show(RemotesView([setting]))
    else:
        app.console.note(f"added {setting.name}: {setting.location}")


@command.command()
@click.argument("name")
@click.pass_obj
def remove(app: App, name: str) -> None:
    """Forget the remote NAME. What is stored there stays."""
    from sovrgit.remotes.locations import remotes, remove_remote

    remove_remote(app.pod, name)
    if app.console.as_json:
        app.show(RemotesView(remotes(app.pod)))
    else:
        app.console.note(f"removed {name}")


def _show(app: App) -> None:
    from sovrgit.remotes.locations import remotes

    app.show(RemotesView(remotes(app.pod)))
