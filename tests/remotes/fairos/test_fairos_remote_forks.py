"""Forks by reference: what the origin has is named and not sent; readers get it from both."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from remote_lab import OnRealServer, OnStandIn, User, leave_behind, packs_of, reference_in
from transfer_lab import MAIN, Lab

from sovrgit.errors import RemoteDamaged, RemoteUnavailable
from sovrgit.remotes.manifest import Manifest
from sovrgit.remotes.selection import Selection
from sovrgit.sharing import share_pod

PRIVATE = b'{"name": "lab", "golem": {"exec": "true"}}'
LARGE = 300_000


@pytest.fixture
def ann(url: str, tmp_path: Path) -> User:
    return User(url, tmp_path / "ann")


@pytest.fixture
def bob(url: str, tmp_path: Path) -> User:
    return User(url, tmp_path / "bob")


@pytest.fixture
def cid(url: str, tmp_path: Path) -> User:
    return User(url, tmp_path / "cid")


@pytest.fixture
def origin(ann: User) -> tuple[Lab, str]:
    """A public pod, and its reference."""
    lab = ann.lab(files={"large": random.Random(1).randbytes(LARGE), "small": b"1"})
    ann.push(lab)
    return lab, reference_in(lab.pod, "fairos:pod")


def _fork(user: User, reference: str, name: str = "fork", *, private: bool | None = None) -> Lab:
    """A clone of a pod that has a place of the user's own to be pushed to."""
    pod = user.clone(reference, name, remote="upstream").pod
    fork = Lab(pod)
    fork.clock += 10_000_000
    user.remote(fork, "mine", f"fairos:{name}", private=private)
    fork.commit({f"of {name}": b"2"})
    return fork


def _clones(reader: User, reference: str, lab: Lab, name: str = "copy") -> Lab:
    copy = Lab(reader.clone(reference, name).pod)
    assert copy.working() == lab.working() and copy.problems() == ()
    return copy


