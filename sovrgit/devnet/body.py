"""The body of a request, piece by piece, whether its length was announced or comes in chunks."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import Message
from io import BufferedIOBase

PIECE = 1 << 20
_LONGEST_LINE = 1024


class BadBody(Exception):
    """The body is not what its headers say: it ends early, or its chunks are malformed."""


class Reset(Exception):
    """The connection is to be reset now: a fault."""


class Body:
    """A body that is read once. `received` counts its bytes so far; after `breaks_after` of them a fault happens."""

    def __init__(self, source: BufferedIOBase, length: int | None) -> None:
        """`length` is None for a body in chunks."""
        self._source = source
        self._left = length
        self._ended = length == 0
        self.received = 0
        self.breaks_after: int | None = None

    @classmethod
    def announced(cls, source: BufferedIOBase, headers: Message) -> Body | None:
        """The body that headers announce; None if they make no sense."""
        coding = headers.get("Transfer-Encoding")
        length = headers.get("Content-Length", "0").strip()
        if coding is not None:
            return cls(source, None) if coding.strip().lower() == "chunked" else None
        if not (length.isascii() and length.isdigit() and len(length) < 19):
            return None
        return cls(source, int(length))

    def pieces(self, size: int = PIECE) -> Iterator[bytes]:
        """All that is left, at most `size` bytes at a time.

        Raises:
            BadBody: if it is not what was announced.
        """
        if self._ended:
            return
        if self._left is None:
            yield from self._chunks(size)
        while self._left:
            yield self._piece(size)
        self._ended = True

    def whole(self, limit: int) -> bytes:
        """All of a small body.

        Raises:
            BadBody: if it is longer than `limit`.
        """
        parts: list[bytes] = []
        for piece in self.pieces():
            parts.append(piece)
            if self.received > limit:
                raise BadBody("too long")
        return b"".join(parts)

    def drain(self, limit: int) -> bool:
        """Read what is left, so that the connection can be used again; whether that was no more than `limit`."""
        if self._left is not None and self._left > limit:
            return False
        before = self.received
        try:
            for _ in self.pieces():
                if self.received - before > limit:
                    return False
        except BadBody:
            return False
        return True

    def _piece(self, size: int) -> bytes:
        assert self._left is not None
        if self.breaks_after is not None:
            size = min(size, self.breaks_after - self.received)
            if size <= 0:
                raise Reset
        piece = self._source.read(min(size, self._left))
        if not piece:
            raise BadBody("ends early")
        self._left -= len(piece)
        self.received += len(piece)
        return piece

    def _chunks(self, size: int) -> Iterator[bytes]:
        while True:
            self._left = self._chunk_size()
            if not self._left:
                break
            while self._left:
                yield self._piece(size)
            if self._line():
                raise BadBody("no line end after a chunk")
        while self._line():
            # Trailers have no meaning here.
            pass

    def _chunk_size(self) -> int:
        digits = self._line().partition(b";")[0].strip()
        if not digits or len(digits) > 15 or digits.strip(b"0123456789abcdefABCDEF"):
            raise BadBody("not the size of a chunk")
        return int(digits, 16)

    def _line(self) -> bytes:
        line = self._source.readline(_LONGEST_LINE)
        if not line.endswith(b"\n"):
            raise BadBody("a line without an end")
        return line.rstrip(b"\r\n")
