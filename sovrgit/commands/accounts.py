"""What the surroundings say about FairOS: which server is meant, which login counts, where logins are kept."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sovrgit import env
from sovrgit.commands.app import App
from sovrgit.credentials.finding import OLD_FILE, FoundLogin, find_login, machine_login, need_login
from sovrgit.credentials.stores import Secrets, SecretStore
from sovrgit.errors import NotAPod, PathNotFound, RevisionNotFound
from sovrgit.remotes.fairos.address import DEFAULT, ServerAddress

if TYPE_CHECKING:
    from sovrgit.credentials.logins import Login
    from sovrgit.remotes.fairos.client import FairOS


def fairos_server(app: App, chosen: str | None = None) -> ServerAddress:
    """The server that is meant: the chosen one, else the environment's, the setting's, the one on this machine.

    Raises:
        ConfigInvalid: if that is no server's address.
    """
    named = chosen or app.environ.get(env.FAIROS_URL.name)
    if not named:
        # For its settings, if this is one.
        with contextlib.suppress(NotAPod):
            _ = app.pod
        named = app.setting("fairos.server") or DEFAULT
    return ServerAddress.parse(named)


def kept_secrets(app: App) -> Secrets:
    """The places where this user's secrets are kept."""
    from sovrgit.credentials.filestore import FileStore

    chosen = app.environ.get(env.CREDENTIALS.name)
    if chosen:
        return Secrets([FileStore(app.folder / chosen)])
    from platformdirs import user_config_path

    from sovrgit.credentials.keyringstore import KeyringStore

    stores: list[SecretStore] = [KeyringStore(), FileStore(user_config_path("sovr") / "credentials")]
    return Secrets(stores)


def known_login(app: App, server: ServerAddress, secrets: Secrets) -> FoundLogin | None:
    """The login that counts for a server, or None.

    Raises:
        ConfigInvalid, StorageFailure: if it is there and cannot be read.
    """
    machine = environment_login(app, server)
    return find_login(str(server), secrets, machine=machine, old_files=old_files(app, server))


def connect(app: App, server: ServerAddress) -> FairOS:
    """A client of a server, which looks for the login when it needs one."""
    from sovrgit.remotes.fairos.client import FairOS

    def login() -> Login:
        machine = environment_login(app, server)
        found = need_login(str(server), kept_secrets(app), machine=machine, old_files=old_files(app, server))
        if found.old is not None:
            app.console.hint(f"logging in as `{found.old}` says; `sovr login` keeps it safe, then delete the file")
        return found.login

    return FairOS(server, login)


def environment_login(app: App, server: ServerAddress) -> Login | None:
    """The login in the environment, which is for the server that is meant when none is chosen, and for no other.

    Raises:
        ConfigInvalid: if it is not a whole one.
        StorageFailure: if the file of the password cannot be read.
    """
    names = (env.FAIROS_USER, env.FAIROS_PASSWORD, env.FAIROS_PASSWORD_FILE, env.FAIROS_SIGNATURE)
    user, password, file, signature = (app.environ.get(variable.name) for variable in names)
    if not (user or password or file or signature) or server != fairos_server(app):
        return None
    if file and not password:
        from sovrgit.store.files import reporting

        path = app.folder / file
        with reporting(path):
            password = path.read_text("utf-8", "surrogateescape").rstrip("\r\n")
    return machine_login(user, password, signature)


def old_files(app: App, server: ServerAddress) -> Iterator[Path]:
    """Where the first Sovr CLI, which knew one server only, may have left its login: beside itself, or in the pod.

    A file that came with somebody's pod does not count: it would make others push into an account of theirs.
    """
    if server != ServerAddress.parse(DEFAULT):
        return
    folders = [app.folder]
    with contextlib.suppress(NotAPod):
        if app.pod.root not in folders:
            folders.append(app.pod.root)
    folders += [folder / "src" for folder in list(folders) if (folder / "src" / "cli.py").is_file()]
    for folder in folders:
        path = folder / OLD_FILE
        if path.is_file() and not _is_committed(app, path):
            yield path


def _is_committed(app: App, path: Path) -> bool:
    from sovrgit.pod.revisions import resolve_path

    try:
        relative = os.path.relpath(os.path.abspath(path), os.path.abspath(app.pod.root))
        resolve_path(app.pod, "HEAD", os.fsencode(relative))
    except (NotAPod, PathNotFound, RevisionNotFound):
        return False
    return True
