"""What a recipe calls another pod: how it is written, opened, and called where everybody can read it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from sovrgit.errors import ReferenceUnknown, RemoteUnavailable
from sovrgit.pod.pod import Pod
from sovrgit.pod.recipe_checks import check_name
from sovrgit.pod.recipe_lines import Fault
from sovrgit.remotes.base import Remote
from sovrgit.remotes.directory import DirectoryRemote
from sovrgit.remotes.fairos.place import is_fairos, parse_place
from sovrgit.remotes.fairos.wording import without_secrets
from sovrgit.remotes.locations import local_path, location_of, open_location, open_remote, remotes
from sovrgit.remotes.networks import Networks

_REVISION = re.compile(r"(.+)@([A-Za-z0-9][A-Za-z0-9._/-]*)", re.DOTALL)


@dataclass(frozen=True, slots=True, repr=False)
class Reference:
    """A reference to a pod: a path, a `file://` address, a sharing reference, `fairos:POD`, the name of a remote, or
    that of a pod of one's own; behind an `@`, if one is meant, a branch, a tag or a commit of it.

    `label` is what it is called in locks and on the screen, and holds no secret.
    """

    place: str
    revision: str
    label: str

    def __repr__(self) -> str:
        return f"Reference({self.label})"

    @property
    def is_name(self) -> bool:
        """Whether it may be the name of a pod of one's own."""
        try:
            return ":" not in self.place and check_name((), self.place) == self.place
        except Fault:
            return False

    def recorded(self, pod: Pod) -> str:
        """What records call the place, without what is secret in it and without the revision: commits say that.

        Raises:
            ReferenceUnknown: if it leads nowhere.
        """
        if _is_remote(pod, self.place):
            return location_of(pod, self.place)
        is_here = os.path.lexists(pod.root / self.place)
        if not is_here and is_fairos(self.place):
            return parse_place(self.place).location
        if not is_here and self.is_name:
            return f"fairos:{self.place}"
        return local_path(self.place, pod.root)

    def is_here(self, pod: Pod) -> bool:
        """Whether the place is on this machine, so that asking it costs nothing.

        Raises:
            ReferenceUnknown: if it leads nowhere.
        """
        return not is_fairos(self.recorded(pod))

    def open(self, pod: Pod, networks: Networks | None = None) -> Remote:
        """The place that it names. It may turn out to be no pod.

        Args:
            pod: what names of remotes and relative paths start from.
            networks: how to reach networks; without it only what is on this machine can be opened.

        Raises:
            ReferenceUnknown, RemoteUnavailable: if it leads nowhere.
            SovrError: as for `sovrgit.remotes.locations.open_location`.
        """
        if _is_remote(pod, self.place):
            return open_remote(pod, self.place, networks)
        is_here = os.path.lexists(pod.root / self.place)
        if not is_here and networks is not None and self.is_name:
            return open_location(f"fairos:{self.place}", pod.root, networks)
        # Only a place that is remembered by the pod needs it; for others it would remember them.
        remembering = pod if is_fairos(self.place) and parse_place(self.place).fingerprint is not None else None
        remote = open_location(self.place, pod.root, networks, remembering)
        if isinstance(remote, DirectoryRemote) and not os.path.isdir(remote.location):
            remote.close()
            raise RemoteUnavailable(location=without_secrets(self.place), reason="there is no such folder")
        return remote


def parse_reference(pod: Pod, text: str) -> Reference:
    """What somebody wrote as a reference.

    Raises:
        ReferenceUnknown: if it cannot be one. The message shows no secret.
        ConfigInvalid, UnsafeName: as for `sovrgit.remotes.fairos.place.parse_place`.
    """
    place, revision = text.strip(), ""
    if not _is_remote(pod, place) and not os.path.lexists(pod.root / place):
        found = _REVISION.fullmatch(place)
        if found is not None:
            place, revision = found[1], found[2]
    if "\0" in place or "\n" in place or not place:
        raise ReferenceUnknown(reference=without_secrets(text))
    label = place
    if is_fairos(place) and not os.path.lexists(pod.root / place):
        label = parse_place(place).location
    return Reference(place, revision, f"{label}@{revision}" if revision else label)


def from_root(pod: Pod, text: str, base: Path) -> str:
    """A reference as a recipe has it: a relative path that starts from `base` now starts from the pod's root."""
    return text.strip() if _is_remote(pod, text.strip().partition("@")[0]) else rebased(text, base, pod.root)


def rebased(text: str, base: Path, root: Path) -> str:
    """A reference as a recipe has it, of a pod that has no remotes yet: a relative path now starts from `root`."""
    text = text.strip()
    for path, mark in ((text, ""), (text.rpartition("@")[0], "@" + text.rpartition("@")[2])):
        if path and not os.path.isabs(path) and os.path.lexists(base / path):
            return os.path.relpath(os.path.abspath(base / path), os.path.abspath(root)) + mark
    return text


def _is_remote(pod: Pod, name: str) -> bool:
    return any(setting.name == name for setting in remotes(pod))
