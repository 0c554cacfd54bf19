"""Where a pod on a FairOS server is: how people write it, and how it is remembered without giving it away."""

from __future__ import annotations

import re
from dataclasses import dataclass
from string import hexdigits

from sovrgit.errors import ReferenceUnknown
from sovrgit.remotes.fairos.address import ServerAddress
from sovrgit.remotes.fairos.names import check_pod_name
from sovrgit.remotes.fairos.reference import FINGERPRINT_DIGITS, SharingReference
from sovrgit.remotes.fairos.wording import without_secrets

_SCHEME = re.compile(r"fairos(?:\+(https?://[^/]*))?[:/](.*)", re.DOTALL)
_NEARLY_ALL_DIGITS = 48
_WRONG_DIGITS = 4
_WRONG_SIGNS = 1
"""With so many digits, and at most so many other letters, or a single other sign, it was meant as a reference: no
folder and no pod is called so. The error should say what is wrong, and not repeat what is nearly a secret."""
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
    return _may_be_reference(location) or location.startswith(("fairos:", "fairos+"))


def parse_place(location: str) -> FairosPlace:
    """The place that somebody wrote, or that is remembered.

    Raises:
        ReferenceUnknown: if it leads nowhere. The message shows no reference and no key.
        ConfigInvalid: if the server's address cannot be read.
        UnsafeName: if no pod can have this name.
    """
    if _may_be_reference(location):
        return _by_reference(None, location)
    found = _SCHEME.fullmatch(location)
    if found is None:
        raise ReferenceUnknown(reference="fairos…", hint="write `fairos:POD`, or `fairos+https://HOST:PORT/POD`")
    server = ServerAddress.parse(found[1]) if found[1] is not None else None
    rest = found[2]
    if _may_be_reference(rest):
        return _by_reference(server, rest)
    if remembered := _REMEMBERED.fullmatch(rest):
        return FairosPlace(server, fingerprint=remembered[1])
    if "/" in rest:
        hint = "the name of a pod has no slash: `fairos+https://HOST:PORT/POD`"
        raise ReferenceUnknown(reference=without_secrets(location), hint=hint)
    return FairosPlace(server, pod=check_pod_name(rest))


def _may_be_reference(text: str) -> bool:
    digits = text.strip().partition("#")[0].removeprefix("0x")
    if len(digits) < _NEARLY_ALL_DIGITS or "/" in digits:
        return False
    wrong = [digit for digit in digits if digit not in hexdigits]
    are_letters = all(digit.isascii() and digit.isalnum() for digit in wrong)
    return len(wrong) <= (_WRONG_DIGITS if are_letters else _WRONG_SIGNS)


def _by_reference(server: ServerAddress | None, text: str) -> FairosPlace:
    reference, mark, key = text.partition("#")
    return FairosPlace(server, reference=SharingReference.parse(reference), key=key if mark else None)
