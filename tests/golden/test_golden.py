"""The golden vectors: what is written today is what was written when the format was fixed.

A failure here means that pods which exist would be read differently, or get other ids. See `make.py`.
"""

from __future__ import annotations

import json

import golden_reference as reference
import pytest
from golden_refused import refused
from golden_vectors import BLOBS, DECODERS, SAMPLES, Json, from_notation, load, pattern
from make import files, read, says

from sovrgit.errors import ObjectInvalid, SovrError, UnsafeName
from sovrgit.objects import codec
from sovrgit.objects.ids import Kind, blob_id, hash_object
from sovrgit.remotes.manifest import Manifest

OBJECTS = {(kind, vector["name"]): vector for kind in SAMPLES for vector in load(kind.label)["vectors"]}
REFUSED = {(vector["kind"], vector["name"]): vector for vector in load("refused")["vectors"]}


each_object = pytest.mark.parametrize(
    ("key", "vector"), OBJECTS.items(), ids=[f"{kind.label} {name}" for kind, name in OBJECTS]
)


@each_object
def test_encoding_gives_the_same_bytes_and_the_same_id(key: tuple[Kind, str], vector: Json) -> None:
    kind, name = key
    encoded = SAMPLES[kind][name].value.encode()
    assert encoded.hex() == vector["encoding"]
    assert str(hash_object(kind, encoded)) == vector["id"]


@each_object
def test_decoding_gives_the_same_value(key: tuple[Kind, str], vector: Json) -> None:
    kind, name = key
    found = DECODERS[kind](bytes.fromhex(vector["encoding"]))
    assert found == SAMPLES[kind][name].value
    assert found.encode().hex() == vector["encoding"]


@each_object
def test_the_description_is_what_the_bytes_say(key: tuple[Kind, str], vector: Json) -> None:
    kind, _ = key
    described = from_notation(vector["value"])
    assert codec.encode(described, kind=kind).hex() == vector["encoding"]
    assert codec.decode(bytes.fromhex(vector["encoding"]), kind=kind) == described


@each_object
def test_an_implementation_without_libraries_agrees(key: tuple[Kind, str], vector: Json) -> None:
    kind, _ = key
    encoded = reference.encode(from_notation(vector["value"]))
    assert encoded.hex() == vector["encoding"]
    assert reference.blake3_derive_key(load(kind.label)["context"], encoded).hex() == vector["id"]


@pytest.mark.parametrize("vector", load("blob")["vectors"], ids=lambda vector: vector["name"])
def test_ids_of_files(vector: Json) -> None:
    written = vector["data"]
    data = pattern(written["pattern"]) if "pattern" in written else bytes.fromhex(written["bytes"])
    assert data == BLOBS[vector["name"]][1]
    assert str(blob_id(data)) == vector["id"] == reference.blake3(data).hex()


@pytest.mark.parametrize(("key", "vector"), REFUSED.items(), ids=map(" ".join, REFUSED))
def test_what_must_be_refused_is_refused_for_that_reason(key: tuple[str, str], vector: Json) -> None:
    form, _ = key
    with pytest.raises(SovrError) as raised:
        read(form, bytes.fromhex(vector["encoding"]))
    assert (raised.value.code, says(raised.value)) == (vector["error"], vector["says"])


def test_every_value_has_a_vector_and_every_vector_a_value() -> None:
    assert OBJECTS.keys() == {(kind, name) for kind, samples in SAMPLES.items() for name in samples}
    assert [vector["name"] for vector in load("blob")["vectors"]] == [*BLOBS]
    assert [*REFUSED] == [(case.form, case.name) for case in refused()]
    for kind in SAMPLES:
        assert len(SAMPLES[kind]) >= 3


def test_the_files_are_what_the_script_makes() -> None:
    """But for the packs, which hold what this version of zstd makes of them: `test_golden_packs.py` is about these."""
    for name, text in files().items():
        if name != "pack":
            assert load(name) == json.loads(text)


@each_object
def test_any_bit_that_flips_is_noticed(key: tuple[Kind, str], vector: Json) -> None:
    """Refused, or another object: one that is written as it was read, and so has another id."""
    kind, _ = key
    encoded = bytes.fromhex(vector["encoding"])
    for place in range(len(encoded)):
        for bit in range(8):
            damaged = bytearray(encoded)
            damaged[place] ^= 1 << bit
            try:
                found = DECODERS[kind](bytes(damaged))
            except (ObjectInvalid, UnsafeName):
                continue
            assert found.encode() == damaged


def test_a_pack_in_a_manifest_has_no_unknown_keys() -> None:
    fields = from_notation(OBJECTS[Kind.MANIFEST, "in use"]["value"])
    fields["packs"][0]["x"] = 1
    with pytest.raises(ObjectInvalid):
        Manifest.decode(codec.encode(fields, kind=Kind.MANIFEST))
