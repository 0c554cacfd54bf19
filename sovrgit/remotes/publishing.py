"""Putting a manifest in the place of another one, and seeing that it is there."""

from __future__ import annotations

import contextlib

from sovrgit.errors import RemoteStale, RemoteUnavailable
from sovrgit.remotes.base import Remote, Transient, doubt, with_retries
from sovrgit.remotes.manifest import Manifest, contains
from sovrgit.remotes.reading import decode_manifest


def publish(remote: Remote, manifest: Manifest, current: Manifest | None, raw: bytes | None) -> None:
    """Replace the manifest of a remote, and do not return before it can be read there.

    Args:
        current: the one that was seen there; `raw` is its bytes.

    Raises:
        RemoteStale: if another one has taken its place.
        RemoteUnavailable: if the place cannot be read or written, or does not keep what it is given.
    """
    publishing = _Publishing(remote, manifest, current, raw)
    with_retries(publishing.attempt)
    with_retries(publishing.confirm)


class _Publishing:
    """One manifest on its way."""

    def __init__(self, remote: Remote, manifest: Manifest, current: Manifest | None, raw: bytes | None) -> None:
        self._remote = remote
        self._manifest = manifest
        self._encoded = manifest.encode()
        self._current = current
        self._raw = raw
        self._is_open = False
        self._unread = 0

    def attempt(self) -> None:
        """Write it, unless it is there already."""
        # A lost answer leaves open whether it was written: look before trying again.
        if self._is_open and self._is_in(self._remote.read_manifest()):
            return
        self._is_open = True
        try:
            self._remote.publish(self._encoded, self._raw)
        except RemoteStale as error:
            if self._remote.answers_vary and not self._has_moved_on():
                raise doubt(self._remote, error) from error
            raise

    def confirm(self) -> None:
        """See that it is there; write it again if that may help."""
        try:
            found = self._remote.read_manifest()
        except Transient:
            # Once is bad luck. But a manifest of which a part was lost cannot be read either.
            self._unread += 1
            if self._unread > 1:
                self._write_again()
            raise
        if found == self._encoded or self._is_in(found):
            return
        if found == self._raw and self._remote.answers_vary:
            # A write can be answered well and be lost.
            self._write_again()
            raise doubt(self._remote, self._not_kept())
        raise doubt(self._remote, RemoteStale(remote=self._remote.describe()))

    def _write_again(self) -> None:
        # The same bytes once more do no harm if they are there; and if they show up at last, the next look tells.
        with contextlib.suppress(RemoteStale):
            self._remote.publish(self._encoded, self._raw)

    def _is_in(self, found: bytes | None) -> bool:
        """Whether what was found is the manifest, or was built upon it: another push may have followed at once."""
        there = decode_manifest(self._remote, found)
        return there is not None and contains(there, self._manifest)

    def _has_moved_on(self) -> bool:
        """Whether another manifest has taken the place of the one that was seen. An older one may be shown at times."""
        found = decode_manifest(self._remote, self._remote.read_manifest())
        if found is None or self._current is None:
            return found is not None
        if found.repository != self._current.repository or found.generation > self._current.generation:
            return True
        return found.generation == self._current.generation and found.id() != self._current.id()

    def _not_kept(self) -> RemoteUnavailable:
        return RemoteUnavailable(
            location=self._remote.describe(),
            reason="it answers that all is well, and has kept the manifest that was there",
            hint="nothing is lost: push again in a while; the packs that have arrived are not sent again",
        )
