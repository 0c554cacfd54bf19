"""What the surroundings say about networks: which server is meant, which login counts, where secrets are kept.

The surroundings are handed in: by the command line its own, by `sovrgit.api` those of the calling program.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sovrgit import env
from sovrgit.credentials.finding import OLD_FILE, FoundLogin, find_login, machine_login, need_login
from sovrgit.credentials.stores import Secrets, SecretStore
from sovrgit.errors import PathNotFound, RevisionNotFound
from sovrgit.pod.pod import Pod
from sovrgit.remotes.fairos.address import DEFAULT, ServerAddress
from sovrgit.remotes.networks import Networks

if TYPE_CHECKING:
    from sovrgit.credentials.logins import Login
    from sovrgit.remotes.fairos.client import FairOS


def _say_nothing(login: FoundLogin) -> None:
    """Nobody is told where a login comes from."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What networks are reached with.

    Args:
        environ: the environment.
        setting: the value of a setting that counts; see `sovrgit.scopes`.
        folder: where relative paths start.
        pod: the pod that is worked in, if there is one.
        places: the user's folders for configuration and for state, asked for when they are needed; None if the user
            has none, as in some tests and machines.
        old_login: told of a login that the first Sovr CLI left, when it is used.
    """

    environ: Mapping[str, str]
    setting: Callable[[str], str | None]
    folder: Path
    pod: Pod | None
    places: Callable[[], tuple[Path, Path]]
    old_login: Callable[[FoundLogin], None] = _say_nothing

    def server(self, chosen: str | None = None) -> ServerAddress:
        """The server that is meant: the chosen one, else that of the settings, else the one on this machine.

        Raises:
            ConfigInvalid: if that is no server's address.
        """
        named = chosen or self.setting("fairos.server") or DEFAULT
        return ServerAddress.parse(named)

    def secrets(self) -> Secrets:
        """The places where this user's secrets are kept."""
        from sovrgit.credentials.filestore import FileStore

        chosen = self.environ.get(env.CREDENTIALS.name)
        if chosen:
            return Secrets([FileStore(self.folder / chosen)])
        from sovrgit.credentials.keyringstore import KeyringStore

        stores: list[SecretStore] = [KeyringStore(), FileStore(self.places()[0] / "credentials")]
        return Secrets(stores)

    def known_login(self, server: ServerAddress, secrets: Secrets) -> FoundLogin | None:
        """The login that counts for a server, or None.

        Raises:
            ConfigInvalid, StorageFailure: if it is there and cannot be read.
        """
        machine = self.environment_login(server)
        return find_login(server.identity, secrets, machine=machine, old_files=self.old_files(server))

    def connect(self, server: ServerAddress, *, hurried: bool = False) -> FairOS:
        """A client of a server, which looks for the login when it needs one.

        Args:
            hurried: it soon gives up.
        """
        from sovrgit.remotes.fairos.client import FairOS
        from sovrgit.remotes.fairos.timeouts import HURRY, PATIENCE

        def login() -> Login:
            machine = self.environment_login(server)
            found = need_login(
                server.identity,
                self.secrets(),
                machine=machine,
                old_files=self.old_files(server),
                shown=str(server),
            )
            if found.old is not None:
                self.old_login(found)
            return found.login

        return FairOS(server, login, timeouts=HURRY if hurried else PATIENCE)

    def networks(self) -> Networks:
        """How this user reaches networks."""
        return Networks(
            connect=lambda server: self.connect(server if server is not None else self.server()),
            secrets=self.secrets(),
            locks=self.places()[1] / "locks",
            hurried=lambda server: self.connect(server if server is not None else self.server(), hurried=True),
        )

    def environment_login(self, server: ServerAddress) -> Login | None:
        """The login in the environment, which is for the server that is meant when none is chosen, and for no other.

        Raises:
            ConfigInvalid: if it is not a whole one.
            StorageFailure: if the file of the password cannot be read.
        """
        names = (env.FAIROS_USER, env.FAIROS_PASSWORD, env.FAIROS_PASSWORD_FILE, env.FAIROS_SIGNATURE)
        user, password, file, signature = (self.environ.get(variable.name) for variable in names)
        if not (user or password or file or signature) or server.identity != self.server().identity:
            return None
        if file and not password:
            from sovrgit.store.files import reporting

            path = self.folder / file
            with reporting(path):
                password = path.read_text("utf-8", "surrogateescape").rstrip("\r\n")
        return machine_login(user, password, signature)

    def old_files(self, server: ServerAddress) -> Iterator[Path]:
        """Where the first Sovr CLI, which knew one server only, may have left its login: beside itself, or in the pod.

        A file that came with somebody's pod does not count: it would make others push into an account of theirs.
        """
        if server.identity != ServerAddress.parse(DEFAULT).identity:
            return
        folders = [self.folder]
        if self.pod is not None and self.pod.root not in folders:
            folders.append(self.pod.root)
        folders += [folder / "src" for folder in list(folders) if (folder / "src" / "cli.py").is_file()]
        for folder in folders:
            path = folder / OLD_FILE
            if path.is_file() and not self._is_committed(path):
                yield path

    def _is_committed(self, path: Path) -> bool:
        from sovrgit.pod.revisions import resolve_path

        if self.pod is None:
            return False
        with contextlib.suppress(PathNotFound, RevisionNotFound):
            relative = os.path.relpath(os.path.abspath(path), os.path.abspath(self.pod.root))
            resolve_path(self.pod, "HEAD", os.fsencode(relative))
            return True
        return False
