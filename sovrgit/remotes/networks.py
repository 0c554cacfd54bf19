"""What remotes on networks need and only the top of the program knows: servers, logins, where secrets are kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
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
        hurried: as `connect`, a client that soon gives up.
    """

    connect: Callable[[ServerAddress | None], FairOS]
    secrets: Secrets
    locks: Path | None = None
    hurried: Callable[[ServerAddress | None], FairOS] | None = None

    def in_a_hurry(self) -> Networks:
        """The same networks, for what can be done without: nobody waits long for an answer."""
        return self if self.hurried is None else replace(self, connect=self.hurried)
