"""`docs/internals/sealing.md` says what the code does: its tables, contexts, layouts and the dump."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from golden_vectors import load
from test_format_document import cells

from sovrgit.objects.ids import blob_id
from sovrgit.remotes.sealing import form, key, labels, padding
from sovrgit.remotes.sealing.form import sealed_size
from sovrgit.remotes.sealing.labels import MANIFEST, Label, Purpose
from sovrgit.remotes.sealing.padding import USUAL, Padding

DOCUMENT = (Path(__file__).parents[2] / "docs" / "internals" / "sealing.md").read_text("utf-8")
MODULES = (key, labels, padding, form)


def rows(head: str) -> list[tuple[str, ...]]:
    """The rows of all tables whose first column is called so."""
    found, inside = [], False
    for line in DOCUMENT.splitlines():
        if not line.startswith("|"):
            inside = False
        elif inside and not line.startswith("| ---"):
            found.append(cells(line))
        else:
            inside = inside or cells(line)[0] == head
    return found


def number(text: str) -> int:
    return int(text.split(" ")[0].replace(",", ""))


@pytest.mark.parametrize(("name", "value", "meaning"), rows("Constant"), ids=[row[0] for row in rows("Constant")])
def test_constants(name: str, value: str, meaning: str) -> None:
    assert {getattr(module, name) for module in MODULES if hasattr(module, name)} == {number(value)}
    if scaled := re.search(r"\((\d+) KiB\)", value):
        assert int(scaled[1]) << 10 == number(value)


def test_no_constant_is_left_out() -> None:
    for module in MODULES:
        own = {name for name, value in vars(module).items() if name.isupper() and type(value) is int}
        assert {name for name in own if not name.startswith("_")} - {"SHORT_DIGITS"} <= {
            row[0] for row in rows("Constant")
        }


def test_contexts() -> None:
    written = {row[0]: row[1] for row in rows("Use")}
    assert written == {
        "checksum": key.KEY_CHECK_CONTEXT,
        "fingerprint": key.FINGERPRINT_CONTEXT,
        "names": labels.NAMES_CONTEXT,
        "files": form.FILES_CONTEXT,
    }
    assert len({*written.values()}) == 4


def test_purposes() -> None:
    found = {purpose: (name, steps) for purpose, name, steps in rows("Purpose")}
    assert {*found} == {*Purpose}
    assert found["manifest"][0] == MANIFEST.name
    assert Label.of_pack(blob_id(b"")).name == str(blob_id(b""))
    assert {purpose: steps for purpose, (_, steps) in found.items()} == {
        str(purpose): steps.value for purpose, steps in USUAL.items()
    }


def test_layouts_have_no_gaps() -> None:
    position, ends = 0, []
    for offset, size, *_ in rows("Offset"):
        if int(offset) == 0 and position:
            ends.append(position)
            position = 0
        assert int(offset) == position
        position += int(size)
    assert [*ends, position] == [form.SEAL_HEADER_SIZE, 12]


def test_the_dump_is_the_vector() -> None:
    (dump,) = re.findall(r":name: dump-sealed-hello\n\n(.*?)```", DOCUMENT, re.DOTALL)
    (vector,) = [vector for vector in load("sealed")["files"] if vector["name"] == "hello"]
    data = b""
    for line in dump.strip().splitlines():
        assert int(line[:4], 16) == len(data)
        data += bytes.fromhex(line[6:53])
    assert data.hex() == vector["sealed"]


def test_the_header_of_the_dump_lies_as_the_table_says() -> None:
    (vector,) = [vector for vector in load("sealed")["files"] if vector["name"] == "hello"]
    data = bytes.fromhex(vector["sealed"])
    fields = {name: data[int(offset) : int(offset) + int(size)] for offset, size, name, _ in rows("Offset")[:6]}
    header = form.SealHeader.decode(data, "it")
    assert fields["magic"] == form.SEAL_MAGIC
    assert fields["fingerprint"].hex() == header.fingerprint == load("sealed")["keys"][0]["fingerprint"]
    assert fields["salt"].hex() == header.salt.hex() == vector["salt"]


def test_sizes_of_manifests() -> None:
    sizes = rows("Manifest after")
    assert len(sizes) == 5
    for _, plain, none, coarse in sizes:
        assert sealed_size(number(plain), Padding.NONE) == number(none)
        assert sealed_size(number(plain), Padding.COARSE) == number(coarse)


def test_the_text_of_a_key() -> None:
    text = load("sealed")["keys"][0]["text"]
    assert "`k1` and 56 digits" in DOCUMENT
    assert f"{len(text)} characters" in DOCUMENT
    assert len(text) == 58
