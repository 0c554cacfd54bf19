"""The golden packs: written the same, read the same, and damage in them never taken for data.

What zstd makes of data may change from version to version, so compressed payloads are vectors for reading only; around
them every byte must be the same.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
import zstandard
from golden_packs import FILES, make_packs
from golden_vectors import FIRST_COMMIT, SMALL_TREE, Json, load
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sovrgit.errors import IntegrityFailure
from sovrgit.objects.ids import Data, Kind, ObjectId, blob_id, hash_object
from sovrgit.store import packwriter
from sovrgit.store.compress import decompress
from sovrgit.store.format import (
    ENTRY_HEADER_SIZE,
    PACK_HEADER_SIZE,
    TRAILER_SIZE,
    ChunkRecord,
    Codec,
    PackClass,
    Toc,
    chunk_list,
    class_of,
    entry_header,
    read_chunk_list,
    read_entry_header,
    read_trailer,
    trailer,
)
from sovrgit.store.packreader import PackReader, salvage, verified
from sovrgit.store.packwriter import NewEntry, PackWriter
from sovrgit.store.store import ObjectStore
from sovrgit.store.verify import verify_pack

VECTORS: dict[str, Json] = {vector["name"]: vector for vector in load("pack")["vectors"]}
PACKS = {name: bytes.fromhex(vector["encoding"]) for name, vector in VECTORS.items()}
each_pack = pytest.mark.parametrize("name", VECTORS)


def entries_of(name: str) -> list[NewEntry]:
    """The entries as the bytes say, checked against the description."""
    found = []
    for row in VECTORS[name]["entries"]:
        header = read_entry_header(PACKS[name], row["offset"], name)
        described = (row["kind"], row["codec"], row["depth"], row["size"], row["id"])
        assert described == (
            header.kind.label,
            header.codec.name.lower(),
            header.depth,
            header.size,
            str(header.id),
        )
        start = row["offset"] + ENTRY_HEADER_SIZE
        payload = PACKS[name][start : start + header.stored]
        found.append(NewEntry(header.kind, header.codec, header.depth, header.size, header.id, payload))
    return found


def opened(folder: Path, data: bytes) -> PackReader:
    path = folder / "a.pack"
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    return PackReader(path, ObjectId(bytes(32)))


@each_pack
def test_the_id_is_the_hash_of_the_file(name: str, tmp_path: Path) -> None:
    with opened(tmp_path, PACKS[name]) as reader:
        assert str(reader.digest()) == str(blob_id(PACKS[name])) == VECTORS[name]["id"]


@each_pack
def test_writing_gives_the_same_bytes(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    header = read_entry_header(PACKS[name], VECTORS[name]["toc"], name)
    start = VECTORS[name]["toc"] + ENTRY_HEADER_SIZE
    payload = PACKS[name][start : start + header.stored]

    def compressed_as_then(data: Data) -> tuple[Codec, Data]:
        assert decompress(header.codec, payload, header.size, name) == data
        return header.codec, payload

    monkeypatch.setattr(packwriter, "compress", compressed_as_then)
    writer = PackWriter(tmp_path, PackClass[VECTORS[name]["class"].upper()])
    for entry in entries_of(name):
        writer.add(entry)
    finished = writer.finish()
    assert finished.path.read_bytes().hex() == VECTORS[name]["encoding"]
    assert str(finished.id) == VECTORS[name]["id"]


@each_pack
def test_reading_gives_the_same_objects(name: str, tmp_path: Path) -> None:
    rows = []
    with opened(tmp_path, PACKS[name]) as reader:
        assert reader.pack_class().name.lower() == VECTORS[name]["class"]
        for digest, kind, codec, depth, offset, stored, size in reader.toc().rows():
            header, payload = reader.entry(offset, stored)
            row = {"offset": offset, "kind": Kind(kind).label, "codec": Codec(codec).name.lower()}
            rows.append({**row, "depth": depth, "size": size, "id": digest.hex()})
            assert header == (kind, codec, depth, stored, size, digest)
            if header.codec is not Codec.CHUNKS:
                assert len(verified(header, payload, ObjectId(digest), name)) == size
    assert rows == [{key: row[key] for key in row if key != "about"} for row in VECTORS[name]["entries"]]


@each_pack
def test_the_packs_are_sound(name: str, tmp_path: Path) -> None:
    with opened(tmp_path, PACKS[name]) as reader:
        found = verify_pack(reader.path, ObjectId.parse(VECTORS[name]["id"]), len(PACKS[name]))
        assert found == reader.toc()


@each_pack
def test_the_table_can_be_made_again_from_the_entries(name: str, tmp_path: Path) -> None:
    with opened(tmp_path, PACKS[name]) as reader:
        assert salvage(reader) == (reader.toc(), reader.pack_class())


@each_pack
def test_entries_are_in_the_class_of_pack_they_belong_in(name: str) -> None:
    for entry in entries_of(name):
        assert class_of(entry.kind, entry.codec, entry.size).name.lower() == VECTORS[name]["class"]


def test_compressed_payloads_are_read() -> None:
    compressed = [entry for name in PACKS for entry in entries_of(name) if entry.codec is Codec.ZSTD]
    assert len(compressed) >= 1
    for entry in compressed:
        data = zstandard.ZstdDecompressor().decompress(bytes(entry.payload))
        assert len(data) == entry.size == zstandard.frame_content_size(bytes(entry.payload))
        assert blob_id(data) == entry.id if entry.kind is Kind.BLOB else Toc.decode(data)


def test_the_metadata_pack_holds_the_table_of_the_content_pack(tmp_path: Path) -> None:
    last = entries_of("metadata")[-1]
    table = Toc.decode(bytes(decompress(last.codec, last.payload, last.size, "table")))
    assert str(table.pack) == VECTORS["content"]["id"]
    table.pack = None
    with opened(tmp_path, PACKS["content"]) as reader:
        assert reader.toc() == table


def test_a_store_reads_both_packs(tmp_path: Path) -> None:
    ObjectStore.create(tmp_path / "store")
    for name, data in PACKS.items():
        (tmp_path / "store" / "packs" / f"{VECTORS[name]['id']}.pack").write_bytes(data)
    store = ObjectStore(tmp_path / "store")
    try:
        for identity, data in FILES.items():
            assert b"".join(map(bytes, store.stream(identity))) == data
            assert store.read(identity, Kind.BLOB) == data
        assert store.commit(FIRST_COMMIT.id()) == FIRST_COMMIT
        assert store.tree(FIRST_COMMIT.tree) == SMALL_TREE
    finally:
        store.close()


def test_the_script_makes_packs_that_differ_in_compression_alone() -> None:
    for name, pack in make_packs().items():
        assert pack.data[:PACK_HEADER_SIZE] == PACKS[name][:PACK_HEADER_SIZE]
        then = entries_of(name)
        for now, before in zip(pack.entries, then, strict=True):
            assert (now.kind, now.depth) == (before.kind, before.depth)
            if before.kind is not Kind.TOC:
                assert (now.codec, now.size, now.id) == (before.codec, before.size, before.id)
            if before.codec is not Codec.ZSTD and before.kind is not Kind.TOC:
                assert bytes(now.payload) == before.payload


@each_pack
@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_damage_is_found_before_data_is_believed(name: str, tmp_path: Path, data: st.DataObject) -> None:
    damaged = bytearray(PACKS[name])
    match data.draw(st.sampled_from(["flip", "cut", "insert", "delete"])):
        case "flip":
            damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        case "cut":
            del damaged[data.draw(st.integers(0, len(damaged) - 1)) :]
        case "insert":
            place = data.draw(st.integers(0, len(damaged)))
            damaged[place:place] = data.draw(st.binary(min_size=1, max_size=60))
        case "delete":
            place = data.draw(st.integers(0, len(damaged) - 1))
            del damaged[place : place + data.draw(st.integers(1, 60))]
    intact = {entry.id for entry in entries_of(name)}
    # Without a trailer behind it, the table at the end is an entry like any other.
    intact.add(read_entry_header(PACKS[name], VECTORS[name]["toc"], name).id)
    with opened(tmp_path, bytes(damaged)) as reader:
        assert str(reader.digest()) != VECTORS[name]["id"]
        with pytest.raises(IntegrityFailure):
            verify_pack(reader.path, ObjectId.parse(VECTORS[name]["id"]), reader.size)
        tables = [salvage(reader)[0]]
        try:
            tables.append(reader.toc())
        except IntegrityFailure:
            pass
        for digest, _, codec, _, offset, stored, _ in (row for table in tables for row in table.rows()):
            try:
                header, payload = reader.entry(offset, stored)
                if codec != Codec.CHUNKS:
                    verified(header, payload, ObjectId(digest), name)
                    assert ObjectId(digest) in intact
            except IntegrityFailure:
                continue


def with_table(data: bytes, **changed: Any) -> bytes:
    """The content pack with another table of contents or trailer around what it holds."""
    offset = VECTORS["content"]["toc"]
    header = read_entry_header(data, offset, "content")
    start = offset + ENTRY_HEADER_SIZE
    encoded = decompress(header.codec, data[start : start + header.stored], header.size, "content")
    toc = Toc.decode(bytes(encoded))
    toc.pack = changed.get("pack")
    kind = changed.get("kind", Kind.TOC)
    body = toc.encode()
    identity = changed.get("id", hash_object(kind, body))
    entry = entry_header(kind, Codec.RAW, 0, len(body), len(body), identity) + body
    end = trailer(changed.get("offset", offset), changed.get("count", len(toc)))
    return data[:offset] + entry + end


def test_the_table_that_those_vary_is_accepted(tmp_path: Path) -> None:
    with opened(tmp_path, with_table(PACKS["content"])) as changed, opened(tmp_path, PACKS["content"]) as original:
        assert changed.toc() == original.toc()


@pytest.mark.parametrize(
    "change",
    [
        {"pack": ObjectId(bytes(32))},
        {"count": 1},
        {"count": 3},
        {"offset": 0},
        {"offset": 17},
        {"offset": (1 << 32) - 1},
        {"kind": Kind.TREE},
        {"id": bytes(32)},
    ],
    ids=str,
)
def test_a_table_that_is_not_this_packs_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    with opened(tmp_path, with_table(PACKS["content"], **change)) as reader, pytest.raises(IntegrityFailure):
        reader.toc()


@given(st.integers(0, (1 << 32) - 1), st.integers(0, (1 << 32) - 1))
def test_trailers_are_read_as_written(offset: int, count: int) -> None:
    data = trailer(offset, count)
    assert len(data) == TRAILER_SIZE
    assert read_trailer(data, "pack") == (offset, count)
    fields = struct.pack("<II", offset, count)
    assert data == fields + struct.pack("<I", zlib.crc32(fields)) + b"SOVRPEND"


@given(st.lists(st.tuples(st.binary(min_size=32, max_size=32), st.integers(1, 16 << 20)), min_size=1))
def test_chunk_lists_are_read_as_written(pairs: list[tuple[bytes, int]]) -> None:
    records = [ChunkRecord(ObjectId(digest), length) for digest, length in pairs]
    assert read_chunk_list(chunk_list(records), "list") == records


@given(st.binary(max_size=200))
def test_noise_is_no_table(noise: bytes) -> None:
    for reading in (read_chunk_list, lambda data, what: read_entry_header(data, 0, what)):
        try:
            reading(noise, "noise")
        except IntegrityFailure:
            continue
