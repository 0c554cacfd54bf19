"""Where a pod on a FairOS server is: how people write it, and how it is remembered without giving it away."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sovrgit.errors import ReferenceUnknown
from sovrgit.remotes.fairos.address import ServerAddress
from sovrgit.remotes.fairos.names import check_pod_name
from sovrgit.remotes.fairos.reference import FINGERPRINT_DIGITS, SharingReference

_SCHEME = re.compile(r"fairos(?:\+(https?://[^/]*))?[:/](.*)", re.DOTALL)
_MAY_BE_REFERENCE = re.compile(r"(?:0x)?[0-9a-fA-F]{48,}(?:#.*)?", re.DOTALL)
"""With a few digits too many or too few: no folder and no pod is called so, and the error should say what is wrong."""
_REMEMBERED = re.compile(rf"ref-([0-9a-f]{{{FINGERPRINT_DIGITS}}})")


@dataclass(frozen=True, slots=True)
class FairosPlace:
    """One pod on one server: the user's own by its name, or anybody's by its sharing reference.

    `server` is None for the one that is meant when none is named. `fingerprint` stands for a reference that is
    remembered elsewhere. `key` is what opens a private pod, as it was written.
    """

    server: ServerAddress | None = None
    pod: str | None = None
    reference: SharingReference | None = None
    fingerprint: str | None = None
    key: str | None = None

    def __repr__(self) -> str:
        return f"FairosPlace({self.location})"

    @property
    def location(self) -> str:
        """What the place is remembered by: without the reference, which leads there and is kept elsewhere."""
        fingerprint = self.reference.fingerprint if self.reference is not None else self.fingerprint
        name = self.pod if self.pod is not None else f"ref-{fingerprint}"
        return f"fairos:{name}" if self.server is None else f"fairos+{self.server}/{name}"


def is_fairos(location: str) -> bool:
    """Whether a location is one of a FairOS pod: `fairos:…`, `fairos+http://…`, or a sharing reference by itself."""
    return bool(_MAY_BE_REFERENCE.fullmatch(location)) or location.startswith(("fairos:", "fairos+"))


def parse_place(location: str) -> FairosPlace:
    """The place that somebody wrote, or that is remembered.

    Raises:
        ReferenceUnknown: if it leads nowhere. The message shows no reference and no key.
        ConfigInvalid: if the server's address cannot be read.
        UnsafeName: if no pod can have this name.
    """
    if _MAY_BE_REFERENCE.fullmatch(location):
        return _by_reference(None, location)
    found = _SCHEME.fullmatch(location)
    if found is None:
        raise ReferenceUnknown(reference="fairos…", hint="write `fairos:POD`, or `fairos+https://HOST:PORT/POD`")
    server = ServerAddress.parse(found[1]) if found[1] is not None else None
    rest = found[2]
    if _MAY_BE_REFERENCE.fullmatch(rest):
        return _by_reference(server, rest)
    if remembered := _REMEMBERED.fullmatch(rest):
        return FairosPlace(server, fingerprint=remembered[1])
    if "/" in rest:
        raise ReferenceUnknown(
            reference=location, hint="the name of a pod has no slash: `fairos+https://HOST:PORT/POD`"
        )
    return FairosPlace(server, pod=check_pod_name(rest))


def _by_reference(server: ServerAddress | None, text: str) -> FairosPlace:
    reference, mark, key = text.partition("#")
    return FairosPlace(server, reference=SharingReference.parse(reference), key=key if mark else None)