class Forks:
    """Forks of pods on one server."""

    def test_fork_names_the_packs_of_its_origin(self, ann: User, bob: User, cid: User, origin: tuple[Lab, str]) -> None:
        fork = _fork(bob, origin[1])
        pushed = bob.push(fork, "mine")
        assert pushed.sent_bytes < 5000
        manifest = bob.manifest(reference_in(fork.pod, "fairos:fork"))
        named = {pack.id: pack.origin for pack in manifest.packs}
        for pack in ann.manifest(origin[1]).packs:
            assert named.pop(pack.id) == f"fairos:{origin[1]}"
        assert set(named.values()) == {""}
        copy = _clones(cid, reference_in(fork.pod, "fairos:fork"), fork)
        assert copy.refs == {MAIN: fork.head, "refs/remotes/origin/main": fork.head}
        for lab in (fork, copy):
            lab.pod.close()

    def test_a_fork_of_a_partial_clone_leaves_content_to_its_origin(
        self, bob: User, cid: User, origin: tuple[Lab, str]
    ) -> None:
        pod = bob.clone(origin[1], "fork", remote="upstream", selection=Selection(only=[b"small"])).pod
        fork = Lab(pod)
        fork.clock += 10_000_000
        bob.remote(fork, "mine", "fairos:fork")
        fork.commit({"of fork": b"2"})
        assert bob.push(fork, "mine").sent_bytes < 5000
        assert not (fork.root / "large").exists()
        copy = Lab(cid.clone(reference_in(fork.pod, "fairos:fork"), "copy").pod)
        assert copy.working() == {**origin[0].working(), "of fork": b"2"}
        assert copy.problems() == ()
        fork.pod.close()
        copy.pod.close()

    def test_later_pushes_stay_small_too(self, bob: User, cid: User, origin: tuple[Lab, str]) -> None:
        fork = _fork(bob, origin[1])
        bob.push(fork, "mine")
        reference = reference_in(fork.pod, "fairos:fork")
        copy = Lab(cid.clone(reference).pod)
        for number in range(3):
            fork.commit({"small": b"edit %d" % number})
            assert bob.push(fork, "mine").sent_bytes < 5000
            assert cid.fetch(copy, nobody=True).received_packs == 1
        assert copy.refs["refs/remotes/origin/main"] == fork.head and copy.problems() == ()
        fork.pod.close()
        copy.pod.close()

    def test_fork_of_a_fork_names_the_first_origin(
        self, ann: User, bob: User, cid: User, origin: tuple[Lab, str]
    ) -> None:
        fork = _fork(bob, origin[1])
        bob.push(fork, "mine")
        middle = reference_in(fork.pod, "fairos:fork")
        again = _fork(cid, middle, "again")
        assert cid.push(again, "mine").sent_bytes < 5000
        last = reference_in(again.pod, "fairos:again")
        origins = [pack.origin for pack in cid.manifest(last).packs]
        assert sorted(set(origins)) == sorted(["", f"fairos:{middle}", f"fairos:{origin[1]}"])
        # From all three places.
        _clones(ann, last, again).pod.close()
        for lab in (fork, again):
            lab.pod.close()

    def test_fork_takes_what_its_origin_gets_later(
        self, ann: User, bob: User, cid: User, origin: tuple[Lab, str]
    ) -> None:
        """What was fetched from the origin is named as well."""
        lab, reference = origin
        fork = bob.clone(reference, "fork", remote="upstream").pod
        forked = Lab(fork)
        bob.remote(forked, "mine", "fairos:fork")
        bob.push(forked, "mine")
        lab.commit({"more": random.Random(2).randbytes(LARGE)})
        ann.push(lab)
        bob.fetch(forked, "upstream", nobody=True)
        forked.move(MAIN, lab.head)
        assert bob.push(forked, "mine").sent_bytes == 0
        made = reference_in(fork, "fairos:fork")
        assert packs_of(bob.manifest(made)) == packs_of(ann.manifest(reference))
        _clones(cid, made, lab).pod.close()
        fork.close()

    def test_full_copies_everything(self, ann: User, bob: User, cid: User, origin: tuple[Lab, str]) -> None:
        fork = _fork(bob, origin[1])
        assert bob.push(fork, "mine", full=True).sent_bytes > LARGE
        reference = reference_in(fork.pod, "fairos:fork")
        assert {pack.origin for pack in bob.manifest(reference).packs} == {""}
        ann.delete_pod("pod")
        _clones(cid, reference, fork).pod.close()
        fork.pod.close()

    def test_fork_is_made_whole_later(self, ann: User, bob: User, cid: User, origin: tuple[Lab, str]) -> None:
        """Though every branch is there already, and nothing moves."""
        fork = _fork(bob, origin[1])
        bob.push(fork, "mine")
        reference = reference_in(fork.pod, "fairos:fork")
        before = bob.manifest(reference)
        pushed = bob.push(fork, "mine", full=True)
        assert pushed.sent_bytes > LARGE and pushed.moved == ()
        manifest = bob.manifest(reference)
        assert {pack.origin for pack in manifest.packs} == {""}
        assert (manifest.refs, manifest.generation) == (before.refs, before.generation + 1)
        ann.delete_pod("pod")
        _clones(cid, reference, fork).pod.close()
        # Once is enough.
        assert bob.push(fork, "mine", full=True).sent_bytes == 0
        assert bob.manifest(reference).generation == manifest.generation
        fork.commit({"small": b"edit"})
        assert bob.push(fork, "mine", full=True).sent_bytes < 5000
        fork.pod.close()

    def test_origin_that_is_gone(self, ann: User, bob: User, cid: User, origin: tuple[Lab, str]) -> None:
        """What is missing, who had it, and who can help."""
        fork = _fork(bob, origin[1])
        bob.push(fork, "mine")
        reference = reference_in(fork.pod, "fairos:fork")
        copy = Lab(cid.clone(reference, "before").pod)
        ann.delete_pod("pod")
        with pytest.raises(RemoteDamaged, match=r"leaves pack [0-9a-f]+ to `fairos:ref-[0-9a-f]+`") as failed:
            cid.clone(reference)
        assert "sovr push --full" in failed.value.hint
        assert origin[1] not in failed.value.message + failed.value.hint
        # Those who have it already go on, and the owner of the fork can make it whole.
        fork.commit({"small": b"2"})
        bob.push(fork, "mine")
        assert cid.fetch(copy, nobody=True).received_packs == 1
        bob.push(fork, "mine", full=True)
        _clones(cid, reference, fork, "whole").pod.close()
        fork.pod.close()
        copy.pod.close()

    def test_fork_of_a_private_pod_copies(self, ann: User, bob: User, cid: User) -> None:
        lab = ann.lab(files={"recipe.json": PRIVATE, "large": random.Random(1).randbytes(LARGE)})
        ann.push(lab)
        fork = _fork(bob, share_pod(lab.pod, "origin", ann.networks(), private=True).reference)
        assert bob.push(fork, "mine").sent_bytes > LARGE
        shared = share_pod(fork.pod, "mine", bob.networks(), private=True).reference
        assert shared.partition("#")[0] == reference_in(fork.pod, "fairos:fork")
        _clones(cid, shared, fork).pod.close()
        fork.pod.close()

    def test_private_fork_of_a_public_pod(self, bob: User, cid: User, origin: tuple[Lab, str]) -> None:
        """What is public stays where it is; what was added is sealed."""
        fork = _fork(bob, origin[1], private=True)
        assert bob.push(fork, "mine").sent_bytes < 5000
        shared = share_pod(fork.pod, "mine", bob.networks(), private=True).reference
        assert bob.raw_manifest(shared.partition("#")[0]).startswith(b"SOVRSEAL")
        _clones(cid, shared, fork).pod.close()
        fork.pod.close()

    def test_fork_into_the_place_of_an_earlier_pod(self, bob: User, cid: User, origin: tuple[Lab, str]) -> None:
        leave_behind(bob, "manifest")
        fork = _fork(bob, origin[1])
        bob.push(fork, "mine")
        _clones(cid, reference_in(fork.pod, "fairos:fork"), fork).pod.close()
        fork.pod.close()


