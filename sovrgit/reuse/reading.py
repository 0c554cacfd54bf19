"""Reading what runs and verdicts a place has: its manifest, and of the packs that are new there the records."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

import msgpack

from sovrgit.errors import ObjectInvalid, RemoteDamaged, SovrError
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.run import RunStatus
from sovrgit.objects.signature import ETHEREUM, PUBLIC_KEY_SIZE, SIGNED
from sovrgit.pod.pod import Pod
from sovrgit.remotes.base import Remote
from sovrgit.remotes.manifest import Manifest, PackEntry, check_continues
from sovrgit.remotes.ranges import Wanted, opened_pack
from sovrgit.remotes.reading import blaming, decode_manifest
from sovrgit.reuse.cache import PackRecords, RunRow, VerdictRow
from sovrgit.reuse.hasty import Deadline, hasty
from sovrgit.reuse.places import Place
from sovrgit.store.catalogue import Location
from sovrgit.store.compress import decompress
from sovrgit.store.format import ENTRY_HEADER_SIZE, Codec, PackClass, Toc, check_entry
from sovrgit.store.packwriter import NewEntry

LARGEST_RECORD = 1 << 20
"""Bytes of a record that is looked at; real ones have some thousands, on Golem some tens of thousands."""

_KINDS = {Kind.RUN, Kind.VERDICT, Kind.TOC}


@dataclass(frozen=True, slots=True)
class Seen:
    """The manifest of a place."""

    place: Place
    where: str
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of a pack."""

    records: PackRecords


@dataclass(frozen=True, slots=True)
class Told:
    """Something about a place that the user is to know."""

    place: str
    text: str


Event: TypeAlias = Seen | Read | Told


class ReadPack(NamedTuple):
    """What was read of a pack, how many bytes that took, and whether it is all that is of interest in it."""

    records: PackRecords
    size: int
    is_whole: bool


class Budget(NamedTuple):
    """How much one look-up reads of one place: bytes, and packs."""

    bytes: int = 64 << 20
    packs: int = 2_000


def read_place(
    pod: Pod, place: Place, read: Collection[bytes], budget: Budget, deadline: Deadline, tell: Callable[[Event], None]
) -> None:
    """Read what is new at a place, the latest first, as far as time and budget go; another look-up goes on from there.

    Never fails because of the place: what is wrong with it is told.

    Args:
        read: packs that need not be read again.
    """
    try:
        opened = place.open()
        try:
            _read(pod, place, opened, read, budget, deadline, tell)
        finally:
            opened.close()
    except SovrError as error:
        tell(Told(place.name, error.message))


def _read(
    pod: Pod,
    place: Place,
    opened: Remote,
    read: Collection[bytes],
    budget: Budget,
    deadline: Deadline,
    tell: Callable[[Event], None],
) -> None:
    remote = hasty(opened, deadline)
    manifest = decode_manifest(remote, remote.read_manifest())
    if manifest is None:
        gone = "nothing has been pushed to it yet" if place.seen is None else "what it had is not there any more"
        tell(Told(place.name, gone))
        return
    if place.seen is not None and opened.keeps_chain:
        check_continues(place.seen, manifest, remote.describe())
    tell(Seen(place, remote.describe(), manifest))
    new = [
        entry
        for entry in reversed(manifest.packs)
        if entry.kind is PackClass.METADATA and entry.id not in read and entry.id not in place.known
    ]
    spent, damaged = 0, False
    for count, entry in enumerate(new):
        if count == budget.packs or spent + (0 if remote.has_ranges else entry.size) > budget.bytes:
            left = len(new) - count
            tell(Told(place.name, f"it has more than is read at once; {left} packs are left for the next time"))
            return
        try:
            with blaming(remote):
                found = read_pack(pod, remote, entry, deadline)
        except RemoteDamaged as error:
            # The others may be good.
            if not damaged:
                tell(Told(place.name, error.message))
            damaged = True
            continue
        if not found.is_whole and count:
            # The next look-up begins with it.
            deadline.check(remote.describe())
        tell(Read(found.records))
        spent += found.size
        if not found.is_whole:
            # It would be the same the next time.
            tell(
                Told(place.name, f"pack {entry.id.short} has more records than can be read in time; some are left out")
            )
            return


def read_pack(pod: Pod, remote: Remote, entry: PackEntry, deadline: Deadline) -> ReadPack:
    """The records of a metadata pack, each verified against its id.

    Raises:
        RemoteDamaged, IntegrityFailure: if something in it is not what it is said to be.
        RemoteUnavailable: if the place cannot be read, or not in time.
    """
    records, is_whole = PackRecords(entry.id, {}, [], []), True
    what = f"the table of contents of pack {entry.id.short}"
    with opened_pack(pod, remote, entry) as pack:
        table = pack.table()
        encoded = table.encode()
        records.tables[entry.id] = encoded
        wanted = []
        for digest, kind, codec, depth, offset, stored, size in table.rows():
            if kind in _KINDS and codec != Codec.CHUNKS and (size <= LARGEST_RECORD or kind == Kind.TOC):
                check_entry(kind, codec, depth, stored, size, offset, what)
                place = Location(Kind(kind), Codec(codec), depth, offset, stored, size, entry.id)
                wanted.append(Wanted(place, ObjectId(digest)))
        # Tables first: without them nothing of the rest can be got.
        wanted.sort(key=lambda item: item.place.kind is not Kind.TOC)
        tables = sum(item.place.kind is Kind.TOC for item in wanted)
        for made in chain(pack.entries(wanted[:tables]), pack.entries(wanted[tables:])):
            if not deadline.left:
                is_whole = False
                break
            _take(made, records)
    read = len(encoded) + sum(item.place.stored + ENTRY_HEADER_SIZE for item in wanted)
    return ReadPack(records, read if remote.has_ranges else entry.size, is_whole)


def data_of(entry: NewEntry) -> bytes:
    """The object in an entry that was verified."""
    return bytes(decompress(entry.codec, entry.payload, entry.size, f"object {entry.id.short}"))


def _take(entry: NewEntry, records: PackRecords) -> None:
    data = data_of(entry)
    try:
        if entry.kind is Kind.TOC:
            table = Toc.decode(data)
            if table.pack is not None:
                records.tables[table.pack] = data
            return
        # Only what is needed to find it again: there may be very many, and it is decoded and checked when it is wanted.
        fields = msgpack.unpackb(data)
        if entry.kind is Kind.VERDICT:
            row = VerdictRow(ObjectId(fields["run"]), entry.id, _number(fields["time"]), _claimed_by(fields))
            records.verdicts.append(row)
        elif fields["status"] == RunStatus.SUCCEEDED:
            key, started = ObjectId(fields["key"]), _number(fields["started"])
            records.runs.append(RunRow(key, entry.id, started, "repeats" in fields, _claimed_by(fields)))
    except (ObjectInvalid, ValueError, KeyError, TypeError, AttributeError):
        # Of a newer version, or nonsense: it is nothing that could be taken, and the rest may be good.
        return


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError
    return value


def _claimed_by(fields: dict[str, Any]) -> str:
    """The address that a signature names, not checked; empty without one."""
    signature = fields.get(SIGNED)
    if signature is None or signature.get("scheme") != ETHEREUM:
        return ""
    from sovrgit.signing.ethereum import address_of

    key = signature["key"]
    return address_of(key) if isinstance(key, bytes) and len(key) == PUBLIC_KEY_SIZE else ""
