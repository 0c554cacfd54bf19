"""Readers of shared pods: references that lead nowhere, and pods that are hostile, too large or something else."""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from remote_lab import PUBLIC, Kind, Site, User, reference_in
from transfer_lab import MAIN, Lab

from sovrgit.errors import (
    ObjectInvalid,
    PodUnrecognised,
    ReferenceUnknown,
    RemoteDamaged,
    RemoteDiverged,
    RemoteUnavailable,
    SovrError,
)
from sovrgit.objects.codec import MAX_METADATA_SIZE
from sovrgit.objects.ids import ObjectId
from sovrgit.pod.pod import Pod
from sovrgit.remotes.base import ATTEMPTS, with_retries
from sovrgit.remotes.fairos.place import parse_place
from sovrgit.remotes.manifest import Manifest, PackEntry
from sovrgit.remotes.sealing.form import largest_sealed
from sovrgit.store.format import PackClass

NOWHERE = "3f2a" + "0123456789abcdef" * 3 + "fedcba987654"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "fairos")
    yield made
    made.close()


@pytest.fixture
def ann(site: Site, tmp_path: Path) -> User:
    return User(site.url, tmp_path / "ann")


def _no_clone(user: User, reference: str, kind: type[SovrError], match: str) -> SovrError:
    """There is no clone, and nothing of one; the error shows no reference."""
    before = set(os.listdir(user.folder))
    with pytest.raises(kind, match=match) as failed:
        user.clone(reference)
    assert set(os.listdir(user.folder)) == before
    assert reference not in failed.value.message + failed.value.hint
    return failed.value


# --- references -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        (NOWHERE[:-1], "64 hex digits, and yours has 63"),
        (NOWHERE + "0", "64 hex digits, and yours has 65"),
        (NOWHERE[:10], "no such folder"),
        (NOWHERE[:20] + "o" + NOWHERE[21:], "character 21"),
        (NOWHERE[:20] + "l1" + NOWHERE[22:], "character 21"),
        (NOWHERE * 2, "the reference of a single file"),
    ],
)
@pytest.mark.parametrize("form", ["{}", "fairos:{}", "fairos+http://127.0.0.1:9/{}", " {}\n", "{}#k1abc", "0x{}"])
def test_reference_with_a_typo(typed: str, hint: str, form: str) -> None:
    """What is wrong is said, and what was typed, which is nearly a secret, is not repeated."""
    text = form.format(typed)
    if len(typed) < 48:
        return
    with pytest.raises(ReferenceUnknown) as failed:
        parse_place(text)
    said = failed.value.message + failed.value.hint
    assert hint in said
    assert not any(typed[start : start + 8] in said for start in range(0, len(typed) - 8))


def test_reference_of_no_pod(site: Site, ann: User) -> None:
    """One digit is wrong, say. Nobody is kept waiting."""
    site.server.counts.clear()
    error = _no_clone(ann, NOWHERE, RemoteUnavailable, "nothing is found at this sharing reference")
    assert "check it for typos" in error.hint
    assert site.calls() == {PUBLIC: 1}


def test_reference_of_a_pod_that_was_deleted(site: Site, ann: User) -> None:
    lab = ann.lab()
    ann.push(lab)
    reference = reference_in(lab.pod, "fairos:pod")
    copy = Lab(ann.clone(reference).pod)
    ann.delete_pod("pod")
    _no_clone(ann, reference, PodUnrecognised, "deleted|no.* found|nothing")
    refs = copy.refs
    with pytest.raises(RemoteDiverged, match="it is empty, and generation 1 has been seen") as failed:
        ann.fetch(copy, nobody=True)
    assert "after a while" in failed.value.hint
    assert copy.refs == refs
    copy.pod.close()


def test_owner_whose_pod_was_deleted_and_made_anew(site: Site, ann: User) -> None:
    """It has another reference, and the address of the old one."""
    lab = ann.lab()
    ann.push(lab)
    old = reference_in(lab.pod, "fairos:pod")
    ann.delete_pod("pod")
    with ann.client() as fairos:
        fairos.make_pod("pod")
        assert fairos.share_pod("pod").reveal() != old
    lab.commit({"a": b"2"})
    with pytest.raises(SovrError, match="is not a continuation"):
        ann.push(lab)
    # As a new remote it is another pod, and works.
    ann.remote(lab, "new", "fairos:another")
    ann.push(lab, "new")
    assert ann.manifest(reference_in(lab.pod, "fairos:another")).refs == {MAIN: lab.head}


