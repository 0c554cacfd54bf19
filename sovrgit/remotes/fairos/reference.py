"""Sharing references: what one person gives to another to read a pod. Whoever holds one can read it, for ever."""

from __future__ import annotations

import string
from dataclasses import dataclass

from sovrgit.errors import ReferenceUnknown

DIGITS = 64
FINGERPRINT_DIGITS = 16
"""Enough to tell the references of one user apart, too few to find a reference by."""

_CONTEXT = "sovrgit fairos reference fingerprint v1"
_SHOWN = 4
_HEX = frozenset(string.hexdigits)


@dataclass(frozen=True, slots=True, repr=False)
class SharingReference:
    """A sharing reference. It shows itself by its first digits only; `reveal` gives it away."""

    _secret: str

    def __post_init__(self) -> None:
        if len(self._secret) != DIGITS or not _HEX.issuperset(self._secret) or self._secret != self._secret.lower():
            raise ValueError("not the digits of a sharing reference")

    @classmethod
    def parse(cls, text: str) -> SharingReference:
        """The reference that somebody typed or pasted: 64 hex digits, with or without `fairos:` in front.

        Raises:
            ReferenceUnknown: if it cannot be one; the hint says where the mistake is, and neither shows the reference.
        """
        found = text.strip().removeprefix("fairos:").removeprefix("0x")
        wrong = next((place for place, digit in enumerate(found, 1) if digit not in _HEX), None)
        if wrong is not None:
            raise _unknown(found, f"a sharing reference has hex digits only: look at character {wrong} of yours")
        if len(found) == 2 * DIGITS:
            hint = f"these are {2 * DIGITS} digits: the reference of a single file; ask for that of the pod"
            raise _unknown(found, hint)
        if len(found) != DIGITS:
            raise _unknown(found, f"a sharing reference has {DIGITS} hex digits, and yours has {len(found)}")
        return cls(found.lower())

    def reveal(self) -> str:
        """The secret itself: for requests to a server, and for the one moment when the owner shares."""
        return self._secret

    @property
    def fingerprint(self) -> str:
        """What stands for the reference in records and names of files; it does not lead back to it."""
        from blake3 import blake3

        return blake3(self._secret.encode(), derive_key_context=_CONTEXT).hexdigest()[:FINGERPRINT_DIGITS]

    def __str__(self) -> str:
        return f"fairos:{self._secret[:_SHOWN]}…"

    __repr__ = __str__


def _unknown(text: str, hint: str) -> ReferenceUnknown:
    shown = "".join(digit for digit in text[:_SHOWN] if digit in _HEX)
    return ReferenceUnknown(reference=f"fairos:{shown}…", hint=hint)
