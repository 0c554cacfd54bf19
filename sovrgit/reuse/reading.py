"""Reading what runs and verdicts a place has: its manifest, and of the packs that are new there the records."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from sovrgit.errors import ObjectInvalid, RemoteDamaged, SovrError
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.run import Run
from sovrgit.objects.signature import Signed
from sovrgit.objects.verdict import Verdict
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
                records, size = read_pack(pod, remote, entry, deadline)
        except RemoteDamaged as error:
            # The others may be good.
            if not damaged:
                tell(Told(place.name, error.message))
            damaged = True
            continue
        tell(Read(records))
        spent += size


def read_pack(pod: Pod, remote: Remote, entry: PackEntry, deadline: Deadline) -> tuple[PackRecords, int]:
    """The records of a metadata pack, each verified against its id; and how many bytes were read for that.

    Raises:
        RemoteDamaged, IntegrityFailure: if something in it is not what it is said to be.
        RemoteUnavailable: if the place cannot be read, or not in time.
    """
    records = PackRecords(entry.id, {}, [], [])
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
        for made in pack.entries(wanted):
            deadline.check(remote.describe())
            _take(made, records)
    read = len(encoded) + sum(item.place.stored + ENTRY_HEADER_SIZE for item in wanted)
    return records, read if remote.has_ranges else entry.size


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
        elif entry.kind is Kind.RUN:
            run = Run.decode(data)
            if run.succeeded:
                row = RunRow(run.key, entry.id, run.started, run.repeats is not None, _claimed_by(run))
                records.runs.append(row)
        else:
            verdict = Verdict.decode(data)
            records.verdicts.append(VerdictRow(verdict.run, entry.id, verdict.time, _claimed_by(verdict)))
    except ObjectInvalid:
        # Of a newer version, or nonsense: it is nothing that could be taken, and the rest may be good.
        return


def _claimed_by(record: Signed) -> str:
    """The address that a signature names, not checked; empty without one."""
    signature = record.signature
    if signature is None or not signature.is_known:
        return ""
    from sovrgit.signing.ethereum import address_of

    try:
        return address_of(signature.key)
    except ValueError:
        return ""
