"""The packs of the golden vectors: a content pack with two files, and the metadata pack that travels with it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from golden_vectors import FIRST_COMMIT, HELLO, RECIPE, SMALL_TREE, pattern

from sovrgit.objects.ids import Data, Kind, ObjectId, blob_id, hash_object
from sovrgit.store.compress import compress
from sovrgit.store.format import ChunkRecord, Codec, PackClass, chunk_list
from sovrgit.store.packwriter import FinishedPack, NewEntry, PackWriter, toc_entry

PLAIN = pattern(4100)
TEXT = b"".join(f"line {number} of a text that compresses well\n".encode() for number in range(128))
PIECES = [ChunkRecord(blob_id(PLAIN), len(PLAIN)), ChunkRecord(blob_id(TEXT), len(TEXT))]
LIST = chunk_list(PIECES[::-1])

FILES = {blob_id(data): data for data in (HELLO, RECIPE, PLAIN, TEXT, PLAIN + TEXT, TEXT + PLAIN)}
"""The files that a reader finds in the two packs."""


class GoldenPack(NamedTuple):
    """A pack, its bytes, and what each entry is for."""

    about: str
    kind: PackClass
    id: ObjectId
    data: bytes
    entries: tuple[NewEntry, ...]
    notes: tuple[str, ...]


def make_packs() -> dict[str, GoldenPack]:
    """The packs, written as a pod writes them."""
    content = [
        (_stored(PLAIN), "4,100 bytes of 0, 1, … 250 repeated, stored as they are"),
        (_compressed(TEXT), "a text, as one zstd frame"),
    ]
    with tempfile.TemporaryDirectory() as folder:
        about = "Two files above the size of small ones, one stored and one compressed."
        first, finished = _write(Path(folder), about, PackClass.CONTENT, content)
        whole, reverse = PLAIN + TEXT, TEXT + PLAIN
        metadata = [
            (_stored(HELLO), "a small file"),
            (_stored(RECIPE), "another"),
            (_object(Kind.TREE, SMALL_TREE.encode()), "the tree of both"),
            (_object(Kind.COMMIT, FIRST_COMMIT.encode()), "the commit of the tree"),
            (_list(whole, 1, chunk_list(PIECES)), "a file in two pieces: the two files of the content pack"),
            (_stored(LIST), "a chunk list, as a blob: the pieces in the other order"),
            (
                _list(reverse, 2, chunk_list([ChunkRecord(blob_id(LIST), len(LIST))])),
                "a file by a list of lists, whose one record is the blob before",
            ),
            (toc_entry(finished), "the table of contents of the content pack"),
        ]
        about = "Commit, tree, small files, chunk lists of both depths, and the content pack's table."
        second, _ = _write(Path(folder), about, PackClass.METADATA, metadata)
    return {"content": first, "metadata": second}


def _write(
    folder: Path, about: str, kind: PackClass, entries: Iterable[tuple[NewEntry, str]]
) -> tuple[GoldenPack, FinishedPack]:
    writer = PackWriter(folder, kind)
    added, notes = zip(*entries, strict=True)
    for entry in added:
        writer.add(entry)
    finished = writer.finish()
    return GoldenPack(about, kind, finished.id, finished.path.read_bytes(), added, notes), finished


def _stored(data: bytes) -> NewEntry:
    return NewEntry(Kind.BLOB, Codec.RAW, 0, len(data), blob_id(data), data)


def _compressed(data: bytes) -> NewEntry:
    codec, payload = compress(data)
    assert codec is Codec.ZSTD
    return NewEntry(Kind.BLOB, codec, 0, len(data), blob_id(data), payload)


def _object(kind: Kind, data: bytes) -> NewEntry:
    return NewEntry(kind, Codec.RAW, 0, len(data), hash_object(kind, data), data)


def _list(data: Data, depth: int, payload: bytes) -> NewEntry:
    return NewEntry(Kind.BLOB, Codec.CHUNKS, depth, len(data), blob_id(data), payload)
