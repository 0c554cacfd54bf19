"""key, trust key, and what the other commands say of signatures."""

from __future__ import annotations

import json
import stat
from dataclasses import replace

import pytest
from command_lab import Cli

from sovrgit.lineage.exports.signing import signers_of
from sovrgit.objects.ids import Kind
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import RefChange

SECRET = "0x4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
ADDRESS = "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23"


@pytest.fixture
def signer(pod: Cli) -> Cli:
    """A pod of somebody with a key."""
    pod.set(SOVR_CREDENTIALS=str(pod.folder.parent / "secrets"), SOVR_CONFIG=str(pod.folder.parent / "config"))
    return pod


def take(cli: Cli, monkeypatch: pytest.MonkeyPatch, *options: str, line: str = SECRET) -> None:
    import io
    import sys

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(line.encode() + b"\n")))
    cli("key", "import", *options)


def test_a_key_of_ones_own(signer: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assert signer.failure("key", "show", code=15)["code"] == "SigningKeyMissing"
    assert signer.failure("commit", "--sign", "--allow-empty", "-m", "x", code=15)["code"] == "SigningKeyMissing"
    assert signer("log", "--oneline").lines[0].endswith("First version")
    made = signer.json("key", "new")
    assert made["signing"] is False and "secret" not in made
    assert stat.S_IMODE((signer.folder.parent / "secrets").stat().st_mode) == 0o600
    assert signer.failure("key", "new", code=16)["fields"] == {"address": made["address"]}
    assert signer.failure("key", "export", code=24)["code"] == "InputNeeded"
    take(signer, monkeypatch, "--replace")
    said = signer("key", "show")
    assert said.lines[0].startswith(f"{ADDRESS}  kept in ") and "user.signing" in said.err
    assert SECRET[2:12] not in said.out + said.err
    assert signer("key", "export", "--yes").out.strip() == SECRET
    assert signer.json("key", "export", "--yes")["secret"] == SECRET
    assert signer.json("trust", "keys")["keys"] == [
        {"address": address, "name": "Ann"} for address in sorted([ADDRESS, made["address"]])
    ]


def test_signing_and_who_signed(signer: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    take(signer, monkeypatch)
    signer("config", "--user", "user.signing", "true")
    signer("run")
    found = {"scheme": "eip-191", "address": ADDRESS, "name": "Ann", "problem": None}
    assert signer.json("show")["signature"] == found
    assert f"Signed: {ADDRESS} (Ann)" in signer("show").out
    (run,) = signer.json("runs", "--signatures")["runs"]
    assert run["signature"] == found == signer.json("show", run["id"])["signature"]
    assert f"signed: {ADDRESS} (Ann)" in signer("runs", "--signatures").out
    verdict = signer.json("verify")
    assert signer.json("show", verdict["id"])["signature"] == found
    signer("commit", "--no-sign", "--allow-empty", "-m", "not signed")
    last, made, first = signer.json("log", "--signatures")["commits"]
    assert (last["signature"], made["signature"], first["signature"]) == (None, found, None)
    assert "signature" not in signer.json("log")["commits"][0]
    # Nothing else is new: the signature is.
    signer("commit", "--amend", "--sign")
    assert signer.json("show")["signature"] == found


def test_those_who_get_it_are_told(signer: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    take(signer, monkeypatch)
    signer("commit", "--sign", "--allow-empty", "-m", "signed")
    signer.share()
    signer("trust", "forget", ADDRESS)
    signer("trust", "forget", ADDRESS, code=1)
    copy = signer.at(signer.folder.parent)
    said = copy("clone", "shared", "copy")
    assert f"1 object signed by {ADDRESS}, which is not a key you know\n" in said.err
    copy = copy.at(copy.folder / "copy")
    assert "(not a key you know)" in copy("show").out
    copy("trust", "key", ADDRESS.replace("E3", "e3"), "Ann", code=13)
    assert copy.json("trust", "key", ADDRESS.lower(), "Ann B")["keys"] == [{"address": ADDRESS, "name": "Ann B"}]
    assert copy("trust", "keys").out == f"{ADDRESS}  Ann B\n"
    signer("commit", "--sign", "--allow-empty", "-m", "more")
    signer("push")
    assert copy.json("fetch")["signers"] == [{"address": ADDRESS, "name": "Ann B", "objects": 1}]
    assert copy.json("pull")["unchecked_signatures"] == []


def test_what_is_forged_is_printed_and_told(signer: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    take(signer, monkeypatch)
    signer("commit", "--sign", "--allow-empty", "-m", "signed")
    with Pod(signer.folder) as repository:
        head = repository.head()
        assert head is not None
        forged = replace(repository.store.commit(head), message="forged")
        with repository.store.session() as session:
            identity = session.add(Kind.COMMIT, forged.encode())
            session.commit()
        repository.refs.update([RefChange("refs/heads/main", head, identity)], command="test", time_ns=0)
    for command in (["show"], ["log", "--signatures"]):
        said = signer(*command, code=38)
        assert "Signed: FORGED: " in said.out and "error: the signature of commit" in said.err
    assert "the signature of commit" in signer("fsck", code=1).out
    signer.share()
    outside = signer.at(signer.folder.parent)
    assert outside.failure("clone", "shared", "copy", code=38)["code"] == "SignatureInvalid"
    assert not (outside.folder / "copy").exists()


def test_a_pod_does_not_decide_what_is_signed(signer: Cli) -> None:
    (signer.folder / ".sovr" / "config").write_text("[user]\n\tsigning = true\n")
    said = signer("commit", "--allow-empty", "-m", "x")
    assert "`user.signing` in" in said.err and "is ignored" in said.err


def test_an_export_is_signed(signer: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    signer("run", "-q")
    missing = signer.failure("export", "--as", "in-toto", "--sign", "--output", "s.json", code=15)
    assert missing["code"] == "SigningKeyMissing" and not (signer.folder / "s.json").exists()
    take(signer, monkeypatch)
    assert signer.json("export", "--as", "in-toto", "--sign", "--output", "s.json")["signed"]
    assert signers_of(json.loads(signer.read("s.json"))) == [ADDRESS]
    signer("config", "--user", "user.signing", "true")
    assert "signed with your key" in signer("export", "--as", "in-toto", "--output", "t.json").out
    assert not signer.json("export", "--as", "in-toto", "--no-sign", "--output", "u.json")["signed"]
    assert signer("export", "--as", "prov", "--sign", "--output", "v", code=2).err.startswith("error: `--sign` is for")


def test_lineage_says_who_signed(signer: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    take(signer, monkeypatch)
    signer("config", "--user", "user.signing", "true")
    signer("run", "-q")
    assert "signed by Ann," in signer("lineage", "output/out.txt").out
    signer("trust", "key", ADDRESS, "Ada")
    assert "signed by Ada," in signer("lineage", "output/out.txt").out
    nodes = signer.json("lineage", "output/out.txt")["nodes"]
    assert {node["signature"]["name"] for node in nodes if "signature" in node} == {"Ada"}
