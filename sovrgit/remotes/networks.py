"""What remotes on networks need and only the top of the program knows: servers, logins, where secrets are kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sovrgit.credentials.stores import Secrets
    from sovrgit.remotes.fairos.address import ServerAddress
    from sovrgit.remotes.fairos.client import FairOS


@dataclass(frozen=True, slots=True)
class Networks:
    """How to reach networks.

    Args:
        connect: a client of a FairOS server, which finds the login when it needs one; None stands for the server that
            is meant when none is named.
        secrets: where this user's keys of private pods are kept.
        locks: a folder of this user for locks on places that have none themselves; None for no locks.
    """

    connect: Callable[[ServerAddress | None], FairOS]
    secrets: Secrets
    locks: Path | None = None
