"""Reading single entries out of a remote's packs: by range where it has ranges, else out of the whole pack."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sovrgit.errors import IntegrityFailure, RemoteDamaged
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.pod.pod import Pod
from sovrgit.remotes.base import Remote, doubt, with_retries
from sovrgit.remotes.manifest import PackEntry
from sovrgit.remotes.reading import BROKEN
from sovrgit.store.catalogue import Location
from sovrgit.store.files import reporting, temporary_name
from sovrgit.store.format import (
    ENTRY_HEADER_SIZE,
    PACK_HEADER_SIZE,
    TRAILER_SIZE,
    Codec,
    Toc,
    read_chunk_list,
    read_entry_header,
    read_trailer,
)
from sovrgit.store.packreader import PackReader, verified
from sovrgit.store.packwriter import NewEntry

SPAN = 4 << 20
"""Bytes that are asked for at once, beside the last entry."""

GAP = 64 << 10
"""Bytes between two wanted entries that are read along: a request costs more."""


class Wanted(NamedTuple):
    """An object and its place in a remote's pack."""

    place: Location
    id: ObjectId


class OpenPack:
    """One pack of a remote, of which several things are read. One that has no ranges is fetched once."""

    def __init__(self, pod: Pod, remote: Remote, entry: PackEntry, source: _Source) -> None:
        self._pod = pod
        self._remote = remote
        self._entry = entry
        self._source = source

    def table(self) -> Toc:
        """Its table of contents. Raises as `read_table`."""
        return self._source.table() if self._source.is_here else read_table(self._pod, self._remote, self._entry)

    def entries(self, wanted: Sequence[Wanted]) -> Iterator[NewEntry]:
        """Entries of it. Raises as `read_entries`."""
        for span in _spans(sorted(wanted, key=lambda item: item.place.offset)):
            yield from self._source(span)


@contextlib.contextmanager
def opened_pack(pod: Pod, remote: Remote, entry: PackEntry) -> Iterator[OpenPack]:
    """Open a pack for the length of a block.

    Raises:
        RemoteDamaged: if the pack is not there, or not what the manifest says.
        RemoteUnavailable: if the place cannot be read.
        StorageFull, ReadOnly, StorageFailure: if a pack that has no ranges cannot be kept for a moment.
    """
    with _opened(pod, remote, entry) as source:
        yield OpenPack(pod, remote, entry, source)


def read_entries(pod: Pod, remote: Remote, entry: PackEntry, wanted: Sequence[Wanted]) -> Iterator[NewEntry]:
    """Entries of one pack, each verified against its id; of a chunk list only the form can be verified.

    Raises:
        RemoteDamaged: if the pack is not there, or an entry is not what was promised.
        RemoteUnavailable: if the place cannot be read.
        StorageFull, ReadOnly, StorageFailure: if a pack that has no ranges cannot be kept for a moment.
    """
    with opened_pack(pod, remote, entry) as pack:
        yield from pack.entries(wanted)


@contextlib.contextmanager
def _opened(pod: Pod, remote: Remote, entry: PackEntry) -> Iterator[_Source]:
    place = remote.at(entry.origin) if entry.origin else remote
    if place.has_ranges:
        yield _Source(place, entry)
        return
    temporary = temporary_name(pod.temporary, "fetch")

    def attempt() -> PackReader:
        with reporting(pod.temporary):
            temporary.unlink(missing_ok=True)
        place.get_pack(entry.id, entry.size, temporary, lambda _: None)
        try:
            reader = PackReader(temporary, entry.id)
            if reader.size == entry.size and reader.digest() == entry.id:
                return reader
            reader.close()
        except BROKEN as error:
            raise doubt(place, _damaged(place, error.message)) from error
        raise doubt(place, _damaged(place, f"pack {entry.id.short} has another hash"))

    try:
        with with_retries(attempt) as reader:
            yield _Source(place, entry, reader)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


