"""A pod of the user's own as a remote: written to by its name, read back by its own sharing reference.

A session's reads are served from its caches and prove nothing, so that even the owner reads by reference, which is
always fresh. `docs/internals/fairos.md` says what else a server does that this is a defence against.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from sovrgit.errors import RemoteStale, RemoteUnavailable
from sovrgit.objects.ids import ObjectId
from sovrgit.pod.lock import locked
from sovrgit.remotes.base import Transient
from sovrgit.remotes.fairos.client import FairOS
from sovrgit.remotes.fairos.contents import Contents
from sovrgit.remotes.fairos.failures import FileAbsent, FolderAbsent, LeftBehind, PodAbsent
from sovrgit.remotes.fairos.memory import Memory
from sovrgit.remotes.fairos.reference import SharingReference
from sovrgit.remotes.fairos.shared import FOLDER, MANIFEST, SharedPod, Unlock

RECIPE = "recipe.json"


class OwnPod(SharedPod):
    """One of the user's pods. It is made by the first push.

    Args:
        pod: its name.
        memory: knows whether the pod was there once. Such a pod is never made anew: a server that fails to read the
            list of pods shows none, and a second pod of the same name would take the place of the first.
        temporary: a folder for files in the making.
        lock: a file that every process of this user locks that writes to this pod.
    """

    def __init__(
        self,
        client: FairOS,
        location: str,
        pod: str,
        contents: Contents,
        *,
        memory: Memory,
        temporary: Path,
        lock: Path | None,
        unlock: Unlock | None = None,
    ) -> None:
        reference = memory.get()
        super().__init__(client, location, reference, contents, unlock, was_found=reference is not None)
        self._pod = pod
        self._memory = memory
        self._temporary = temporary
        self._lock = lock
        self._is_ready = self._reference is not None
        self._readying = threading.Lock()
        self._sent: set[str] = set()
        self._left_behind: set[str] = set()
        self._published: bytes | None = None
        self._replaced: bytes | None = None

    def writing(self) -> AbstractContextManager[None]:
        if self._lock is None:
            return contextlib.nullcontext()
        self._lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return locked(self._lock)

    def read_manifest(self) -> bytes | None:
        if self._reference is None and not self._find():
            return None
        return super().read_manifest()

    def reference(self) -> SharingReference:
        if self._reference is None and not self._find():
            raise PodAbsent(
                location=self.location,
                reason="there is no such pod on the account",
                hint="`sovr pods` lists what is there; a push makes it",
            )
        return super().reference()

    def keep_as(self, contents: Contents) -> None:
        """Keep files in another way from now on: for a pod in which there are none yet."""
        self._contents = contents

    def share(self) -> SharingReference:
        """The pod's sharing reference, asked of the server.

        Raises:
            RemoteUnavailable: if there is no such pod.
        """
        reference = self._client.share_pod(self._pod)
        if reference != self._reference:
            self._memory.set(reference)
            self._reference = reference
        return reference

    def put_pack(self, pack: ObjectId, source: Path, advance: Callable[[int], None]) -> None:
        self._make_ready()
        # What is told is bytes of the pack, though sealed it has some more.
        left = source.stat().st_size

        def told(amount: int) -> None:
            nonlocal left
            amount = min(amount, left)
            left -= amount
            advance(amount)

        with self._contents.sending(pack, source, self._temporary) as (name, file):
            self._upload(FOLDER, name, file, file.stat().st_size, told)

    def publish(self, manifest: bytes, expected: bytes | None) -> None:
        self._make_ready()
        if self._stands_there(manifest) != expected:
            raise RemoteStale(remote=self.location)
        self._published = manifest
        data = self._contents.close_manifest(manifest)
        self._upload(FOLDER, MANIFEST, data, len(data), lambda _: None)

    def _stands_there(self, manifest: bytes) -> bytes | None:
        """What a manifest would take the place of. If it stands there itself already, what it took the place of."""
        again = manifest == self._published
        try:
            found = self.read_manifest()
        except Transient:
            if not again:
                raise
            # The server has lost a part of it, and nobody can read what is there.
            return self._replaced
        if not again or found != manifest:
            self._replaced = found
        return self._replaced

    def put_recipe(self, recipe: bytes) -> None:
        """Keep the recipe where the first Sovr CLI, and whoever lists pods, looks for it; not that of a private pod."""
        if self._contents.sealed:
            return
        self._make_ready()
        self._upload("/", RECIPE, recipe, len(recipe), lambda _: None)

    def _find(self) -> bool:
        """Look for the pod among the user's; whether it is there."""
        if not self._client.pod_present(self._pod):
            return False
        self.share()
        return True

    def _make_ready(self) -> None:
        """See to it that the pod is there, and its folder. Packs that are sent at once wait for the first of them."""
        with self._readying:
            if self._is_ready:
                return
            if self._reference is None:
                self._client.make_pod(self._pod)
                # Two pods that were made at once have one address, and the list names only one of them.
                if not self._client.pod_present(self._pod):
                    raise Transient(location=self.location, reason="it was made, and the server does not list it")
                self.share()
            self._client.make_folder(self._pod, FOLDER)
            self._is_ready = True

    def _read(self, path: str, limit: int) -> bytes:
        try:
            data = super()._read(path, limit)
        except LeftBehind:
            self._left_behind.add(path)
            raise
        self._left_behind.discard(path)
        return data

    def _upload(self, folder: str, name: str, source: Path | bytes, size: int, advance: Callable[[int], None]) -> None:
        path = f"{folder.rstrip('/')}/{name}"
        if path in self._left_behind and path not in self._sent:
            # Only a session that has written a file itself can delete what an earlier pod has left in its place.
            self._put(folder, name, source, size, lambda _: None)
        if path in self._left_behind or (path in self._sent and name != MANIFEST):
            # It was sent, and is not there as it was sent. What was left in its place goes only by being deleted.
            with contextlib.suppress(FileAbsent):
                self._client.delete_file(self._pod, path)
        self._put(folder, name, source, size, advance)

    def _put(self, folder: str, name: str, source: Path | bytes, size: int, advance: Callable[[int], None]) -> None:
        self._sent.add(f"{folder.rstrip('/')}/{name}")
        try:
            self._client.upload(self._pod, folder, name, source, size, advance)
        except FolderAbsent:
            # Forgotten, or made by another session that this one does not see. The file is stored all the same, and is
            # found by its path. Whether it is, those look who rely on it.
            self._client.make_folder(self._pod, FOLDER)
        except PodAbsent as error:
            if self._client.pod_present(self._pod):
                raise Transient(location=self.location, reason=error.fields["reason"]) from error
            raise RemoteUnavailable(
                location=self.location,
                reason=f"the server does not list the pod `{self._pod}` any more",
                hint="servers lose their list of pods at times: try again later, read it by its reference, "
                "or push to a pod of another name",
            ) from error
