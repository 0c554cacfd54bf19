"""Bundles: a pod in one file, whole or told to be damaged."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from transfer_lab import MAIN, Lab, cloned, forward

from sovrgit.bundling import bundle_pod
from sovrgit.errors import (
    PodExists,
    RemoteDamaged,
    RemoteUnavailable,
    RevisionNotFound,
    SecretFound,
    SovrError,
    Unsupported,
)
from sovrgit.pod.refs import RefChange
from sovrgit.remotes.bundle import BundleRemote, is_bundle, verify_bundle
from sovrgit.remotes.locations import open_existing, open_location


def bundled(lab: Lab, place: Path, **options: object) -> Path:
    bundle_pod(lab.pod, place, time_ns=1, **options)  # type: ignore[arg-type]
    return place


def test_there_and_back(lab: Lab, tmp_path: Path) -> None:
    lab.commit({"a": b"1", "large": os.urandom(3 << 20)})
    lab.commit({"a": b"2"})
    place = bundled(lab, tmp_path / "pod.bundle")
    manifest, size = verify_bundle(place)
    assert (manifest.refs, size) == ({MAIN: lab.head}, place.stat().st_size)
    copy = cloned(BundleRemote(place), tmp_path / "copy")
    assert copy.head == lab.head and copy.working() == lab.working() and copy.problems() == ()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_it_is_found_by_its_path(lab: Lab, tmp_path: Path) -> None:
    lab.commit({"a": b"1"})
    place = bundled(lab, tmp_path / "pod.bundle")
    assert is_bundle(place) and not is_bundle(tmp_path) and not is_bundle(tmp_path / "nothing")
    assert isinstance(open_existing("pod.bundle", tmp_path), BundleRemote)


def test_a_newer_one_is_fetched(lab: Lab, tmp_path: Path) -> None:
    lab.commit({"a": b"1"})
    copy = cloned(BundleRemote(bundled(lab, tmp_path / "one")), tmp_path / "copy")
    lab.commit({"a": b"2"})
    copy.fetch(BundleRemote(bundled(lab, tmp_path / "two")), remote_name="newer")
    forward(copy.pod, "newer")
    assert copy.working() == {"a": b"2"}


def test_branches_are_chosen(lab: Lab, tmp_path: Path) -> None:
    first = lab.commit({"a": b"1"})
    lab.pod.refs.update([RefChange("refs/heads/side", None, first)], command="test", time_ns=1)
    lab.commit({"a": b"2"})
    assert set(verify_bundle(bundled(lab, tmp_path / "all"))[0].refs) == {MAIN, "refs/heads/side"}
    side = verify_bundle(bundled(lab, tmp_path / "side", branches=["side"]))[0]
    assert (set(side.refs), side.head) == ({"refs/heads/side"}, "refs/heads/side")
    with pytest.raises(RevisionNotFound):
        bundled(lab, tmp_path / "none", branches=["nothing"])
    assert not (tmp_path / "none").exists()


def test_before_the_first_commit(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(RevisionNotFound):
        bundled(lab, tmp_path / "pod.bundle")


def test_what_is_there_is_not_replaced_unasked(lab: Lab, tmp_path: Path) -> None:
    lab.commit({"a": b"1"})
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(PodExists):
        bundled(lab, tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "mine"
    bundled(lab, tmp_path / "taken", replace=True)
    verify_bundle(tmp_path / "taken")


def test_secrets_stay_out(lab: Lab, tmp_path: Path) -> None:
    lab.commit({"creds.json": b'{"password": "correct horse battery staple"}'})
    with pytest.raises(SecretFound):
        bundled(lab, tmp_path / "pod.bundle")
    bundled(lab, tmp_path / "pod.bundle", allowed=[b"creds.json"])


def test_it_cannot_be_written_to(lab: Lab, tmp_path: Path) -> None:
    lab.commit({"a": b"1"})
    place = bundled(lab, tmp_path / "pod.bundle")
    before = place.read_bytes()
    lab.commit({"a": b"2"})
    with pytest.raises(Unsupported):
        lab.push(BundleRemote(place))
    assert place.read_bytes() == before


def test_every_flipped_byte_is_found(lab: Lab, tmp_path: Path) -> None:
    lab.commit({"a": b"1" * 300})
    whole = bundled(lab, tmp_path / "pod.bundle").read_bytes()
    damaged = tmp_path / "damaged"
    for at in range(0, len(whole), 7):
        data = bytearray(whole)
        data[at] ^= 0x20
        damaged.write_bytes(data)
        with pytest.raises((RemoteDamaged, RemoteUnavailable, Unsupported)):
            verify_bundle(damaged)


@pytest.mark.parametrize("length", [0, 7, 12, 60, -40, -1])
def test_cut_off(lab: Lab, tmp_path: Path, length: int) -> None:
    lab.commit({"a": b"1" * 300})
    whole = bundled(lab, tmp_path / "pod.bundle").read_bytes()
    damaged = tmp_path / "damaged"
    damaged.write_bytes(whole[:length])
    with pytest.raises(SovrError):
        verify_bundle(damaged)
    if length != -1:  # the last byte belongs to the hash of the whole, and every pack is there
        with pytest.raises(SovrError):
            cloned(BundleRemote(damaged), tmp_path / "copy")
        assert not (tmp_path / "copy").exists()


def test_something_behind_it(lab: Lab, tmp_path: Path) -> None:
    lab.commit({"a": b"1"})
    place = bundled(lab, tmp_path / "pod.bundle")
    with place.open("ab") as file:
        file.write(b"x")
    with pytest.raises(RemoteDamaged):
        verify_bundle(place)


def test_a_manifest_of_a_gibibyte_is_not_read(tmp_path: Path) -> None:
    place = tmp_path / "bomb"
    place.write_bytes(b"SOVRBNDL" + (1).to_bytes(4, "little") + (1 << 30).to_bytes(4, "little"))
    os.truncate(place, 2 << 30)
    with pytest.raises(RemoteDamaged):
        verify_bundle(place)


def test_something_else(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no bundle, but long enough to be one")
    for name in ("text", "nothing"):
        with pytest.raises(RemoteUnavailable):
            verify_bundle(tmp_path / name)
    assert open_location("text", tmp_path).kind == "directory"
