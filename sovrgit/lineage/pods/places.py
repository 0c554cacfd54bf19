"""Where a reference in a record leads, how it may be shown, and whether it may be followed."""

from __future__ import annotations

import os
from pathlib import Path

from sovrgit.errors import ConfigInvalid, ReferenceUnknown, SovrError, UnsafeName
from sovrgit.remotes.fairos.place import is_fairos, parse_place
from sovrgit.remotes.fairos.wording import without_secrets


def locate(reference: str, base: Path) -> str:
    """The place that a reference names, with nothing secret in it: an absolute path, or a pod on a FairOS server.

    Args:
        base: what paths are relative to.

    Raises:
        ReferenceUnknown, ConfigInvalid, UnsafeName, Unsupported: if it names none that can be reached.
    """
    if is_fairos(reference) and not os.path.exists(base / reference):
        return parse_place(reference).location
    from sovrgit.remotes.locations import local_path

    return local_path(reference, base)


def shown_reference(reference: str) -> str:
    """A reference as anybody may see it: what leads to a pod on a network, and what opens it, is not in it."""
    if is_fairos(reference):
        try:
            return parse_place(reference).location
        except (ReferenceUnknown, ConfigInvalid, UnsafeName):
            pass
    return without_secrets(reference)


def server_of(location: str) -> str | None:
    """The server that a location names: nothing for the one that is meant when none is named, None for a path."""
    if not location.startswith(("fairos:", "fairos+")):
        return None
    try:
        server = parse_place(location).server
    except SovrError:
        return ""
    return "" if server is None else str(server)


def refusal(location: str, holder: str | None, servers: frozenset[str]) -> str:
    """Why a place is not asked though a record names it; nothing if it may be.

    What others have written must not make this machine talk to a server of their choice, nor show what lies in folders
    here as if it had been published.

    Args:
        holder: the place of the pod in whose records it stands; None for records that were made here.
        servers: the servers that the user has named.
    """
    server = server_of(location)
    if server is None:
        return "a pod on a network names a folder of this machine" if holder and server_of(holder) is not None else ""
    if server in ("", *servers) or (holder is not None and server == server_of(holder)):
        return ""
    return f"only a record names the server {server}, and you have not"
