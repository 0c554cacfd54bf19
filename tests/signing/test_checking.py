"""Signatures of objects: good, forged, of another object or kind, and of a scheme that is not known."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import curve_reference as curve
import pytest

from sovrgit.errors import ConfigInvalid, SignatureInvalid, SigningKeyExists, SigningKeyMissing
from sovrgit.objects.commit import Commit, Stamp
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.run import Run, RunStatus
from sovrgit.objects.signature import Signature, kind_of, sign, signed_text, unsigned_id
from sovrgit.objects.verdict import Finding, Verdict
from sovrgit.signing.checking import SignedBy, check_signature
from sovrgit.signing.ethereum import SigningKey, message_hash
from sovrgit.signing.keeping import keep_key, own_key, signer_of
from sovrgit.signing.known import KnownKeys

sys.path.insert(0, str(Path(__file__).parents[1] / "golden"))

from golden_vectors import DECODERS, load

KEY = SigningKey(bytes(31) + b"\7")
SIGNER = signer_of(KEY)
ID = ObjectId(bytes(range(32)))
COMMIT = Commit(ID, (), Stamp("Ann", "", 1), "m")
RUN = Run(RunStatus.SUCCEEDED, "p", ID, ID, ID, (), {"name": "local"}, {"system": "x"}, 1, 2)
VERDICT = Verdict(Finding.IDENTICAL, ID, ID, 1, 1)

each = pytest.mark.parametrize("record", [COMMIT, RUN, VERDICT], ids=["commit", "run", "verdict"])


@each
def test_what_is_signed_says_by_whom_and_can_be_read_again(record: Any) -> None:
    signed = sign(record, SIGNER)
    again = type(record).decode(signed.encode())
    assert again == signed and check_signature(again, again.id()) == SignedBy("eip-191", KEY.address)
    assert unsigned_id(again) == record.id() != again.id()
    assert check_signature(record, record.id()) is None


@each
def test_another_object_with_the_signature_is_forged(record: Any) -> None:
    signature = sign(record, SIGNER).signature
    for other in (COMMIT, RUN, VERDICT, replace(COMMIT, message="n"), replace(RUN, by="x"), replace(VERDICT, files=2)):
        if other != record:
            forged = replace(other, signature=signature)
            with pytest.raises(SignatureInvalid, match="is forged"):
                check_signature(type(other).decode(forged.encode()), forged.id())


@each
def test_the_key_of_somebody_else_is_forged(record: Any) -> None:
    signature = sign(record, SIGNER).signature
    forged = replace(record, signature=replace(signature, key=SigningKey(bytes(31) + b"\x08").public))
    with pytest.raises(SignatureInvalid) as raised:
        check_signature(forged, forged.id())
    assert raised.value.exit_code == 38


def test_the_same_id_as_another_kind_is_forged() -> None:
    signature = KEY.sign(signed_text(Kind.RUN, COMMIT.id()))
    with pytest.raises(SignatureInvalid):
        check_signature(replace(COMMIT, signature=signature), ID)


def test_unknown_keys_are_signed_too() -> None:
    signed = sign(replace(COMMIT, extra={"x": 1}), SIGNER)
    assert check_signature(signed, signed.id())
    with pytest.raises(SignatureInvalid):
        check_signature(replace(signed, extra={"x": 2}), ID)


def test_a_scheme_of_a_newer_version_is_kept_and_not_believed() -> None:
    newer = replace(COMMIT, signature=Signature("eip-9999", other={"key": 1, "proof": [b"x"]}))
    again = Commit.decode(newer.encode())
    assert again == newer and again.id() == newer.id()
    assert check_signature(again, again.id()) == SignedBy("eip-9999", "")


def test_nobody_takes_a_signature_over() -> None:
    signed = sign(COMMIT, SIGNER)
    assert sign(signed, None) == COMMIT
    assert sign(replace(signed, message="n"), SIGNER) == sign(replace(COMMIT, message="n"), SIGNER)


@pytest.mark.parametrize("kind", [Kind.COMMIT, Kind.RUN, Kind.VERDICT], ids=lambda kind: kind.label)
def test_golden_signatures_fit_by_an_implementation_without_libraries(kind: Kind) -> None:
    (vector,) = [vector for vector in load(kind.label)["vectors"] if vector["name"] == "signed"]
    record: Any = DECODERS[kind](bytes.fromhex(vector["encoding"]))
    assert kind_of(record) is kind
    assert check_signature(record, record.id()) == SignedBy("eip-191", "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23")
    r, s = (int.from_bytes(record.signature.value[start : start + 32]) for start in (0, 32))
    digest = message_hash(f"sovrgit {kind.label} v1 {replace(record, signature=None).id()}")
    assert record.signature.key in {curve.recovered(digest, r, s, odd) for odd in (False, True)}


# --- keys -----------------------------------------------------------------------------------------------------------


class Box:
    """A store of secrets in memory."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get(self, namespace: str, name: str) -> str | None:
        return self.kept.get((namespace, name))

    def set(self, namespace: str, name: str, value: str) -> None:
        self.kept[namespace, name] = value

    def delete(self, namespace: str, name: str) -> bool:
        return self.kept.pop((namespace, name), None) is not None

    def describe(self) -> str:
        return "a box"


def test_one_key_a_person_that_is_not_lost_by_accident() -> None:
    from sovrgit.credentials.stores import Secrets

    box = Box()
    secrets = Secrets([box])
    with pytest.raises(SigningKeyMissing):
        own_key(secrets)
    assert keep_key(secrets, KEY) == "a box" == keep_key(secrets, KEY)
    other = SigningKey.new()
    with pytest.raises(SigningKeyExists, match=KEY.address):
        keep_key(secrets, other)
    assert own_key(secrets).key == KEY
    keep_key(secrets, other, replace=True)
    assert own_key(secrets).key == other
    box.kept = dict.fromkeys(box.kept, "broken")
    with pytest.raises(ConfigInvalid, match="the key in it is none"):
        own_key(secrets)


def test_keys_that_are_known_by_name(tmp_path: Path) -> None:
    known = KnownKeys(tmp_path / "state" / "keys.json")
    assert known.read() == {}
    known.name(KEY.address, "Ann")
    known.name(KEY.address, "Ann B")
    assert KnownKeys(tmp_path / "state" / "keys.json").read() == {KEY.address: "Ann B"}
    assert known.forget(KEY.address) and not known.forget(KEY.address)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"version": 2, "keys": {}}', '{"version": 1, "keys": {"0x1": "a"}}', "\xff"]
)
def test_a_list_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "keys.json").write_text(text, "latin-1")
    with pytest.raises(ConfigInvalid, match="not a list of keys"):
        KnownKeys(tmp_path / "keys.json").name(KEY.address, "Ann")
    assert (tmp_path / "keys.json").read_text("latin-1") == text
