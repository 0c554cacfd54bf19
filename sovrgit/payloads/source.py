"""Another pod as a place to take single files and folders from: how such places are reached, and what each can do.

What is asked for comes into a store that lasts as long as the source is open; everything is verified on the way.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import TreeEntry
from sovrgit.pod.pod import Pod
from sovrgit.progress import SILENT, Progress
from sovrgit.remotes.firstcli.reading import Pause
from sovrgit.remotes.networks import Networks
from sovrgit.store.store import ObjectStore

WHOLE: Final = "."
"""The path of all of a pod."""


@dataclass(frozen=True, slots=True)
class Access:
    """How other pods are reached.

    Args:
        pod: the pod that takes payload from them.
        networks: how to reach networks; without it only what is on this machine can be reached.
        time_ns: now, in nanoseconds since 1970.
        pause: waits between attempts.
    """

    pod: Pod
    networks: Networks | None
    time_ns: int
    progress: Progress = SILENT
    pause: Pause = time.sleep


class Found(NamedTuple):
    """A file or folder of another pod: in which commit, and its entry there. `store` has it once it was got."""

    commit: ObjectId
    entry: TreeEntry
    store: ObjectStore


class Source(Protocol):
    """Another pod."""

    location: str
    """What the place is remembered by. Holds no secret."""

    def find(self, path: str, commit: ObjectId | None = None) -> Found:
        """What is at a path: in a commit, or as the pod is now.

        Raises:
            PathNotFound: if there is nothing.
            PayloadUnavailable: if the commit, or the revision that the reference names, cannot be had.
            SovrError: as the remote gives cause.
        """

    def get(self, found: Found) -> None:
        """Bring all of it into its store.

        Raises:
            SovrError: as the remote gives cause.
        """