class _Source:
    """One pack, at the remote or fetched from there."""

    def __init__(self, remote: Remote, entry: PackEntry, reader: PackReader | None = None) -> None:
        self._remote = remote
        self._entry = entry
        self._reader = reader

    @property
    def is_here(self) -> bool:
        """Whether all of the pack was fetched."""
        return self._reader is not None

    def __call__(self, span: Sequence[Wanted]) -> list[NewEntry]:
        start, last = span[0].place.offset, span[-1].place
        length = last.offset + ENTRY_HEADER_SIZE + last.stored - start

        def attempt() -> list[NewEntry]:
            try:
                data = self._read(start, length)
                return [_checked(data, item, start, f"pack {self._entry.id.short}") for item in span]
            except BROKEN as error:
                raise doubt(self._remote, _damaged(self._remote, error.message)) from error

        return with_retries(attempt)

    def table(self) -> Toc:
        """The table of contents of a pack that was fetched."""
        assert self._reader is not None
        try:
            return self._reader.toc()
        except BROKEN as error:
            raise _damaged(self._remote, error.message) from error

    def _read(self, offset: int, length: int) -> bytes:
        if offset + length > self._entry.size:
            raise _damaged(self._remote, f"pack {self._entry.id.short} is shorter than its table of contents says")
        if self._reader is not None:
            return self._reader.read(offset, length)
        return self._remote.get_range(self._entry.id, self._entry.size, offset, length)


def read_table(pod: Pod, remote: Remote, entry: PackEntry) -> Toc:
    """The table of contents of a pack, as it stands at its end.

    Raises:
        RemoteDamaged: if it has none.
        RemoteUnavailable: if the place cannot be read.
    """
    place = remote.at(entry.origin) if entry.origin else remote
    if not place.has_ranges:
        with _opened(pod, remote, entry) as source:
            return source.table()
    what = f"pack {entry.id.short}"

    def attempt() -> Toc:
        try:
            end = place.get_range(entry.id, entry.size, entry.size - TRAILER_SIZE, TRAILER_SIZE)
            if len(end) != TRAILER_SIZE:
                raise IntegrityFailure(what=what, reason="it is shorter than the manifest says")
            offset, count = read_trailer(end, what)
            length = entry.size - TRAILER_SIZE - offset
            if offset < PACK_HEADER_SIZE or length < ENTRY_HEADER_SIZE:
                raise IntegrityFailure(what=what, reason="its table of contents lies outside")
            data = place.get_range(entry.id, entry.size, offset, length)
            header = read_entry_header(data, 0, what)
            table = Toc.decode(bytes(verified(header, data[ENTRY_HEADER_SIZE:], header.id, what)))
            if header.kind is not Kind.TOC or len(table) != count or table.pack is not None:
                raise IntegrityFailure(what=what, reason="its table of contents belongs to another pack")
            return table
        except BROKEN as error:
            raise doubt(place, _damaged(place, error.message)) from error

    return with_retries(attempt)


def _spans(wanted: Sequence[Wanted]) -> Iterator[list[Wanted]]:
    span: list[Wanted] = []
    end = 0
    for item in wanted:
        if span and (item.place.offset - end > GAP or end - span[0].place.offset > SPAN):
            yield span
            span = []
        span.append(item)
        end = item.place.offset + ENTRY_HEADER_SIZE + item.place.stored
    if span:
        yield span


def _checked(data: bytes, item: Wanted, start: int, what: str) -> NewEntry:
    place = item.place
    position = place.offset - start
    header = read_entry_header(data, position, what)
    said = (place.kind, place.codec, place.depth, place.stored, place.size, item.id)
    payload = data[position + ENTRY_HEADER_SIZE : position + ENTRY_HEADER_SIZE + place.stored]
    if header != said or len(payload) != place.stored:
        raise IntegrityFailure(what=what, reason="an entry is not what its table of contents says")
    if header.codec is Codec.CHUNKS:
        read_chunk_list(payload, what)
    else:
        verified(header, payload, item.id, what)
    return NewEntry(header.kind, header.codec, header.depth, header.size, item.id, payload)


def _damaged(remote: Remote, reason: str) -> RemoteDamaged:
    return RemoteDamaged(remote=remote.describe(), reason=reason)
