"""Content on first use: what brings objects here that a command turns out to need."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator

from sovrgit.errors import RemoteDamaged, RemoteUnavailable
from sovrgit.objects.ids import ObjectId
from sovrgit.pod.pod import Pod
from sovrgit.progress import SILENT, Progress
from sovrgit.remotes.base import Remote
from sovrgit.remotes.locations import open_remote
from sovrgit.remotes.networks import Networks
from sovrgit.remotes.obtain import Obtained, Opener, obtain
from sovrgit.remotes.promises import Promises, known_manifests


class Supply:
    """Gets content from the remotes of a pod, whichever holds it. To be a pod's `supply`. `total` is what came so far.

    Args:
        networks: how to reach networks; without it only what is on this machine can be reached.
    """

    def __init__(self, pod: Pod, networks: Networks | None = None, progress: Progress = SILENT) -> None:
        self._pod = pod
        self._networks = networks
        self._progress = progress
        self.total = Obtained()

    def __call__(self, wanted: Collection[ObjectId]) -> None:
        self.get(wanted)

    def get(self, wanted: Collection[ObjectId]) -> None:
        """Bring objects here. A remote that fails is left out, as long as others may have them too.

        Raises:
            SovrError: as for `sovrgit.remotes.obtain.obtain`, and if a remote cannot be opened.
        """
        manifests = known_manifests(self._pod)
        with self.opening() as opened:
            while True:
                try:
                    promises = Promises(self._pod, manifests)
                    got = obtain(self._pod, wanted, promises, opened, self._progress)
                    break
                except (RemoteUnavailable, RemoteDamaged) as error:
                    failed = {error.fields.get("location"), error.fields.get("remote")}
                    left = {name: found for name, found in manifests.items() if opened(name).describe() not in failed}
                    if len(left) == len(manifests) or not Promises(self._pod, left).find(wanted):
                        raise
                    manifests = left
        before = self.total
        self.total = Obtained(before.objects + got.objects, before.bytes + got.bytes, before.packs + got.packs)

    @contextlib.contextmanager
    def opening(self) -> Iterator[Opener]:
        """Open remotes by name for the length of a block, each once."""
        remotes: dict[str, Remote] = {}

        def opened(name: str) -> Remote:
            if name not in remotes:
                remotes[name] = open_remote(self._pod, name, self._networks)
            return remotes[name]

        try:
            yield opened
        finally:
            for remote in remotes.values():
                remote.close()
