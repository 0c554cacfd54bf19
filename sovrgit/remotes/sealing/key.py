"""The key of a private pod: a value that does not show itself, and the text that carries it."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from dataclasses import dataclass

from blake3 import blake3

from sovrgit.errors import ConfigInvalid
from sovrgit.objects.ids import SHORT_DIGITS

KEY_SIZE = 32
"""Bytes in a key."""

KEY_PREFIX = "k1"
KEY_CHECK_SIZE = 3
"""Bytes of the checksum in a key's text: with it the text is whole digits, and a typo passes once in 16 million."""

FINGERPRINT_CONTEXT = "sovrgit pod key fingerprint v1"
KEY_CHECK_CONTEXT = "sovrgit pod key check v1"

_DIGITS = frozenset("abcdefghijklmnopqrstuvwxyz234567")
_LENGTH = (KEY_SIZE + KEY_CHECK_SIZE) * 8 // 5
_HINT = "copy all of it; the owner of the pod can print it again"

Random = Callable[[int], bytes]
"""Gives so many bytes that nobody can guess."""


@dataclass(frozen=True, slots=True, repr=False)
class PodKey:
    """The key of a pod. It shows itself by its fingerprint only; `reveal` gives it away.

    Whoever has it can read everything that was sealed with it, and can seal something else in its place.
    """

    _secret: bytes

    def __post_init__(self) -> None:
        if type(self._secret) is not bytes or len(self._secret) != KEY_SIZE:
            raise ValueError(f"a key has {KEY_SIZE} bytes")

    @classmethod
    def new(cls, random: Random = os.urandom) -> PodKey:
        """A key that nobody has had before."""
        return cls(random(KEY_SIZE))

    @classmethod
    def parse(cls, text: str, what: str = "key of the pod") -> PodKey:
        """The key that somebody typed or pasted. Upper case is as good as lower.

        Args:
            what: what the text is, for the message.

        Raises:
            ConfigInvalid: if it is not one, or has a typo; the reason says where, and nothing shows the text.
        """
        found = text.strip().lower()
        if not found.startswith(KEY_PREFIX):
            raise _invalid(what, f"it does not begin with `{KEY_PREFIX}`")
        wrong = next((place for place, digit in enumerate(found[2:], 3) if digit not in _DIGITS), None)
        if wrong is not None:
            raise _invalid(what, f"a key has letters and the digits 2 to 7 only: look at character {wrong} of yours")
        if len(found) != len(KEY_PREFIX) + _LENGTH:
            raise _invalid(what, f"a key has {len(KEY_PREFIX) + _LENGTH} characters, and yours has {len(found)}")
        data = base64.b32decode(found.removeprefix(KEY_PREFIX).upper())
        secret, check = data[:KEY_SIZE], data[KEY_SIZE:]
        if check != _check(secret):
            raise _invalid(what, "a character of it is wrong, or two have changed places")
        return cls(secret)

    def reveal(self) -> str:
        """The secret itself, as text that `parse` takes: to be kept, and for the one moment when the owner shares."""
        data = self._secret + _check(self._secret)
        return KEY_PREFIX + base64.b32encode(data).decode().lower()

    @property
    def fingerprint(self) -> str:
        """What stands for the key in public: 64 hex digits that do not lead back to it."""
        return self.derived(FINGERPRINT_CONTEXT).hex()

    def derived(self, context: str) -> bytes:
        """A key for one use, from which no other one follows. Secret, unless the use is to be shown."""
        return blake3(self._secret, derive_key_context=context).digest()

    def __str__(self) -> str:
        return f"PodKey({self.fingerprint[:SHORT_DIGITS]}…)"

    __repr__ = __str__


def _check(secret: bytes) -> bytes:
    return blake3(secret, derive_key_context=KEY_CHECK_CONTEXT).digest(length=KEY_CHECK_SIZE)


def _invalid(what: str, reason: str) -> ConfigInvalid:
    return ConfigInvalid(file=what, reason=reason, hint=_HINT)
