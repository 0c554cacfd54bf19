"""A remote in memory: the shortest thing that keeps the promises of the interface."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar

from sovrgit.errors import RemoteDamaged, RemoteStale
from sovrgit.objects.ids import ObjectId, blob_id


class MemoryRemote:
    """Packs in a dictionary and a manifest in a variable. `sent` lists the packs that were stored, in order,
    `got` those that were fetched whole, `ranges` those of which a part was read."""

    kind: ClassVar[str] = "memory"
    keeps_chain: ClassVar[bool] = True
    answers_vary: bool = False
    is_far: bool = False
    downloads_at_once: ClassVar[int] = 2
    has_ranges: bool = True

    def __init__(self) -> None:
        self.location = "memory:"
        self.manifest: bytes | None = None
        self.packs: dict[ObjectId, bytes] = {}
        self.sent: list[ObjectId] = []
        self.got: list[ObjectId] = []
        self.ranges: list[ObjectId] = []
        self.others: dict[str, MemoryRemote] = {}
        self.closed = False
        self._lock = threading.Lock()

    def describe(self) -> str:
        return self.location

    def close(self) -> None:
        self.closed = True

    def at(self, origin: str) -> MemoryRemote:
        if origin not in self.others:
            raise RemoteDamaged(remote=self.location, reason=f"nothing is known of {origin}")
        return self.others[origin]

    def writing(self) -> AbstractContextManager[None]:
        return contextlib.nullcontext()

    def read_manifest(self) -> bytes | None:
        return self.manifest

    def publish(self, manifest: bytes, expected: bytes | None) -> None:
        with self._lock:
            if self.manifest != expected:
                raise RemoteStale(remote=self.location)
            self.manifest = manifest

    def has_pack(self, pack: ObjectId, size: int) -> bool:
        data = self.packs.get(pack)
        return data is not None and len(data) == size and blob_id(data) == pack

    def put_pack(self, pack: ObjectId, source: Path, advance: Callable[[int], None]) -> None:
        data = source.read_bytes()
        with self._lock:
            self.packs[pack] = data
            self.sent.append(pack)
        advance(len(data))

    def get_pack(self, pack: ObjectId, size: int, target: Path, advance: Callable[[int], None]) -> None:
        if pack not in self.packs:
            raise RemoteDamaged(remote=self.location, reason=f"pack {pack.short} is not there")
        self.got.append(pack)
        data = self.packs[pack][:size]
        with open(target, "xb") as file:
            file.write(data)
        advance(len(data))

    def get_range(self, pack: ObjectId, size: int, offset: int, length: int) -> bytes:
        if pack not in self.packs:
            raise RemoteDamaged(remote=self.location, reason=f"pack {pack.short} is not there")
        self.ranges.append(pack)
        return self.packs[pack][:size][offset : offset + length]
