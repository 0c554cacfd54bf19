"""A pod that somebody shared, as a remote to read from: no account is needed, and nothing is ever cached on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar

from blake3 import blake3

from sovrgit.errors import (
    KeyNeeded,
    ReferenceUnknown,
    RemoteDamaged,
    RemoteUnavailable,
    SealBroken,
    SharingRefused,
    SovrError,
)
from sovrgit.objects.codec import MAX_METADATA_SIZE
from sovrgit.objects.ids import ObjectId
from sovrgit.remotes.base import Transient, doubt
from sovrgit.remotes.fairos.arriving import arriving
from sovrgit.remotes.fairos.client import FairOS
from sovrgit.remotes.fairos.contents import Contents
from sovrgit.remotes.fairos.failures import FileAbsent, LeftBehind, PodAbsent, ReferenceAbsent
from sovrgit.remotes.fairos.reference import SharingReference
from sovrgit.remotes.sealing.form import largest_sealed, sealed_with

Unlock = Callable[[str], Contents]

FOLDER = "/sovr"
MANIFEST = "manifest"
_MANIFEST_PATH = f"{FOLDER}/{MANIFEST}"
_LISTING_PATH = f"{FOLDER}/index.dfs"
_LARGEST_LISTING = 4 << 20
"""Bytes: the names of 50,000 packs."""


class SharedPod:
    """What a sharing reference leads to.

    Args:
        client: closed with this.
        location: what the place is remembered by.
        contents: how files are kept there.
        unlock: how they are kept if they turn out to be sealed, and that was not known; finds the key by its
            fingerprint.
        was_found: whether the reference is known to be a good one.
    """

    kind: ClassVar[str] = "fairos"
    keeps_chain: ClassVar[bool] = True
    answers_vary: ClassVar[bool] = True
    is_far: ClassVar[bool] = True
    downloads_at_once: ClassVar[int] = 4
    # The servers ignore `Range`.
    has_ranges: ClassVar[bool] = False

    def __init__(
        self,
        client: FairOS,
        location: str,
        reference: SharingReference | None,
        contents: Contents,
        unlock: Unlock | None = None,
        *,
        was_found: bool = False,
    ) -> None:
        self.location = location
        self._client = client
        self._reference = reference
        self._contents = contents
        self._unlock = unlock
        self._was_found = was_found

    def describe(self) -> str:
        return self.location

    def close(self) -> None:
        self._client.close()

    def at(self, origin: str) -> SharedPod:
        try:
            reference = SharingReference.parse(origin)
        except ReferenceUnknown as error:
            raise RemoteDamaged(remote=self.location, reason="it names packs at no sharing reference") from error
        # Only by reference, on the same server: a manifest names no addresses. It was a good one once, so that it is
        # asked for again if it is not found.
        location = f"fairos:ref-{reference.fingerprint}"
        return SharedPod(self._client, location, reference, Contents(), was_found=True)

    def writing(self) -> AbstractContextManager[None]:
        raise self._read_only()

    @property
    def client(self) -> FairOS:
        """The client that is used, which is closed with this."""
        return self._client

    @property
    def contents(self) -> Contents:
        """How files are kept there, as far as it is known."""
        return self._contents

    # --- reading ------------------------------------------------------------------------------------------------

    def read_manifest(self) -> bytes | None:
        try:
            data = self._read(_MANIFEST_PATH, largest_sealed(MAX_METADATA_SIZE))
        except LeftBehind:
            return None
        except FileAbsent as error:
            if self._is_listed():
                raise Transient(location=self.location, reason="its manifest is listed, and not found") from error
            return None
        try:
            if not self._contents.sealed and (fingerprint := sealed_with(data, f"the manifest of `{self.location}`")):
                if self._unlock is None:
                    raise RemoteDamaged(remote=self.location, reason="it is sealed, and was not when it was named")
                self._contents = self._unlock(fingerprint)
            return self._contents.open_manifest(data, self.location)
        except SealBroken as error:
            raise doubt(self, error) from error

    def read_file(self, path: str, limit: int) -> bytes | None:
        """A small file of the pod as it is now, or None if it is not found.

        Raises:
            RemoteUnavailable: if there is no such pod, or the server cannot be reached.
            RemoteDamaged: if it has more than `limit` bytes.
        """
        try:
            return self._read(path, limit)
        except FileAbsent:
            return None

    def _read(self, path: str, limit: int) -> bytes:
        try:
            data = self._client.read_public_file(self.reference(), path, limit)
        except ReferenceAbsent as error:
            raise self._no_such_reference() from error
        self._was_found = True
        return data

    def _is_listed(self) -> bool:
        """Whether the folder's own file names a manifest. Absence proves nothing, but this does: a server whose lookup
        took too long says of a file that is there that it is not."""
        try:
            listing = json.loads(self._read(_LISTING_PATH, _LARGEST_LISTING))
            return f"_F_{MANIFEST}" in listing["fileOrDirNames"]
        except (FileAbsent, RemoteDamaged, ValueError, TypeError, KeyError, RecursionError):
            return False

    def has_pack(self, pack: ObjectId, size: int) -> bool:
        digest = blake3()
        counted = 0

        def take(data: bytes) -> None:
            nonlocal counted
            counted += len(data)
            digest.update(data)

        try:
            self._fetch(pack, size, take)
        except (FileAbsent, PodAbsent, RemoteDamaged, SealBroken, KeyNeeded):
            return False
        return counted == size and digest.digest() == pack

    def get_pack(self, pack: ObjectId, size: int, target: Path, advance: Callable[[int], None]) -> None:
        try:
            # Told is of the pack itself: sealed, it is larger than those know who wait for it.
            with arriving(target, size, advance) as write:
                self._fetch(pack, size, write)
        except FileAbsent as error:
            hint = "the owner may have pushed a moment ago; wait some minutes and repeat: what has arrived is kept"
            missing = RemoteDamaged(remote=self.location, reason=f"pack {pack.short} is not there", hint=hint)
            raise doubt(self, missing) from error
        except (RemoteDamaged, SealBroken, KeyNeeded) as error:
            raise doubt(self, error) from error

    def get_range(self, pack: ObjectId, size: int, offset: int, length: int) -> bytes:
        position = 0
        kept = bytearray()

        def take(data: bytes) -> None:
            nonlocal position
            kept.extend(data[max(offset - position, 0) : max(offset + length - position, 0)])
            position += len(data)

        try:
            self._fetch(pack, size, take)
        except (FileAbsent, RemoteDamaged, SealBroken, KeyNeeded) as error:
            missing = RemoteDamaged(remote=self.location, reason=f"pack {pack.short} is not there as it should be")
            raise doubt(self, missing) from error
        return bytes(kept)

    def _fetch(self, pack: ObjectId, size: int, write: Callable[[bytes], object]) -> None:
        with self._contents.receiving(pack, size, write) as (name, limit, sink):
            try:
                self._client.public_file(self.reference(), f"{FOLDER}/{name}", limit, sink)
            except ReferenceAbsent as error:
                raise self._no_such_reference() from error

    # --- writing ------------------------------------------------------------------------------------------------

    def publish(self, manifest: bytes, expected: bytes | None) -> None:
        raise self._read_only()

    def put_pack(self, pack: ObjectId, source: Path, advance: Callable[[int], None]) -> None:
        raise self._read_only()

    # --- inside -------------------------------------------------------------------------------------------------

    def reference(self) -> SharingReference:
        """The pod's sharing reference.

        Raises:
            RemoteUnavailable: if it has none.
        """
        if self._reference is None:
            raise RemoteUnavailable(location=self.location, reason="its sharing reference is not known")
        return self._reference

    def _no_such_reference(self) -> SovrError:
        # An unknown reference and a lookup that took too long look the same, but for those that were good before.
        missing = RemoteUnavailable(
            location=self.location,
            reason="nothing is found at this sharing reference",
            hint="check it for typos, and that this server is on the network where it was shared",
        )
        return doubt(self, missing) if self._was_found else missing

    def _read_only(self) -> SharingRefused:
        return SharingRefused(
            what=f"not pushed to `{self.location}`",
            reason="a sharing reference is for reading",
            hint="push to a pod of your own: `sovr remote add mine fairos:NAME`, then `sovr push mine`",
        )