class TestOnStandIn(OnStandIn, Forks):
    def test_origin_that_is_not_found_just_now(self, url: str, bob: User, cid: User, origin: tuple[Lab, str]) -> None:
        """A fork says that it is there, so it is asked for again."""
        fork = _fork(bob, origin[1])
        bob.push(fork, "mine")
        reference = reference_in(fork.pod, "fairos:fork")
        names = {f"/sovr/p-{pack.id}" for pack in bob.manifest(reference).packs if pack.origin}
        asked: list[str] = []

        def away(request: object) -> None:
            path = request.url.params.get("filePath", "")  # type: ignore[attr-defined]
            if path in names:
                asked.append(path)
                if asked.count(path) < 4:
                    # The reference itself is what is not found.
                    request.url = request.url.copy_set_param("sharingRef", "0" * 64)  # type: ignore[attr-defined]

        cid.wire.before = away
        _clones(cid, reference, fork).pod.close()
        assert len(asked) == 4 * len(names)
        fork.pod.close()

    def test_server_that_is_down_is_not_blamed_on_the_origin(
        self, bob: User, cid: User, origin: tuple[Lab, str]
    ) -> None:
        fork = _fork(bob, origin[1])
        bob.push(fork, "mine")
        reference = reference_in(fork.pod, "fairos:fork")

        def down(request: object) -> None:
            if "/sovr/p-" in str(request.url.params.get("filePath", "")):  # type: ignore[attr-defined]
                request.url = request.url.copy_with(port=1)  # type: ignore[attr-defined]

        cid.wire.before = down
        with pytest.raises(RemoteUnavailable) as failed:
            cid.clone(reference)
        assert "--full" not in failed.value.hint
        fork.pod.close()


class TestOnRealServer(OnRealServer, Forks):
    pass


def test_manifests_without_origins_are_as_before() -> None:
    """An entry without an origin has no such key: pods of before read the same."""
    assert b"origin" not in Manifest(bytes(16), 1, (), "w", 1, MAIN, {}, ()).encode()
