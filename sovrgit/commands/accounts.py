"""The surroundings of the command line, as far as networks are concerned."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sovrgit.accounts import Surroundings
from sovrgit.commands.app import App
from sovrgit.credentials.finding import FoundLogin
from sovrgit.credentials.stores import Secrets
from sovrgit.errors import NotAPod
from sovrgit.remotes.fairos.address import ServerAddress
from sovrgit.remotes.networks import Networks

if TYPE_CHECKING:
    from sovrgit.credentials.logins import Login
    from sovrgit.pod.pod import Pod
    from sovrgit.remotes.fairos.client import FairOS


def surroundings(app: App) -> Surroundings:
    """What the command line reaches networks with."""
    pod: Pod | None = None
    # For its settings, if there is one.
    with contextlib.suppress(NotAPod):
        pod = app.pod

    def old_login(found: FoundLogin) -> None:
        app.console.hint(f"logging in as `{found.old}` says; `sovr login` keeps it safe, then delete the file")

    return Surroundings(app.environ, app.setting, app.folder, pod, _places, old_login)


def _places() -> tuple[Path, Path]:
    from platformdirs import user_config_path, user_state_path

    return user_config_path("sovr"), user_state_path("sovr")


def user_places(app: App) -> tuple[Path, Path]:
    """The user's own folders, for configuration and for state."""
    return surroundings(app).places()


def networks(app: App) -> Networks:
    """How this user reaches networks."""
    return surroundings(app).networks()


def fairos_server(app: App, chosen: str | None = None) -> ServerAddress:
    """The server that is meant."""
    return surroundings(app).server(chosen)


def kept_secrets(app: App) -> Secrets:
    """The places where this user's secrets are kept."""
    return surroundings(app).secrets()


def known_login(app: App, server: ServerAddress, secrets: Secrets) -> FoundLogin | None:
    """The login that counts for a server, or None."""
    return surroundings(app).known_login(server, secrets)


def connect(app: App, server: ServerAddress) -> FairOS:
    """A client of a server, which looks for the login when it needs one."""
    return surroundings(app).connect(server)


def environment_login(app: App, server: ServerAddress) -> Login | None:
    """The login in the environment, if it is for this server."""
    return surroundings(app).environment_login(server)


def old_files(app: App, server: ServerAddress) -> Iterator[Path]:
    """Where the first Sovr CLI may have left its login for this server."""
    return surroundings(app).old_files(server)
