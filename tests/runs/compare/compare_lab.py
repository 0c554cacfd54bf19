"""Contents for comparisons, in pieces of any size."""

from __future__ import annotations

from collections.abc import Iterator

from sovrgit.objects.ids import Data
from sovrgit.runs.compare.result import Content


def content(data: bytes | str, piece: int = 1 << 16) -> Content:
    """A content that comes in pieces of some bytes."""
    whole = data.encode() if isinstance(data, str) else data

    def stream() -> Iterator[Data]:
        return (memoryview(whole)[at : at + piece] for at in range(0, len(whole), piece))

    return Content(len(whole), stream)