def test_pod_that_is_no_repository(ann: User) -> None:
    with ann.client() as fairos:
        fairos.make_pod("photos")
        fairos.upload("photos", "/", "holiday.jpg", b"jpeg", 4)
        reference = fairos.share_pod("photos").reveal()
    _no_clone(ann, reference, PodUnrecognised, "neither commits nor a recipe")


def test_manifest_that_is_none(ann: User) -> None:
    for number, data in enumerate((b"", b"{}", b"\x00" * 100, os.urandom(3000), b"SOVRSEAL", b"SOVRSEAL" + bytes(300))):
        reference = ann.publish(data, f"p{number}")
        _no_clone(ann, reference, SovrError, "damaged|not as it was sealed|not supported")


def test_reference_that_was_good_is_asked_for_again(site: Site, ann: User) -> None:
    lab = ann.lab()
    ann.push(lab)
    copy = Lab(ann.clone(ann.reference()).pod)
    site.server.faults.clear()
    site.server.counts.clear()
    site.fault(Kind.UNREADABLE, "/public-file", times=0)
    with pytest.raises(RemoteUnavailable, match="nothing is found at this sharing reference"):
        ann.fetch(copy, nobody=True)
    assert site.calls() == {PUBLIC: ATTEMPTS}
    copy.pod.close()


# --- too much ---------------------------------------------------------------------------------------------------------

GIB = 1 << 30


