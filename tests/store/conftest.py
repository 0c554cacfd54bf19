"""A store in a temporary folder, and constants small enough that a few kilobytes show what gigabytes would."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from store_bench import Bench

from sovrgit.store import chunking, chunklists, compress, format, objectreader, packwriter, repack, session


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "store")
    yield made
    made.store.close()


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of about 256 bytes, lists of seven records, packs of a few kilobytes."""
    monkeypatch.setattr(chunking, "AVERAGE", 256)
    monkeypatch.setattr(chunking, "MINIMUM", 64)
    monkeypatch.setattr(chunking, "MAXIMUM", 1024)
    monkeypatch.setattr(chunking, "BLOCK", 4096)
    monkeypatch.setattr(compress, "SAMPLE_FROM", 512)
    monkeypatch.setattr(compress, "SAMPLE_SIZE", 64)
    monkeypatch.setattr(format, "SMALL", 128)
    monkeypatch.setattr(packwriter, "_FLUSH_AT", 1024)
    monkeypatch.setattr(packwriter, "_DIRECT_FROM", 512)
    monkeypatch.setattr(session, "CHUNK_FROM", 1024)
    monkeypatch.setattr(chunklists, "MAX_LIST", 7 * format.CHUNK_RECORD_SIZE + 5)
    monkeypatch.setattr(session, "_BATCH_BYTES", 1024)
    monkeypatch.setattr(session, "_BATCH_ITEMS", 5)
    monkeypatch.setattr(objectreader, "_SPAN", 2048)
    for module in (session, repack):
        monkeypatch.setattr(module, "PACK_TARGET", 8192)
        monkeypatch.setattr(module, "MAX_ENTRIES", 20)


@pytest.fixture
def noise() -> random.Random:
    """Bytes that do not compress, the same in every run."""
    return random.Random(20)
