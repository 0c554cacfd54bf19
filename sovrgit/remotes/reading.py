"""Reading a remote's manifest, and saying of what is wrong that it came from there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sovrgit.errors import IntegrityFailure, ObjectInvalid, ObjectMissing, RemoteDamaged, RemoteDiverged, UnsafeName
from sovrgit.remotes.base import Remote, doubt, with_retries
from sovrgit.remotes.manifest import Manifest, check_continues
from sovrgit.remotes.state import RemoteState

BROKEN = (IntegrityFailure, ObjectMissing, ObjectInvalid, UnsafeName)
"""What is wrong with data that came from outside."""


def read_manifest(remote: Remote, state: RemoteState) -> tuple[Manifest | None, bytes | None]:
    """The manifest of a remote, checked against what was seen of it before; with its bytes.

    Raises:
        RemoteUnavailable: if the remote cannot be read.
        RemoteDamaged: if it is not a manifest.
        RemoteDiverged: if it does not continue the one in `state`.
    """
    seen = state.manifest if remote.keeps_chain else None

    def attempt() -> tuple[Manifest | None, bytes | None]:
        raw = remote.read_manifest()
        manifest = decode_manifest(remote, raw)
        if seen is not None:
            try:
                _check_follows(remote, seen, manifest)
            except RemoteDiverged as error:
                if manifest is None or manifest.generation < seen.generation:
                    # Not from itself: a chain of causes comes to an end.
                    raise doubt(remote, error) from error.__cause__
                raise
        return manifest, raw

    return with_retries(attempt)


def decode_manifest(remote: Remote, raw: bytes | None) -> Manifest | None:
    """What a remote gave as its manifest.

    Raises:
        RemoteDamaged: if it is none.
    """
    try:
        return None if raw is None else Manifest.decode(raw)
    except ObjectInvalid as error:
        raise doubt(remote, RemoteDamaged(remote=remote.describe(), reason=error.message)) from error


def _check_follows(remote: Remote, seen: Manifest, found: Manifest | None) -> None:
    if found is not None:
        check_continues(seen, found, remote.describe())
        return
    # To push to it as to a new one would hide what others had pushed, if it is only out of sight.
    first = "it may be found again after a while" if remote.is_far else "is the disk attached?"
    raise RemoteDiverged(
        remote=remote.describe(),
        reason=f"it is empty, and generation {seen.generation} has been seen",
        hint=f"{first}; if it was emptied on purpose: `sovr remote remove` and `sovr remote add`",
    )


@contextlib.contextmanager
def blaming(remote: Remote) -> Iterator[None]:
    """Say of what is found to be damaged inside the block that it came from a remote."""
    try:
        yield
    except BROKEN as error:
        raise RemoteDamaged(remote=remote.describe(), reason=error.message) from error