class Flood:
    """A server on which every file is a gibibyte of zeros. `sent` counts what was taken."""

    def __init__(self, *, announced: bool) -> None:
        flood = self
        self.sent = 0

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                if announced:
                    self.send_header("Content-Length", str(GIB))
                self.end_headers()
                piece = bytes(1 << 18)
                try:
                    for _ in range(GIB // len(piece)):
                        self.wfile.write(piece)
                        flood.sent += len(piece)
                except ConnectionError:
                    return

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(params=[True, False], ids=["announced", "without end"])
def flood(request: pytest.FixtureRequest) -> Iterator[Flood]:
    made = Flood(announced=request.param)
    yield made
    made.close()


WATCHED = """
import resource, subprocess, sys
ended = subprocess.run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(ended.returncode)
"""
"""Tells how much memory a command took. In between, because a process begins with the most that its parent has had."""


def test_manifest_of_a_gibibyte(flood: Flood, tmp_path: Path) -> None:
    """No more is taken than a manifest may have, and not even that is held in memory twice."""
    limit = largest_sealed(MAX_METADATA_SIZE)
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "SOVR_FAIROS_URL": flood.url,
        "SOVR_CREDENTIALS": "c",
    }
    process = subprocess.run(
        [sys.executable, "-c", WATCHED, sys.executable, "-m", "sovrgit", "clone", NOWHERE, "copy"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == RemoteDamaged.exit_code, process.stderr
    assert f"has more than {limit} bytes" in process.stderr
    # What the system holds for a connection is taken too.
    assert flood.sent < limit + (16 << 20)
    assert int(process.stdout) * 1024 < 200 << 20
    assert not (tmp_path / "copy").exists()


def test_pack_of_a_gibibyte(site: Site, flood: Flood, ann: User) -> None:
    """Of a pack no more than the manifest says is taken."""
    lab = ann.lab()
    ann.push(lab)
    copy = Lab(ann.clone(ann.reference()).pod)
    lab.commit({"a": b"2"})
    ann.push(lab)
    manifest = ann.manifest(ann.reference())
    reader = User(flood.url, ann.folder / "reader", ann.login)
    with reader.shared(NOWHERE) as remote:
        for pack in manifest.packs:
            assert not remote.has_pack(pack.id, pack.size)
            remote.get_pack(pack.id, pack.size, ann.folder / f"{pack.id}", lambda _: None)
            assert (ann.folder / f"{pack.id}").stat().st_size == pack.size
    assert flood.sent < len(manifest.packs) * 2 * (16 << 20)
    copy.pod.close()


def test_manifest_with_too_many_packs(site: Site, ann: User) -> None:
    """As many as fit. The first that is not there ends it."""
    chance = random.Random(5)
    packs = tuple(PackEntry(ObjectId(chance.randbytes(32)), 100, PackClass.CONTENT, 1) for _ in range(20_000))
    reference = ann.publish(Manifest(bytes(16), 1, (), "w", 1, MAIN, {MAIN: packs[0].id}, packs))
    site.server.counts.clear()
    _no_clone(ann, reference, RemoteDamaged, "is not there")
    assert site.calls()[PUBLIC] < 50 * ATTEMPTS


# --- hostile manifests ------------------------------------------------------------------------------------------------


@pytest.fixture
def story(ann: User) -> tuple[Lab, Manifest]:
    """A pod of one pack that was pushed, and its manifest."""
    lab = ann.lab(files={"a": b"1" * 1000})
    ann.push(lab)
    return lab, ann.manifest(ann.reference())


def _changed(ann: User, manifest: Manifest, change: Callable[[PackEntry], PackEntry]) -> str:
    """A pod that has the manifest with other packs; its reference."""
    return ann.publish(replace(manifest, packs=tuple(map(change, manifest.packs))), "hostile")


@pytest.mark.parametrize(
    "origin",
    ["x", "fairos:", "fairos:pod", "/etc/passwd", "file:///etc", "http://127.0.0.1:1/", "a" * 100_000, "../..", "\0"],
)
def test_packs_at_no_reference(ann: User, story: tuple[Lab, Manifest], origin: str) -> None:
    reference = _changed(ann, story[1], lambda pack: pack._replace(origin=origin))
    error = _no_clone(ann, reference, RemoteDamaged, "it names packs at no sharing reference")
    assert len(error.message) < 300


def test_packs_at_a_reference_of_nothing(site: Site, ann: User, story: tuple[Lab, Manifest]) -> None:
    reference = _changed(ann, story[1], lambda pack: pack._replace(origin=f"fairos:{NOWHERE}"))
    error = _no_clone(ann, reference, RemoteDamaged, "nothing is found at this sharing reference")
    assert NOWHERE not in error.message + error.hint


def test_packs_at_the_pod_itself(ann: User, story: tuple[Lab, Manifest]) -> None:
    """A circle has one step: packs are taken from where the manifest says, and no manifest is read there."""
    with ann.client() as fairos:
        fairos.make_pod("hostile")
        own = fairos.share_pod("hostile").reveal()
    reference = _changed(ann, story[1], lambda pack: pack._replace(origin=f"fairos:{own}"))
    assert reference == own
    _no_clone(ann, reference, RemoteDamaged, "is not there")


def test_packs_in_a_circle(ann: User, story: tuple[Lab, Manifest]) -> None:
    with ann.client() as fairos:
        fairos.make_pod("one")
        fairos.make_pod("two")
        one, two = fairos.share_pod("one").reveal(), fairos.share_pod("two").reveal()
    for pod, other in (("one", two), ("two", one)):
        packs = tuple(pack._replace(origin=f"fairos:{other}") for pack in story[1].packs)
        ann.publish(replace(story[1], packs=packs), pod)
    for reference in (one, two):
        _no_clone(ann, reference, RemoteDamaged, "is not there")


def test_packs_of_a_sealed_pod(ann: User, story: tuple[Lab, Manifest]) -> None:
    """Sealed packs have other names, and would be of no use: not even for those who have the key."""
    lab = story[0]
    ann.remote(lab, "sealed", "fairos:sealed", private=True)
    ann.push(lab, "sealed")
    sealed = reference_in(lab.pod, "fairos:sealed")
    reference = _changed(ann, story[1], lambda pack: pack._replace(origin=f"fairos:{sealed}"))
    _no_clone(ann, reference, RemoteDamaged, "is not there")


def test_origin_that_is_written_in_another_way_is_the_same(ann: User, story: tuple[Lab, Manifest]) -> None:
    own = ann.reference()
    reference = _changed(ann, story[1], lambda pack: pack._replace(origin=f"fairos:{own.upper()}"))
    with ann.clone(reference).pod as pod:
        assert Lab(pod).working() == story[0].working()


@pytest.mark.parametrize("size", [1, 100, 5000])
def test_packs_of_another_size(ann: User, story: tuple[Lab, Manifest], size: int) -> None:
    own = ann.reference()
    reference = _changed(ann, story[1], lambda pack: pack._replace(size=size, origin=f"fairos:{own}"))
    _no_clone(ann, reference, RemoteDamaged, "damaged")


@pytest.mark.parametrize("change", [{"objects": 99}, {"kind": PackClass.CONTENT}])
def test_packs_that_hold_something_else(ann: User, story: tuple[Lab, Manifest], change: dict[str, object]) -> None:
    """What a manifest says of a pack beside its id is for estimates; nothing is believed."""
    own = ann.reference()
    reference = _changed(ann, story[1], lambda pack: pack._replace(origin=f"fairos:{own}", **change))
    with ann.clone(reference).pod as pod:
        assert Lab(pod).working() == story[0].working()


@pytest.mark.usefixtures("small")
def test_packs_that_changed_places(ann: User, noise: random.Random) -> None:
    lab = ann.lab(files={str(number): noise.randbytes(900) for number in range(20)})
    ann.push(lab)
    reference = reference_in(lab.pod, "fairos:pod")
    packs = sorted(ann.manifest(reference).packs, key=lambda pack: pack.size)
    with ann.shared(reference) as remote:
        for pack in packs[-2:]:
            with_retries(
                lambda pack=pack: remote.get_pack(pack.id, pack.size, ann.folder / str(pack.id), lambda _: None)
            )
    one, two = (pack.id for pack in packs[-2:])
    ann.put(f"p-{one}", (ann.folder / str(two)).read_bytes())
    ann.put(f"p-{two}", (ann.folder / str(one)).read_bytes())
    # The good packs are kept, as of any clone that was not finished.
    with pytest.raises(RemoteDamaged, match="damaged"):
        ann.clone(reference)
    kept = os.listdir(ann.folder / "copy" / ".sovr" / "packs") if (ann.folder / "copy").exists() else []
    assert not {f"{one}.pack", f"{two}.pack"} & set(kept)
    # Put right, the same clone goes on.
    ann.put(f"p-{one}", (ann.folder / str(one)).read_bytes())
    ann.put(f"p-{two}", (ann.folder / str(two)).read_bytes())
    with ann.clone(reference).pod as pod:
        assert Lab(pod).working() == lab.working() and Lab(pod).problems() == ()


def test_refs_that_lead_nowhere(ann: User, story: tuple[Lab, Manifest]) -> None:
    lab, manifest = story
    own = ann.reference()
    packs = tuple(pack._replace(origin=f"fairos:{own}") for pack in manifest.packs)
    tree = lab.pod.store.commit(lab.head).tree
    for number, refs in enumerate(({MAIN: ObjectId(bytes(32))}, {MAIN: tree}, {MAIN: lab.head, "refs/tags/x": tree})):
        reference = ann.publish(replace(manifest, packs=packs, refs=refs), f"r{number}")
        _no_clone(ann, reference, RemoteDamaged, "damaged")
    reference = ann.publish(replace(manifest, packs=packs, refs={}), "empty")
    with pytest.raises(RemoteUnavailable, match="no branch"):
        ann.clone(reference)


def test_manifest_that_names_a_pack_twice() -> None:
    pack = PackEntry(ObjectId(bytes(32)), 1, PackClass.CONTENT, 1)
    data = Manifest(bytes(16), 1, (), "w", 1, MAIN, {}, (pack, pack)).encode()
    with pytest.raises(ObjectInvalid, match="named twice"):
        Manifest.decode(data)


# --- a full disk ------------------------------------------------------------------------------------------------------

LIMITED = """
import os, resource, runpy, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
sys.argv[0] = "sovr"
runpy.run_module("sovrgit", run_name="__main__")
"""


def test_disk_that_is_full_while_cloning(ann: User) -> None:
    lab = ann.lab(files={"large": random.Random(3).randbytes(3 << 20)})
    ann.push(lab)
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(ann.folder),
        "SOVR_FAIROS_URL": str(ann.address),
        "SOVR_CREDENTIALS": "c",
    }
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, "clone", ann.reference(), "full"],
        cwd=ann.folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 41, done.stderr
    assert done.stderr.startswith("error: no space left at")
    assert not (ann.folder / "full").exists()
    with ann.clone(ann.reference(), "full").pod as pod:
        assert Lab(pod).working() == lab.working()


def test_disk_that_is_full_while_fetching(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = ann.lab()
    ann.push(lab)
    copy = Lab(ann.clone(ann.reference()).pod)
    lab.commit({"large": random.Random(3).randbytes(3 << 20)})
    ann.push(lab)
    refs, packs = copy.refs, copy.packs()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        with pytest.raises(SovrError, match="no space left"):
            ann.fetch(copy, nobody=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (copy.refs, copy.stray()) == (refs, [])
    assert packs <= copy.packs()
    ann.fetch(copy, nobody=True)
    assert copy.refs["refs/remotes/origin/main"] == lab.head and copy.problems() == ()
    copy.pod.close()


def test_pod_that_a_clone_left_is_not_used(site: Site, ann: User) -> None:
    """What an interrupted clone leaves is no pod yet."""
    lab = ann.lab(files={"a": b"1" * 1000})
    ann.push(lab)
    site.fault(Kind.MISSING, "/public-file", file="/sovr/p-*", times=0)
    with pytest.raises(SovrError):
        ann.clone(ann.reference(), "left")
    if (ann.folder / "left").exists():
        with pytest.raises(SovrError, match="is not in a pod"):
            Pod(ann.folder / "left")
