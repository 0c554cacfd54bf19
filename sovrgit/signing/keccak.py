"""Keccak-256 as Ethereum uses it: SHA-3 as it was proposed, whose padding the standard changed later.

After "The Keccak reference", version 3.0 (https://keccak.team/files/Keccak-reference-3.0.pdf), sections 1.2 and 2.3.
For texts of a few hundred bytes; why it is not a library's: `docs/internals/dependencies.md`.
"""

from __future__ import annotations

from typing import Final

_RATE: Final = 136
"""Bytes that are taken in at once: 1600 bits without twice the length of the result."""

_MASK: Final = (1 << 64) - 1


def keccak_256(data: bytes) -> bytes:
    """The 32 bytes of the hash."""
    padded = bytearray(data) + b"\x01" + bytes(-(len(data) + 1) % _RATE)
    padded[-1] |= 0x80
    lanes = [0] * 25
    for start in range(0, len(padded), _RATE):
        for place in range(_RATE // 8):
            lanes[place] ^= int.from_bytes(padded[start + 8 * place : start + 8 * place + 8], "little")
        lanes = _permuted(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


def _permuted(lanes: list[int]) -> list[int]:
    """The 24 rounds. The lane at x, y is in place x + 5 y."""
    for constant in _CONSTANTS:
        columns = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        mixed = [columns[x - 1] ^ _rotated(columns[(x + 1) % 5], 1) for x in range(5)]
        moved = [0] * 25
        for place, (target, turn) in enumerate(_MOVES):
            moved[target] = _rotated(lanes[place] ^ mixed[place % 5], turn)
        lanes = [
            moved[row + x] ^ (~moved[row + (x + 1) % 5] & _MASK & moved[row + (x + 2) % 5])
            for row in range(0, 25, 5)
            for x in range(5)
        ]
        lanes[0] ^= constant
    return lanes


def _rotated(lane: int, turn: int) -> int:
    return (lane << turn | lane >> 64 - turn) & _MASK


def _moves() -> list[tuple[int, int]]:
    """Where each lane goes, and by how many bits it is turned on the way."""
    turns = {(0, 0): 0}
    x, y = 1, 0
    for step in range(24):
        turns[x, y] = (step + 1) * (step + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    return [(y + 5 * ((2 * x + 3 * y) % 5), turns[x, y]) for y in range(5) for x in range(5)]


def _constants() -> list[int]:
    """The constants of the rounds, from a shift register with the polynomial x^8 + x^6 + x^5 + x^4 + 1."""
    found = []
    register = 1
    for _ in range(24):
        constant = 0
        for power in range(7):
            constant |= (register & 1) << (1 << power) - 1
            register = register << 1 ^ (register >> 7) * 0x171
        found.append(constant)
    return found


_MOVES: Final = _moves()
_CONSTANTS: Final = _constants()
