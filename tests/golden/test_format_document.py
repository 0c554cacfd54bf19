"""`docs/internals/format.md` says what the code does: its tables, limits, layouts and dumps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import golden_reference as reference
import pytest
from golden_vectors import DECODERS, SAMPLES, Json, from_notation, load

from sovrgit.errors import ObjectInvalid, UnsafeName
from sovrgit.objects import codec, commit, ids, signature, tree
from sovrgit.objects.ids import Kind, hash_object
from sovrgit.objects.run import RunStatus
from sovrgit.objects.tree import EntryKind
from sovrgit.objects.verdict import Finding
from sovrgit.pod.refs import check_ref
from sovrgit.remotes import manifest
from sovrgit.store import chunklists, objectreader, session
from sovrgit.store import format as layout
from sovrgit.store.format import Codec, PackClass, read_chunk_list, read_entry_header, read_pack_header, read_trailer

DOCUMENT = (Path(__file__).parents[2] / "docs" / "internals" / "format.md").read_text("utf-8")
MODULES = (ids, codec, tree, commit, signature, layout, session, chunklists, manifest)


class Table(NamedTuple):
    """A table, and the heading above it."""

    section: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]


def tables() -> Iterator[Table]:
    section = ""
    lines = iter(DOCUMENT.splitlines())
    for line in lines:
        if line.startswith("#"):
            section = line.lstrip("# ")
        if line.startswith("|"):
            table = Table(section, cells(line), [])
            for row in lines:
                if not row.startswith("|"):
                    break
                if not row.startswith("| ---"):
                    table.rows.append(cells(row))
            yield table


def cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip().strip("`") for cell in line.strip("|").split("|"))


TABLES = [*tables()]


def the_table(*head: str, section: str | None = None) -> Table:
    (found,) = [
        table for table in TABLES if table.head[: len(head)] == head and (section is None or table.section == section)
    ]
    return found


CONSTANTS = [row for table in TABLES if table.head[0] == "Constant" for row in table.rows]


@pytest.mark.parametrize(("name", "value", "meaning"), CONSTANTS, ids=[row[0] for row in CONSTANTS])
def test_constants(name: str, value: str, meaning: str) -> None:
    number = int(value.split(" ")[0].replace(",", ""))
    assert {getattr(module, name) for module in MODULES if hasattr(module, name)} == {number}
    if scaled := re.search(r"\((\d+) ([KM])iB\)", value):
        assert int(scaled[1]) << {"K": 10, "M": 20}[scaled[2]] == number


def test_no_limit_of_the_formats_is_left_out() -> None:
    documented = {row[0] for row in CONSTANTS}
    for module in (ids, codec, tree, commit, signature, layout, manifest):
        own = {name for name, value in vars(module).items() if name.isupper() and type(value) is int}
        assert {name for name in own if not name.startswith("_")} - {"SHORT_DIGITS"} <= documented


def test_kinds_and_contexts() -> None:
    rows = the_table("Number", "Kind", "Context").rows
    assert {(int(number), label) for number, label, *_ in rows} == {(int(kind), kind.label) for kind in Kind}
    for number, _, context, _ in rows:
        kind = Kind(int(number))
        if kind is Kind.BLOB:
            assert context == "none"
        else:
            assert context == load(kind.label)["context"]
            assert reference.blake3_derive_key(context, b"") == hash_object(kind, b"")


@pytest.mark.parametrize(("title", "enumeration"), [("Entry kind", EntryKind), ("Class", PackClass), ("Codec", Codec)])
def test_numbers(title: str, enumeration: Any) -> None:
    rows = the_table("Number", title).rows
    assert [(int(row[0]), row[1]) for row in rows] == [(item.value, item.name.lower()) for item in enumeration]


@pytest.mark.parametrize(("kind", "key", "words"), [("run", "status", RunStatus), ("verdict", "finding", Finding)])
def test_words(kind: str, key: str, words: Any) -> None:
    (meaning,) = [row[3] for row in the_table("Key", section=kind).rows if row[0] == key]
    assert re.split("`, `|` or `", meaning) == [*words]


LAYOUTS = {
    "Pack header": layout.PACK_HEADER_SIZE,
    "Entry header": layout.ENTRY_HEADER_SIZE,
    "Chunk record": layout.CHUNK_RECORD_SIZE,
    "Trailer": layout.TRAILER_SIZE,
}


@pytest.mark.parametrize(("section", "size"), LAYOUTS.items())
def test_layouts_have_no_gaps(section: str, size: int) -> None:
    position = 0
    for offset, length, *_ in the_table("Offset", section=section).rows:
        assert int(offset) == position
        position += int(length)
    assert position == size


def by_layout(section: str, data: bytes) -> dict[str, bytes]:
    """The fields of `data` as the document places them."""
    rows = the_table("Offset", section=section).rows
    return {name: data[int(offset) : int(offset) + int(length)] for offset, length, name, *_ in rows}


def number(field: bytes) -> int:
    return int.from_bytes(field, "little")


@pytest.mark.parametrize("vector", load("pack")["vectors"], ids=lambda vector: vector["name"])
def test_layouts_read_the_golden_packs(vector: Json) -> None:
    data = bytes.fromhex(vector["encoding"])
    header = by_layout("Pack header", data)
    assert (header["magic"], number(header["version"])) == (layout.PACK_MAGIC, layout.FORMAT_VERSION)
    assert header["magic"].decode() in {row[3] for row in the_table("Offset", section="Pack header").rows}
    assert number(header["class"]) == read_pack_header(data, "pack")
    assert not any(header["reserved"])

    for offset in [*(row["offset"] for row in vector["entries"]), vector["toc"]]:
        found = read_entry_header(data, offset, "pack")
        fields = by_layout("Entry header", data[offset:])
        assert number(fields["mark"]) == layout.ENTRY_MARK
        names = ("kind", "codec", "depth", "stored", "size")
        assert tuple(number(fields[name]) for name in names) == found[:5]
        assert fields["id"] == found.id
        if found.codec is Codec.CHUNKS:
            start = offset + layout.ENTRY_HEADER_SIZE
            payload = data[start : start + found.stored]
            first = by_layout("Chunk record", payload)
            assert (first["id"], number(first["length"])) == read_chunk_list(payload, "list")[0]

    end = data[-layout.TRAILER_SIZE :]
    fields = by_layout("Trailer", end)
    assert (number(fields["toc offset"]), number(fields["count"])) == read_trailer(end, "pack")
    assert fields["magic"] == layout.END_MAGIC
    assert fields["magic"].decode() in {row[3] for row in the_table("Offset", section="Trailer").rows}


def test_the_file_name_is_that_of_a_golden_pack() -> None:
    named = re.findall(r"packs/([0-9a-f]{64})\.pack", DOCUMENT)
    assert named == [vector["id"] for vector in load("pack")["vectors"] if vector["name"] == "metadata"]


@pytest.mark.parametrize("kind", SAMPLES, ids=lambda kind: kind.label)
def test_keys_are_those_of_the_vectors(kind: Kind) -> None:
    """Every key that is documented is in a vector, and the vectors have no others but those of newer versions."""
    documented = {row[0] for row in the_table("Key", section=kind.label).rows}
    vectors = [vector for vector in load(kind.label)["vectors"] if vector["name"] != "unknown keys"]
    assert {key for vector in vectors for key in vector["value"]} == documented


@pytest.mark.parametrize("kind", SAMPLES, ids=lambda kind: kind.label)
def test_required_keys_are_required(kind: Kind) -> None:
    presence = {row[0]: row[2] for row in the_table("Key", section=kind.label).rows}
    assert {*presence.values()} <= {"required", "optional"}
    for vector in load(kind.label)["vectors"]:
        fields = from_notation(vector["value"])
        for key in fields.keys() & presence.keys():
            rest = codec.encode({name: value for name, value in fields.items() if name != key}, kind=kind)
            if presence[key] == "required":
                with pytest.raises(ObjectInvalid):
                    DECODERS[kind](rest)
            else:
                assert DECODERS[kind](rest).encode() == rest


DUMPS = re.findall(r":name: dump-(\w+)-([\w-]+)\n\n(.*?)```", DOCUMENT, re.DOTALL)


def test_there_are_dumps_of_tree_and_commit() -> None:
    assert {kind for kind, _, _ in DUMPS} == {"tree", "commit"}


@pytest.mark.parametrize(("kind", "name", "dump"), DUMPS, ids=[dump[0] for dump in DUMPS])
def test_dumps_are_the_vectors(kind: str, name: str, dump: str) -> None:
    (vector,) = [vector for vector in load(kind)["vectors"] if vector["name"] == name.replace("-", " ")]
    data = b""
    *lines, last = dump.strip().splitlines()
    for line in lines:
        assert int(line[:4], 16) == len(data)
        data += bytes.fromhex(line[6:53])
    assert data.hex() == vector["encoding"]
    assert last.split() == ["id", vector["id"]]


def test_the_bound_on_levels_of_lists() -> None:
    assert "more than four levels of lists" in " ".join(DOCUMENT.split())
    assert objectreader._MAX_LIST_DEPTH == 4


def test_the_bound_on_names_of_refs() -> None:
    assert "at most 1,024 characters" in DOCUMENT
    longest = "refs/heads/".ljust(1024, "x")
    assert check_ref(longest) == longest
    with pytest.raises(UnsafeName):
        check_ref(longest + "x")
