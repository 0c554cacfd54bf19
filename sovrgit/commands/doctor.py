"""`sovr doctor`: whether everything that is needed is there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sovrgit import env
from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command

if TYPE_CHECKING:
    from sovrgit.doctor.finding import Finding


@sovr_command("doctor")
@click.argument("about", type=click.Choice(["golem"]), required=False)
@click.option("--network", metavar="NAME", help="The payment network to look at, of Golem; `hoodi` if none is set.")
def command(app: App, about: str | None, network: str | None) -> int:
    """Look whether everything that is needed is there, and say what mends what is not. Nothing is changed.

    With `golem`: the daemon, its app-key, network and money, and what moves files and runs scripts. The exit code is
    1 if there is a problem.
    """
    from sovrgit.ui.doctorview import DoctorView

    if network is not None and about != "golem":
        raise click.UsageError("`--network` goes with `sovr doctor golem`")
    view = DoctorView(list(_golem(app, network) if about == "golem" else _local(app)))
    app.show(view)
    return 1 if view.problems else 0


def _local(app: App) -> Iterator[Finding]:
    from sovrgit.doctor.local import examine_machine, examine_pod

    yield from examine_machine(app.user_config, lambda: _author(app), lambda: _keyring(app))
    yield from examine_pod(app.folder)


def _author(app: App) -> str:
    stamp = app.author()
    return f"{stamp.name} <{stamp.email}>"


def _keyring(app: App) -> str:
    chosen = app.environ.get(env.CREDENTIALS.name)
    if chosen:
        return f"kept in the file `{chosen}`"
    from sovrgit.credentials.keyringstore import system_keyring

    return "kept in the system's keyring" if system_keyring() is not None else "kept in a file, there is no keyring"


def _golem(app: App, network: str | None) -> Iterator[Finding]:
    from sovrgit.doctor.golem import Wanted, examine_golem
    from sovrgit.runs.golem.daemon import DEFAULT_URL

    python = app.setting("golem.python")
    return examine_golem(
        Wanted(
            url=(app.environ.get(env.YAGNA_API_URL.name) or DEFAULT_URL).rstrip("/"),
            app_key=app.environ.get(env.YAGNA_APPKEY.name, ""),
            network=network or app.setting("golem.network") or "hoodi",
            subnet=app.environ.get(env.YAGNA_SUBNET.name) or "public",
            python=app.folder / python if python else Path(sys.executable),
            environ=app.environ,
            now=app.now_ns() / 1e9,
        )
    )
