"""Signatures are checked before anything that was fetched gets a name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from memory import MemoryRemote
from transfer_lab import MAIN, Lab, clone_of, cloned, manifest_of

from sovrgit.errors import SignatureInvalid
from sovrgit.objects.commit import Commit
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.signature import Signature, sign, unsigned_id
from sovrgit.remotes.clone import fork
from sovrgit.signing.checking import Signers
from sovrgit.signing.ethereum import SigningKey
from sovrgit.signing.keeping import signer_of

KEY = SigningKey(bytes(31) + b"\7")
SIGNER = signer_of(KEY)

OTHER = "refs/heads/other"


def signed_by_key(lab: Lab) -> Lab:
    lab.pod.find_signer = lambda: SIGNER
    return lab


def put(lab: Lab, kind: Kind, record: Any) -> ObjectId:
    """Store an object, under a ref as its kind has it."""
    identity = lab.add(kind, record.encode())
    lab.move(MAIN if kind is Kind.COMMIT else f"refs/{kind.label}s/{identity}", identity)
    return identity


def other(record: Any) -> Any:
    """A record with something else in it, and the signature as it was."""
    return replace(record, **{"message": "x"} if isinstance(record, Commit) else {"by": "x"})


@pytest.fixture
def records(lab: Lab) -> dict[Kind, Any]:
    """Signed records of every kind in a pod whose branch has a signed commit."""
    signed_by_key(lab).commit({"a": b"1"})
    run = sign(lab.pod.store.run(lab.add_run({"a": b"1"}, {"b": b"2"})), SIGNER)
    put(lab, Kind.RUN, run)
    name = lab.add_verdict(run.id(), run.id())
    verdict = sign(lab.pod.store.verdict(lab.refs[name]), SIGNER)
    lab.move(name, None)
    put(lab, Kind.VERDICT, verdict)
    return {Kind.COMMIT: lab.pod.store.commit(lab.head), Kind.RUN: run, Kind.VERDICT: verdict}


each_kind = pytest.mark.parametrize("kind", [Kind.COMMIT, Kind.RUN, Kind.VERDICT], ids=lambda kind: kind.label)


def test_who_signed_is_told(lab: Lab, remote: MemoryRemote, records: dict[Kind, Any], tmp_path: Path) -> None:
    lab.push(remote, *lab.refs)
    got = clone_of(remote, tmp_path / "clone")
    assert got.fetched.signers == Signers({KEY.address: 3})
    copy = Lab(got.pod)
    assert copy.fetch(remote).signers == Signers()
    lab.commit({"a": b"2"})
    lab.pod.find_signer = lambda: None
    lab.commit({"a": b"3"})
    lab.push(remote)
    assert copy.fetch(remote).signers == Signers({KEY.address: 1})
    assert copy.problems() == ()


@each_kind
def test_forged(lab: Lab, remote: MemoryRemote, records: dict[Kind, Any], kind: Kind, tmp_path: Path) -> None:
    lab.push(remote, *lab.refs)
    copy = cloned(remote, tmp_path / "copy")
    before = copy.refs
    identity = put(lab, kind, other(records[kind]))
    assert [problem for problem in lab.problems() if identity.short in problem and "forged" in problem]
    if kind is Kind.COMMIT:
        child = lab.add_commit({"a": b"9"}, [records[kind].id(), identity])
        lab.move(MAIN, child)
    lab.push(remote, *lab.refs)
    with pytest.raises(SignatureInvalid, match=f"{kind.label} {identity.short} is forged"):
        copy.fetch(remote)
    assert copy.refs == before
    with pytest.raises(SignatureInvalid):
        clone_of(remote, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@each_kind
def test_swapped(lab: Lab, remote: MemoryRemote, records: dict[Kind, Any], kind: Kind, tmp_path: Path) -> None:
    swapped = records[Kind.RUN if kind is not Kind.RUN else Kind.VERDICT].signature
    if kind is Kind.COMMIT:
        lab.move(MAIN, lab.add(kind, replace(records[kind], signature=swapped).encode()))
    else:
        put(lab, kind, replace(records[kind], signature=swapped))
    lab.push(remote, *lab.refs)
    with pytest.raises(SignatureInvalid, match="is forged"):
        clone_of(remote, tmp_path / "clone")


@each_kind
def test_stripped(lab: Lab, remote: MemoryRemote, records: dict[Kind, Any], kind: Kind, tmp_path: Path) -> None:
    """Somebody who owns a remote makes it anew, without signatures: who has seen the signed one notices."""
    lab.push(remote, *lab.refs)
    copy = cloned(remote, tmp_path / "copy")
    before = copy.refs
    stripped = put(lab, kind, replace(records[kind], signature=None))
    assert stripped == unsigned_id(records[kind])
    if kind is Kind.COMMIT:
        lab.move(OTHER, lab.add_commit({"a": b"2"}, [stripped]))
        lab.move(MAIN, before[MAIN])
    lab.push(remote, *lab.refs)
    if kind is Kind.COMMIT:
        rewrite_branch(remote, lab.refs[OTHER])
    with pytest.raises(SignatureInvalid, match="was taken away"):
        copy.fetch(remote)
    assert copy.refs == before


def rewrite_branch(remote: MemoryRemote, commit: ObjectId) -> None:
    """What no push does: let the main branch stand for what does not follow."""
    seen = manifest_of(remote)
    refs = {MAIN: commit}
    following = replace(seen, generation=seen.generation + 1, chain=seen.next_chain(), refs=refs)
    remote.manifest = following.encode()


def test_a_scheme_that_is_not_known_is_told_and_kept(lab: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    commit = lab.pod.store.commit(lab.commit({"a": b"1"}))
    newer = lab.add(Kind.COMMIT, replace(commit, signature=Signature("newer", other={"x": 1})).encode())
    lab.move(MAIN, newer)
    lab.push(remote)
    got = clone_of(remote, tmp_path / "clone")
    assert got.fetched.signers == Signers(schemes={"newer": 1}) and got.head == newer
    assert Lab(got.pod).problems() == ()


def test_amending_and_forking_sign_anew_or_not_at_all(lab: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    store = lab.pod.store
    first = signed_by_key(lab).commit({"a": b"1"})
    assert store.commit(first).signature
    lab.push(remote)
    lab.pod.find_signer = lambda: None
    assert store.commit(lab.commit({"a": b"2"}, amend=True)).signature is None
    got = clone_of(remote, tmp_path / "clone")
    got.pod.find_signer = lambda: SIGNER
    begun = got.pod.store.commit(fork(got, "x", "lab", lab.who(), "Fork"))
    assert begun.signature and begun.signature.key == KEY.public
