"""Partial clones of remotes that tests have in their hands."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from transfer_lab import Lab

from sovrgit.pod.check import Checked, check_pod
from sovrgit.pod.pod import Pod
from sovrgit.pod.presence import Got, get_paths
from sovrgit.pod.status import status
from sovrgit.remotes.base import Remote
from sovrgit.remotes.clone import clone
from sovrgit.remotes.completing import get_all
from sovrgit.remotes.dropping import Dropped, drop
from sovrgit.remotes.obtain import Opener
from sovrgit.remotes.promises import Promises
from sovrgit.remotes.selection import Selection
from sovrgit.remotes.supply import Supply

NO_PAYLOAD = Selection(payload=False)


class SupplyFrom(Supply):
    """Gets content from one remote, whatever its name, but for the `others`."""

    def __init__(self, pod: Pod, remote: Remote) -> None:
        super().__init__(pod)
        self.remote = remote
        self.others: dict[str, Remote] = {}

    def opening(self) -> AbstractContextManager[Opener]:
        return contextlib.nullcontext(lambda name: self.others.get(name, self.remote))


class Partial(Lab):
    """A pod that may have left content at a remote, which it calls `origin`."""

    def __init__(self, pod: Pod, remote: Remote) -> None:
        super().__init__(pod)
        pod.config.set("remote.origin.url", remote.location)
        self.supply = SupplyFrom(pod, remote)
        pod.supply = self.supply

    @classmethod
    def clone(cls, remote: Remote, folder: Path, selection: Selection = NO_PAYLOAD) -> Partial:
        return cls(clone(remote, folder, time_ns=1, selection=selection).pod, remote)

    @classmethod
    def only(cls, remote: Remote, folder: Path, *paths: str) -> Partial:
        return cls.clone(remote, folder, Selection(only=[path.encode() for path in paths]))

    def get(self, *paths: str) -> Got:
        return get_paths(self.pod, [path.encode() for path in paths])

    def get_all(self) -> Got:
        return get_all(self.pod, self.supply)

    def drop(self, *paths: str, remotes: Sequence[str] = ()) -> Dropped:
        return drop(self.pod, [path.encode() for path in paths], self.supply, now_ns=1, remotes=remotes)

    def changes(self) -> dict[str, str]:
        """What status calls changed."""
        return changes_of(self)

    def absent(self) -> list[str]:
        """What status says was left at a remote."""
        return [item.path.decode() for item in status(self.pod).absent]

    def check(self) -> Checked:
        return check_pod(self.pod, promised=Promises.of(self.pod).find if self.pod.is_partial else None)

    def size(self) -> int:
        """Bytes of all packs."""
        return sum(path.stat().st_size for path in self.pod.store.packs_folder.iterdir())


def changes_of(lab: Lab) -> dict[str, str]:
    """What status calls changed in a pod."""
    return {change.path.decode(): change.kind for change in status(lab.pod).changes}
