"""What all parts of the Python API's pod share: the pod below, the clock, and who works here."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeAlias

from sovrgit import env
from sovrgit.errors import IdentityUnknown, PathNotFound

if TYPE_CHECKING:
    from sovrgit.objects.commit import Stamp
    from sovrgit.objects.ids import ObjectId
    from sovrgit.pod.pod import Pod as Repository
    from sovrgit.remotes.networks import Networks
    from sovrgit.signing.ethereum import SigningKey

Where: TypeAlias = str | os.PathLike[str]
"""A path on this machine."""


class PodBase:
    """A pod, with the verbs of the command line.

    `repository` is the library's own object, for whatever this class does not offer. Use it in a `with` block, or
    call `close`, to let go of its files.

    Args:
        environ: what a run's command gets a part of, and where an author is looked for.
        author: `Name <address>`.
        clock: the time in nanoseconds since 1970.
        networks: how to reach networks; without it only what is on this machine can be reached.
        known_keys: the names of keys by address that this user has given them.
        devnet: finds the stand-in for Golem that runs on this machine: its address and folder.
    """

    def __init__(
        self,
        repository: Repository,
        *,
        author: str | None = None,
        environ: Mapping[str, str],
        clock: Callable[[], int] = time.time_ns,
        networks: Callable[[Repository], Networks] | None = None,
        known_keys: Callable[[], Mapping[str, str]] = dict,
        devnet: Callable[[], tuple[str, Path] | None] = lambda: None,
    ) -> None:
        self.repository = repository
        self._author = author
        self._environ = environ
        self._clock = clock
        self._find_networks = networks
        self._known_keys = known_keys
        self._find_devnet = devnet
        self._signing_key: SigningKey | None = None
        repository.supply = self._supply

    def __repr__(self) -> str:
        return f"Pod({str(self.root)!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the pod's files."""
        self.repository.close()

    @property
    def root(self) -> Path:
        """The pod's folder."""
        return self.repository.root

    @property
    def head(self) -> ObjectId | None:
        """The commit that is checked out, None before the first one."""
        return self.repository.head()

    def stamp(self) -> Stamp:
        """Who works here, and when.

        Raises:
            IdentityUnknown: if nobody has said who.
        """
        from sovrgit.objects.commit import Stamp

        seconds = self._clock() // 1_000_000_000
        zone = (time.localtime(seconds).tm_gmtoff or 0) // 60
        name, email = identity_of(self._author, self._environ, self.repository)
        return Stamp(name, email, seconds, zone)

    def _supply(self, wanted: Collection[ObjectId]) -> None:
        """Content on first use."""
        from sovrgit.remotes.supply import Supply

        Supply(self.repository, self._networks())(wanted)

    def _networks(self) -> Networks | None:
        return None if self._find_networks is None else self._find_networks(self.repository)

    def _remote(self, name: str | None) -> str:
        from sovrgit.remotes.locations import default_remote

        return name or default_remote(self.repository)


def identity_of(author: str | None, environ: Mapping[str, str], repository: Repository | None) -> tuple[str, str]:
    """Name and address of whoever works here.

    Raises:
        IdentityUnknown: if nobody has said who.
    """
    if author is not None:
        name, _, rest = author.partition("<")
        return name.strip(), rest.rstrip("> ")
    settings = repository.config if repository is not None else None
    name = environ.get(env.AUTHOR_NAME.name) or (settings.get("user.name") if settings else None) or ""
    email = environ.get(env.AUTHOR_EMAIL.name) or (settings.get("user.email") if settings else None) or ""
    if not name:
        raise IdentityUnknown(hint="give `author=` to `sovrgit.open`, or set SOVR_AUTHOR_NAME")
    return name, email


def inside(path: Where) -> bytes:
    """A path from the pod's root."""
    text = os.path.normpath(path)
    if os.path.isabs(text) or text.split(os.sep)[0] == os.pardir:
        raise PathNotFound(path=text, where="the pod", hint="paths are given from the pod's root")
    return b"" if text == os.curdir else os.fsencode(text)
