"""Reading blobs for no other reason than to see whether they are what they are said to be."""

from __future__ import annotations

from collections.abc import Collection

from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.store.catalogue import Location
from sovrgit.store.extract import check_whole
from sovrgit.store.format import Codec, Toc
from sovrgit.store.store import ObjectStore

_REMEMBERED = 500_000
"""Chunks that are remembered as verified: about 60 MiB, and the chunks of 128 GB. Further ones are read once more."""


def check_blobs(
    store: ObjectStore, pack: ObjectId, toc: Toc, verified: Collection[bytes], *, only_chunked: bool
) -> None:
    """Read the blobs of a pack, but for those that are known to be good, and check their hashes.

    Args:
        verified: blobs that were read and found to be good, with the chunks of those that have some.
        only_chunked: the others were all read when the pack was verified.

    Raises:
        ObjectMissing, IntegrityFailure, StorageFailure: if a blob is not what the table says, or not here as a whole.
    """
    placed = []
    for digest, kind, codec, depth, offset, stored, size in toc.rows():
        if kind != Kind.BLOB or digest in verified:
            continue
        if codec == Codec.CHUNKS:
            check_whole(store, ObjectId(digest))
        elif not only_chunked:
            item = ObjectId(digest)
            placed.append((Location(Kind.BLOB, Codec(codec), depth, offset, stored, size, pack), item))
    for _ in store.read_placed(placed):
        pass


def add_chunks(store: ObjectStore, toc: Toc, verified: set[bytes]) -> None:
    """Add the chunks of those blobs that are known to be good and of which a pack has a list.

    Reading a blob checks the hashes of its chunks too.
    """
    for digest, _, codec, *_ in toc.rows():
        if codec == Codec.CHUNKS and digest in verified and len(verified) < _REMEMBERED:
            verified.update(store.chunks(ObjectId(digest)))
