"""Taking a metadata pack in without its chunk lists, where what they list was left at the remote.

A chunk list has no hash of its own: it is proven by reading all that it lists. In a pack here it would stand for its
file, and if it lies, for a file that the user adds tomorrow. So it waits in `.sovr/promised/` until its pieces come.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from sovrgit.errors import IntegrityFailure, ObjectMissing, StorageFailure
from sovrgit.objects.ids import Kind, ObjectId, hash_object
from sovrgit.pod.pod import Pod
from sovrgit.remotes.promises import PROMISED
from sovrgit.store.compress import compress
from sovrgit.store.files import reporting
from sovrgit.store.format import ENTRY_HEADER_SIZE, Codec, PackClass, Toc
from sovrgit.store.packreader import PackReader
from sovrgit.store.packwriter import FinishedPack, NewEntry, PackWriter


def unproven(toc: Toc) -> Toc:
    """The rows of a pack's table that are chunk lists of files."""
    found = Toc.empty()
    for digest, kind, codec, depth, offset, stored, size in toc.rows():
        if kind == Kind.BLOB and codec == Codec.CHUNKS:
            found.append(kind, codec, depth, offset, stored, size, digest)
    return found


def split(pod: Pod, path: Path, pack: ObjectId, toc: Toc, lists: Toc) -> FinishedPack:
    """Write a verified pack anew, with its table of contents instead of the lists, which are put aside.

    Args:
        toc: what is in the pack.
        lists: those of its rows that are put aside.

    Raises:
        IntegrityFailure, StorageFull, ReadOnly, StorageFailure: nothing is left behind.
    """
    offsets = set(lists.offsets)
    with reporting(pod.temporary), PackReader(path, pack) as reader:
        data = memoryview(reader.read(0, reader.size))
        rest = PackWriter(pod.temporary, PackClass.METADATA)
        aside = PackWriter(pod.temporary, PackClass.METADATA)
        try:
            for digest, kind, codec, depth, offset, stored, size in toc.rows():
                payload = data[offset + ENTRY_HEADER_SIZE : offset + ENTRY_HEADER_SIZE + stored]
                entry = NewEntry(Kind(kind), Codec(codec), depth, size, ObjectId(digest), payload)
                (aside if offset in offsets else rest).add(entry)
            # The whole table: also pieces that are small, and that nothing leads to without a list, may be collected.
            rest.add(table_entry(replace(toc, pack=pack)))
            finished = rest.finish()
            put_aside = aside.finish()
            folder = pod.folder / PROMISED
            folder.mkdir(exist_ok=True)
            os.replace(put_aside.path, folder / f"{pack}.pack")
        except BaseException:
            rest.abandon()
            aside.abandon()
            raise
    return finished


def table_entry(table: Toc) -> NewEntry:
    """A table of contents of another pack, as a metadata pack holds it."""
    encoded = table.encode()
    codec, payload = compress(encoded)
    return NewEntry(Kind.TOC, codec, 0, len(encoded), hash_object(Kind.TOC, encoded), payload)


def put_aside(pod: Pod, pack: ObjectId, wanted: Iterable[ObjectId]) -> dict[ObjectId, NewEntry]:
    """Those of some chunk lists of a remote's pack that were put aside here. What is gone or damaged is left out."""
    asked = set(wanted)
    found: dict[ObjectId, NewEntry] = {}
    try:
        with PackReader(pod.folder / PROMISED / f"{pack}.pack", pack) as reader:
            for digest, kind, codec, depth, offset, stored, size in reader.toc().rows():
                item = ObjectId(digest)
                if item in asked:
                    payload = bytes(reader.entry(offset, stored)[1])
                    found[item] = NewEntry(Kind(kind), Codec(codec), depth, size, item, payload)
    except (ObjectMissing, IntegrityFailure, StorageFailure):
        return {}
    return found
