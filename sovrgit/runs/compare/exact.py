"""The first place in which two files differ, read side by side."""

from __future__ import annotations

from collections.abc import Iterator

from sovrgit.objects.ids import Data
from sovrgit.objects.place import BytePlace, Place, TextPlace
from sovrgit.runs.compare.result import Content, Different

_LOOKED_AT = 8000
"""Bytes at the beginning of a file in which there is no NUL if it is text, as Git looks at it."""

_CONTINUATION = bytes(range(0x80, 0xC0))
"""Bytes that begin no character of UTF-8."""


def differing(one: Content, other: Content) -> Different:
    """Where two contents that are not the same differ first, and by how much in size."""
    more = other.size - one.size
    size = f"{abs(more)} {'byte' if abs(more) == 1 else 'bytes'} {'more' if more > 0 else 'fewer'}" if more else ""
    return Different(_first(_Reader(one.stream()), _Reader(other.stream())), size)


class _Reader:
    """Pieces of a stream, of the size that is wanted or less."""

    def __init__(self, stream: Iterator[Data]) -> None:
        self._stream = stream
        self._rest = memoryview(b"")

    def peek(self) -> memoryview:
        """What comes next; nothing at the end."""
        while not self._rest:
            piece = next(self._stream, None)
            if piece is None:
                return self._rest
            self._rest = memoryview(piece)
        return self._rest

    def beginning(self, size: int) -> bytes:
        """The first bytes, which come again."""
        begun = bytearray()
        while len(begun) < size and (piece := self.peek()):
            begun += piece
            self.skip(len(piece))
        self._rest = memoryview(begun)
        return bytes(begun[:size])

    def skip(self, count: int) -> None:
        self._rest = self._rest[count:]


class _Position:
    """Counts what two streams have in common."""

    def __init__(self) -> None:
        self.offset = 0
        self._lines = 0
        self._column = 0

    def pass_by(self, piece: bytes) -> None:
        """Go on over bytes that are the same."""
        self.offset += len(piece)
        breaks = piece.count(b"\n")
        if breaks:
            self._lines += breaks
            self._column = 0
            piece = piece[piece.rindex(b"\n") + 1 :]
        self._column += len(piece.translate(None, _CONTINUATION))

    def in_text(self, following: bytes) -> TextPlace:
        # In the middle of a character it is that character.
        inside = bool(following) and following[0] in _CONTINUATION and self._column > 0
        return TextPlace(self._lines + 1, self._column + (0 if inside else 1))


def _first(one: _Reader, other: _Reader) -> Place | None:
    text = not any(b"\0" in reader.beginning(_LOOKED_AT) for reader in (one, other))
    position = _Position()
    while True:
        left, right = one.peek(), other.peek()
        count = min(len(left), len(right))
        here, there = bytes(left[:count]), bytes(right[:count])
        if here == there and count:
            position.pass_by(here)
            one.skip(count)
            other.skip(count)
            continue
        if not count and not left and not right:
            return None
        same = _in_common(here, there)
        position.pass_by(here[:same])
        if not text:
            return BytePlace(position.offset)
        return position.in_text(bytes((left or right)[same : same + 1]))


def _in_common(one: bytes, other: bytes) -> int:
    """How many bytes two pieces of the same length, which differ, have in common at the beginning."""
    low, high = 0, len(one)
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
