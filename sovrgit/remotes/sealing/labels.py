"""Which file is meant: its purpose and its name, which a sealed file is bound to, and the name that others see."""

from __future__ import annotations

import enum
from typing import NamedTuple

from blake3 import blake3

from sovrgit.objects.ids import SHORT_DIGITS, ObjectId
from sovrgit.remotes.sealing.key import PodKey

NAMES_CONTEXT = "sovrgit sealed names v1"


class Purpose(enum.StrEnum):
    """What a file is for. The words are part of what is sealed and never change."""

    MANIFEST = "manifest"
    PACK = "pack"


class Label(NamedTuple):
    """A file of a private pod, as those know it who have the key."""

    purpose: Purpose
    name: str

    @classmethod
    def of_pack(cls, pack: ObjectId) -> Label:
        """The label of a pack."""
        return cls(Purpose.PACK, str(pack))

    def encode(self) -> bytes:
        """The bytes that stand for it in what is hashed. No two labels have the same."""
        purpose = self.purpose.encode()
        return bytes([len(purpose)]) + purpose + self.name.encode()

    def describe(self) -> str:
        """The file, for messages."""
        if self.purpose is Purpose.PACK:
            return f"pack {self.name[:SHORT_DIGITS]}"
        return f"the {self.purpose}"


MANIFEST = Label(Purpose.MANIFEST, "manifest")
"""The label of a remote's only manifest."""


def hidden_name(key: PodKey, label: Label) -> str:
    """The name under which a file is stored: 64 hex digits.

    It is the same every time, and nobody without the key can tell of which file it is, not even of a given one.
    """
    return blake3(label.encode(), key=key.derived(NAMES_CONTEXT)).hexdigest()
