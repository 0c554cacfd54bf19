"""How much is added to a file before it is sealed, so that its size says less."""

from __future__ import annotations

import enum

from sovrgit.remotes.sealing.labels import Purpose

SMALLEST_PADDED = 4 << 10
"""Bytes up to which all padded files are of one size: what a chunk of Swarm holds."""


class Padding(enum.Enum):
    """Steps that sizes are rounded up to. A reader takes any."""

    NONE = "none"
    FINE = "fine"
    """Padmé: 16 steps from one power of two to the next, and 32 from 64 KiB on: at most 6.3 % and 3.2 % more."""

    COARSE = "coarse"
    """Powers of two: at most as much again."""


USUAL = {Purpose.MANIFEST: Padding.COARSE, Purpose.PACK: Padding.FINE}
"""Manifests are small, and their size would count refs and packs to the byte."""


def rounded(size: int, padding: Padding) -> int:
    """The size in bytes to which `size` is rounded up."""
    if padding is Padding.NONE:
        return size
    if size <= SMALLEST_PADDED:
        return SMALLEST_PADDED
    if padding is Padding.COARSE:
        return 1 << (size - 1).bit_length()
    # https://bford.info/pub/sec/purb.pdf, section 4: behind its first bit a size keeps as many as its exponent has.
    exponent = size.bit_length() - 1
    step = 1 << (exponent - exponent.bit_length())
    return -(-size // step) * step
