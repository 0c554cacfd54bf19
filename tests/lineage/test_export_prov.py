"""Runs in PROV and as in-toto statements."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lineage_lab import Lab

from sovrgit.errors import ObjectInvalid, PodExists, SignatureInvalid, Unsupported
from sovrgit.lineage.exports.intoto import EnvelopeSignature, encoded_for_signing, to_envelope, to_statement
from sovrgit.lineage.exports.prov import to_prov
from sovrgit.lineage.exports.signing import signer_with, signers_of
from sovrgit.lineage.exports.story import Story, gather
from sovrgit.lineage.exports.write import write_intoto, write_prov
from sovrgit.runs.run import RunResult
from sovrgit.signing.ethereum import SigningKey

sys.path.insert(0, str(Path(__file__).parents[1] / "ui"))

from golem_receipts import ADA, receipts

HOSTILE = 'a")\nactivity(evil, -, -, [x="\\\u202e\udcff'


@pytest.fixture
def story(copied: tuple[Lab, RunResult]) -> Story:
    lab, result = copied
    lab.verify(result.id)
    with lab.index() as index:
        found = gather(lab.pod, index, result.id)
    return replace(found, run=replace(found.run, golem=receipts(), parameters={"rate": "0.1"}))


def test_prov_says_what_used_made_and_checked_what(story: Story) -> None:
    document = json.loads(to_prov(story).serialize(format="json") or "")
    run = f"sovr:run-{story.id}"
    facts = document["activity"][run]
    assert facts["sovr:command"] == "sort -o output/sorted.txt payload/words.txt"
    assert (facts["sovr:parameter-rate"], facts["sovr:cost"]) == ("0.1", "0.0025 tglm")

    def labels(relation: str, entity: str) -> set[str]:
        pairs = (one for one in document[relation].values() if one["prov:activity"] == run)
        return {document["entity"][one[entity]]["prov:label"] for one in pairs}

    assert {"payload/words.txt", "recipe.json"} <= labels("used", "prov:entity")
    assert labels("wasGeneratedBy", "prov:entity") == {"output/sorted.txt", "logs/run.log"}
    agents = {one["prov:label"] for one in document["agent"].values()}
    assert {"Ann", "ada", "bob"} <= agents and any(name.startswith("sovr ") for name in agents)
    assert any(one.get("sovr:finding") == "identical" for one in document["activity"].values())
    assert any("prov:plan" in one for one in document["wasAssociatedWith"].values())


def test_prov_is_read_again(story: Story, tmp_path: Path) -> None:
    from prov.model import ProvDocument

    write_prov(story, tmp_path / "run.json")
    read = ProvDocument.deserialize(str(tmp_path / "run.json"), format="json")
    assert read == to_prov(story)
    write_prov(story, tmp_path / "run.provn")
    text = (tmp_path / "run.provn").read_text()
    assert text.startswith("document\n") and f"activity(sovr:run-{story.id}," in text
    with pytest.raises(PodExists):
        write_prov(story, tmp_path / "run.json")


def test_hostile_text_stays_text(story: Story, tmp_path: Path) -> None:
    run = replace(story.run, by="a) \n b", parameters={'x="\n': "y"}, environment={"E": 'q"'}, started=2**80)
    hostile = replace(
        story,
        run=run,
        files=tuple(replace(file, path=HOSTILE.encode("utf-8", "surrogateescape")) for file in story.files[:1]),
    )
    write_prov(hostile, tmp_path / "run.provn")
    lines = (tmp_path / "run.provn").read_text().splitlines()
    assert not any(line.strip().startswith("activity(evil") for line in lines)
    document = json.loads(to_prov(hostile).serialize(format="json") or "")
    assert len(document["activity"]) == 1 + len(story.verdicts)
    json.dumps(to_statement(hostile), ensure_ascii=False).encode()
    assert json.loads(base64.b64decode(to_envelope(to_statement(hostile))["payload"]))


def test_the_statement(story: Story, copied: tuple[Lab, RunResult]) -> None:
    statement = to_statement(story)
    content = (copied[0].root / "output" / "sorted.txt").read_bytes()
    (subject,) = statement["subject"]
    assert subject["name"] == "output/sorted.txt"
    assert subject["digest"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert (statement["_type"], statement["predicateType"]) == (
        "https://in-toto.io/Statement/v1",
        "https://slsa.dev/provenance/v1",
    )
    definition, details = statement["predicate"]["buildDefinition"], statement["predicate"]["runDetails"]
    names = {one["name"] for one in definition["resolvedDependencies"]}
    assert {"recipe.json", "payload/words.txt", "golem/alpine:latest"} <= names
    assert definition["externalParameters"]["parameters"] == {"rate": "0.1"}
    assert details["metadata"]["invocationId"].endswith(str(story.id))
    assert details["metadata"]["sovr_providers"][0] == {"id": ADA, "name": "ada"}
    assert details["metadata"]["sovr_verdicts"][0]["finding"] == "identical"


def test_the_envelope_is_signed_by_whoever_is_given(story: Story, tmp_path: Path) -> None:
    assert write_intoto(story, tmp_path / "unsigned.json") is False
    unsigned: dict[str, Any] = json.loads((tmp_path / "unsigned.json").read_text())
    assert unsigned["payloadType"] == "application/vnd.in-toto+json" and unsigned["signatures"] == []
    payload = base64.b64decode(unsigned["payload"])
    assert json.loads(payload) == to_statement(story)
    asked: list[bytes] = []

    def sign(data: bytes) -> EnvelopeSignature:
        asked.append(data)
        return EnvelopeSignature("ann", b"\x01\x02", b"\x03")

    assert write_intoto(story, tmp_path / "signed.json", sign) is True
    signed = json.loads((tmp_path / "signed.json").read_text())
    assert signed["signatures"] == [{"keyid": "ann", "sig": "AQI=", "publicKey": "03"}]
    assert signed["payload"] == unsigned["payload"]
    assert asked == [b"DSSEv1 28 application/vnd.in-toto+json %d %b" % (len(payload), payload)]


def test_a_signature_of_a_wallet(story: Story) -> None:
    key = SigningKey.new()
    envelope = to_envelope(to_statement(story), signer_with(key))
    assert signers_of(envelope) == [key.address] and envelope["signatures"][0]["keyid"] == key.address
    assert signers_of({**envelope, "signatures": [{"keyid": "x", "sig": "AQI="}]}) == []
    (entry,) = envelope["signatures"]
    other = SigningKey.new()
    forgeries = [
        {**envelope, "payload": base64.b64encode(b"{}").decode()},
        {**envelope, "signatures": [{**entry, "keyid": other.address}]},
        {**envelope, "signatures": [{**entry, "publicKey": other.public.hex()}]},
        {**envelope, "signatures": [{**entry, "sig": "AQI="}]},
    ]
    for forged in forgeries:
        with pytest.raises(SignatureInvalid):
            signers_of(forged)
    for wrong in ({}, {**envelope, "payloadType": "x"}, {**envelope, "payload": "?"}, {**envelope, "signatures": 1}):
        with pytest.raises(ObjectInvalid):
            signers_of(wrong)


def test_encoding_for_signatures_as_the_specification_counts() -> None:
    assert encoded_for_signing("hällo".encode()) == b"DSSEv1 28 application/vnd.in-toto+json 6 h\xc3\xa4llo"


def test_without_the_library(story: Story, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("prov", "prov.model", "prov.constants"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(Unsupported, match="`prov` is not installed"):
        write_prov(story, tmp_path / "run.json")
    assert not (tmp_path / "run.json").exists()
