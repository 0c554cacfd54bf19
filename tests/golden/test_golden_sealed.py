"""The golden vectors of sealed files, and an implementation that knows nothing but the document.

A failure here means that private pods which exist could not be read any more. See `make_sealed.py`.
"""

from __future__ import annotations

import json

import pytest
import sealed_reference as reference
from blake3 import blake3
from golden_vectors import Json, pattern
from hypothesis import given, settings
from hypothesis import strategies as st
from make_sealed import FILE, FILES, KEYS, made, sealed

from sovrgit.errors import SovrError
from sovrgit.objects.codec import MAX_METADATA_SIZE
from sovrgit.remotes.sealing.form import sealed_size
from sovrgit.remotes.sealing.key import PodKey
from sovrgit.remotes.sealing.labels import Label, Purpose, hidden_name
from sovrgit.remotes.sealing.padding import Padding
from sovrgit.remotes.sealing.seal import seal_bytes
from sovrgit.remotes.sealing.unseal import unseal_bytes

VECTORS = json.loads(FILE.read_text("utf-8"))
SECRETS = {vector["name"]: bytes.fromhex(vector["secret"]) for vector in VECTORS["keys"]}

each_key = pytest.mark.parametrize("vector", VECTORS["keys"], ids=lambda vector: vector["name"])
each_file = pytest.mark.parametrize("vector", VECTORS["files"], ids=lambda vector: vector["name"])


def content(vector: Json) -> bytes:
    written = vector["data"]
    return pattern(written["pattern"]) if "pattern" in written else bytes.fromhex(written["bytes"])


def test_every_value_has_a_vector() -> None:
    assert made() == VECTORS
    assert [*SECRETS] == [*KEYS]
    assert [vector["name"] for vector in VECTORS["files"]] == [*FILES]


@each_key
def test_keys(vector: Json) -> None:
    key = PodKey(SECRETS[vector["name"]])
    assert (key.reveal(), key.fingerprint) == (vector["text"], vector["fingerprint"])
    assert PodKey.parse(vector["text"]) == key
    for row in vector["names"]:
        assert hidden_name(key, Label(Purpose(row["purpose"]), row["name"])) == row["hidden"]


@each_key
def test_an_implementation_without_libraries_agrees_on_keys(vector: Json) -> None:
    secret = SECRETS[vector["name"]]
    assert reference.text_of_key(secret) == vector["text"]
    assert reference.fingerprint(secret).hex() == vector["fingerprint"]
    for row in vector["names"]:
        assert reference.hidden_name(secret, row["purpose"], row["name"]) == row["hidden"]


@each_file
def test_sealing_gives_the_same_bytes(vector: Json) -> None:
    data = sealed(vector["name"])
    assert len(data) == vector["size"] == sealed_size(len(content(vector)), Padding(vector["padding"]))
    if "sealed" in vector:
        assert data.hex() == vector["sealed"]
    else:
        assert blake3(data).hexdigest() == vector["sealed blake3"]


@each_file
def test_opening_gives_the_same_content(vector: Json) -> None:
    data = bytes.fromhex(vector["sealed"]) if "sealed" in vector else sealed(vector["name"])
    label = Label(Purpose(vector["purpose"]), vector["label"])
    found = unseal_bytes(data, PodKey(SECRETS[vector["key"]]), label, limit=MAX_METADATA_SIZE)
    assert found == content(vector)


@each_file
def test_an_implementation_without_libraries_opens_them(vector: Json) -> None:
    data = bytes.fromhex(vector["sealed"]) if "sealed" in vector else sealed(vector["name"])
    secret = SECRETS[vector["key"]]
    assert reference.unseal(data, secret, vector["purpose"], vector["label"]) == content(vector)
    with pytest.raises(reference.Refused):
        reference.unseal(data, secret, vector["purpose"], vector["label"] + "x")


def test_the_second_implementation_is_that_of_the_rfc() -> None:
    """RFC 8439, sections 2.3.2 and 2.5.2."""
    nonce = bytes.fromhex("000000090000004a00000000")
    block = reference.chacha20(bytes(range(32)), nonce, 1)
    assert block[:16].hex() == "10f1e7e4d13b5915500fdd1fa32071c4"
    key = bytes.fromhex("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b")
    tag = reference.poly1305(key, b"Cryptographic Forum Research Group")
    assert tag.hex() == "a8061dc1305136c6c22b8baf0c0127a9"


def test_keyed_hashes_are_those_of_the_library() -> None:
    for size in (0, 1, 64, 65, 1024, 1025, 3000):
        assert (
            reference.blake3_keyed(bytes(range(32)), pattern(size))
            == blake3(pattern(size), key=bytes(range(32))).digest()
        )


@settings(max_examples=15, deadline=None)
@given(st.binary(max_size=200), st.binary(min_size=32, max_size=32), st.sampled_from(Purpose), st.text(max_size=30))
def test_both_open_what_is_sealed(data: bytes, secret: bytes, purpose: Purpose, name: str) -> None:
    found = seal_bytes(data, PodKey(secret), Label(purpose, name), padding=Padding.NONE)
    assert reference.unseal(found, secret, purpose, name) == data


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_both_refuse_what_was_changed(choice: st.DataObject) -> None:
    """Overwritten anywhere, cut off anywhere, or longer."""
    good, file = sealed("hello"), FILES["hello"]
    place = choice.draw(st.integers(0, len(good)))
    changed = good[:place] + choice.draw(st.binary(max_size=12))
    changed += choice.draw(st.sampled_from([b"", good[len(changed) :]]))
    purpose, name = file.label
    if changed == good:
        assert reference.unseal(changed, KEYS[file.key], purpose, name) == file.data
        return
    with pytest.raises(reference.Refused):
        reference.unseal(changed, KEYS[file.key], purpose, name)
    with pytest.raises(SovrError):
        unseal_bytes(changed, PodKey(bytes(KEYS[file.key])), file.label, limit=1 << 20)
