"""The lists of chunks of one large object, built while it is stored."""

from __future__ import annotations

from collections.abc import Callable

from sovrgit.objects.ids import ObjectId
from sovrgit.store.format import CHUNK_RECORD_SIZE, ChunkRecord, chunk_list

MAX_LIST = 4 << 20
"""Bytes of a chunk list in one entry: a file of about 30 GB. A longer list gets a list of its own."""


class ChunkLists:
    """The levels of chunk lists above one object, the lowest first, built while its chunks go by.

    A list that is full is stored as a blob, in one piece, and becomes a record of the level above.
    """

    def __init__(self, store: Callable[[bytes], ObjectId]) -> None:
        self._store = store
        self._levels: list[bytearray] = []

    def append(self, record: ChunkRecord, level: int = 0) -> None:
        """Add a chunk, or a full list, to a level."""
        if level == len(self._levels):
            self._levels.append(bytearray())
        if len(self._levels[level]) + CHUNK_RECORD_SIZE > MAX_LIST:
            self._lift(level)
        self._levels[level] += chunk_list([record])

    def finish(self) -> tuple[int, bytes]:
        """The number of levels, and the topmost list."""
        level = 0
        while level < len(self._levels) - 1:
            self._lift(level)
            level += 1
        return len(self._levels), bytes(self._levels[-1])

    def _lift(self, level: int) -> None:
        piece = bytes(self._levels[level])
        self._levels[level].clear()
        self.append(ChunkRecord(self._store(piece), len(piece)), level + 1)
