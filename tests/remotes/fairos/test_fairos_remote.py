"""A FairOS pod as a remote, over a real socket: the suite of all remotes, and pods that travel.

Against the stand-in, and where `SOVR_TEST_FAIROS_URL` names one, against a real server.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from remote_lab import PUBLIC, OnRealServer, OnStandIn, User, beyond_packs, leave_behind, reference_in
from remote_suite import Open, RemoteSuite, pack_file, silent
from transfer_lab import MAIN, Lab

from sovrgit.remotes.base import Doubtful
from sovrgit.remotes.collect import Collector
from sovrgit.remotes.fairos.contents import Contents
from sovrgit.remotes.fairos.memory import Forgetful
from sovrgit.remotes.fairos.sealed import SealedContents
from sovrgit.remotes.packing import Packing
from sovrgit.remotes.sealing.key import PodKey
from sovrgit.sharing import share_pod

# --- the suite of all remotes -----------------------------------------------------------------------------------------


class PublicPod(RemoteSuite):
    """An own pod whose files are as they are."""

    @pytest.fixture
    def contents(self) -> Callable[[], Contents]:
        return Contents

    @pytest.fixture
    def opened(self, url: str, contents: Callable[[], Contents], tmp_path: Path) -> Iterator[Open]:
        ann = User(url, tmp_path / "ann")
        with ExitStack() as stack:
            yield lambda: stack.enter_context(ann.own(Forgetful(), contents=contents()))


class SealedPod(PublicPod):
    """An own pod whose files are sealed."""

    @pytest.fixture
    def contents(self) -> Callable[[], Contents]:
        key = PodKey.new()
        return lambda: SealedContents(key)

    def test_no_more_is_taken_than_was_asked_for(self, opened: Open, tmp_path: Path) -> None:
        pack, source = pack_file(tmp_path, bytes(100_000))
        remote = opened()
        remote.put_pack(pack, source, silent)
        # More than a small file sealed can have, and then a file that is larger inside than it may be.
        with pytest.raises(Doubtful, match="larger than it should be"):
            remote.get_pack(pack, 10, tmp_path / "got", silent)
        with pytest.raises(Doubtful, match="100000 bytes, and 99999 are the most"):
            remote.get_pack(pack, 99_999, tmp_path / "got", silent)
        assert not (tmp_path / "got").exists()
        assert not remote.has_pack(pack, 99_999)


class TestPublicPodOnStandIn(OnStandIn, PublicPod):
    pass


class TestSealedPodOnStandIn(OnStandIn, SealedPod):
    pass


class TestPublicPodOnRealServer(OnRealServer, PublicPod):
    pass


class TestSealedPodOnRealServer(OnRealServer, SealedPod):
    pass


# --- pods that travel -------------------------------------------------------------------------------------------------


@pytest.fixture
def ann(url: str, tmp_path: Path) -> User:
    return User(url, tmp_path / "ann")


@pytest.fixture
def bob(url: str, tmp_path: Path) -> User:
    """A stranger."""
    return User(url, tmp_path / "bob")


class Journeys:
    """From a pod to a server and to somebody else."""

    @pytest.mark.parametrize("private", [False, True])
    def test_pod_that_travels(self, ann: User, bob: User, private: bool) -> None:
        lab = ann.lab(files={"large": random.Random(1).randbytes(5_000_000), "empty": b"", "a/b": b"1" * 1000})
        ann.remote(lab, "place", "fairos:place", private=private)
        ann.push(lab, "place")
        shared = share_pod(lab.pod, "place", ann.networks(), private=private).reference
        bob.wire.seen.clear()
        bob.wire.headers.clear()
        copy = Lab(bob.clone(shared).pod)
        assert copy.working() == lab.working() and copy.problems() == ()
        assert set(bob.wire.seen) == {PUBLIC}
        assert not any({"authorization", "cookie"} & headers.keys() for headers in bob.wire.headers)
        for number in range(2):
            lab.commit({"a/b": b"%d" % number})
            ann.wire.seen.clear()
            pushed = ann.push(lab, "place")
            assert (pushed.sent_packs, len(beyond_packs(ann.wire.seen, 1))) == (1, 6)
            bob.wire.seen.clear()
            assert bob.fetch(copy, nobody=True).received_packs == 1
            assert copy.refs["refs/remotes/origin/main"] == lab.head
            assert bob.wire.seen == [PUBLIC, PUBLIC]
            assert bob.fetch(copy, nobody=True).received_packs == 0
            assert len(bob.wire.seen) == 3
        assert copy.problems() == ()
        copy.pod.close()

    def test_token_that_the_server_has_forgotten(self, ann: User) -> None:
        lab = ann.lab()
        ann.push(lab)
        lab.commit({"a": b"2"})
        uploads: list[None] = []

        def end(request: httpx.Request) -> None:
            if request.url.path != "/v1/file/upload":
                return
            uploads.append(None)
            if len(uploads) % 2:
                # Logged out behind its back, as after a day: the pack and the manifest are each sent twice.
                own = {"authorization": request.headers["authorization"]}
                httpx.post(f"{ann.address}/v1/user/logout", headers=own, trust_env=False)

        ann.wire.before = end
        ann.push(lab)
        ann.wire.before = None
        assert len(uploads) == 4
        assert ann.manifest(reference_in(lab.pod, "fairos:pod")).refs == {MAIN: lab.head}

    # --- leftovers of a pod that had the same address -------------------------------------------------------------

    @pytest.mark.parametrize("private", [False, True])
    def test_manifest_of_an_earlier_pod_is_in_the_way(self, ann: User, private: bool) -> None:
        leave_behind(ann, "manifest")
        lab = ann.lab()
        ann.remote(lab, "place", "fairos:place", private=private)
        ann.push(lab, "place")
        lab.commit({"a": b"2"})
        ann.push(lab, "place")
        with ann.clone(reference_in(lab.pod, "fairos:place")).pod as pod:
            assert Lab(pod).working() == lab.working()

    def test_push_that_was_interrupted_when_an_earlier_manifest_was_in_the_way(self, ann: User) -> None:
        leave_behind(ann, "manifest")
        lab = ann.lab()
        uploads: list[object] = []

        def stop(request: object) -> None:
            if "file/upload" in str(getattr(request, "url", "")):
                uploads.append(request)
                if len(uploads) == 2:
                    raise KeyboardInterrupt

        ann.wire.before = stop
        with pytest.raises(KeyboardInterrupt):
            ann.push(lab)
        ann.wire.before = None
        ann.push(lab)
        assert ann.manifest(reference_in(lab.pod, "fairos:pod")).refs == {MAIN: lab.head}

    def test_pack_of_an_earlier_pod_is_in_the_way(self, ann: User) -> None:
        lab = ann.lab()
        collector = Collector(lab.pod.store, [])
        collector.add(lab.head)
        with Packing(lab.pod.store, collector.wanted) as packing:
            names = [f"p-{pack.entry.id}" for pack in packing.packs]
        leave_behind(ann, *names)
        ann.push(lab)
        with ann.clone(reference_in(lab.pod, "fairos:pod")).pod as pod:
            assert Lab(pod).working() == lab.working()

    def test_listing_of_an_earlier_pod_is_in_the_way(self, ann: User) -> None:
        """Uploads are refused as if the folder was not there, and stored all the same."""
        leave_behind(ann, "manifest", folder=True)
        lab = ann.lab()
        ann.push(lab)
        with ann.clone(reference_in(lab.pod, "fairos:pod")).pod as pod:
            assert Lab(pod).working() == lab.working()


class TestJourneysOnStandIn(OnStandIn, Journeys):
    pass


class TestJourneysOnRealServer(OnRealServer, Journeys):
    pass
