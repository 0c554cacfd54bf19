"""Making the user's own registry anew."""

from __future__ import annotations

import json
import secrets

import pytest
from firstcli_lab import no_pause, put, recipe, store_first, store_ours, user

from sovrgit.devnet.fairos import Fault, Kind, StandIn
from sovrgit.errors import RegistryInvalid, RemoteDamaged
from sovrgit.registry.own import read_own, rebuild, share, written
from sovrgit.registry.summary import Summary
from sovrgit.remotes.fairos.client import FairOS
from sovrgit.remotes.sealing.key import PodKey


@pytest.fixture
def ann(reza: FairOS) -> FairOS:
    """Somebody with a public pod of each kind, a private one of ours, and pods that belong in no registry."""
    store_first(reza)
    store_first(reza, "chain", recipe=b'{"name": "chain", "pods": []}')
    store_first(reza, "output-blender", {}, None)
    store_ours(reza, "mine", {"name": "mine", "kind": "compute"}, recipe("mine", public=True))
    store_ours(reza, "secret", {"name": "secret", "kind": "data", "description": "Not for all"})
    reza.make_pod("photos")
    return reza


def registry(fairos: FairOS, stranger: FairOS) -> dict[str, dict[str, object]]:
    """The registry as others see it."""
    reference = fairos.share_pod("ComputePodRegistry")
    return dict(json.loads(stranger.read_public_file(reference, "/Registry.json", 1 << 20)))


def test_it_is_made_anew(ann: FairOS, stranger: FairOS) -> None:
    rebuilt = rebuild(ann, pause=no_pause)
    assert rebuilt == (("blender", "chain", "mine", "secret"), ("blender", "mine"), ())
    found = registry(ann, stranger)
    assert found["blender"]["golem"] == {
        **{"exec": "python3 script/blender.py", "script": "script", "payload": "payload"},
        **{"output": "output", "log": "logs"},
    }
    assert found["blender"]["sovr"] == {"kind": "compute", "reference": ann.share_pod("blender").reveal()}
    assert found["mine"]["sovr"] == {
        **{"kind": "compute", "time": 1_700_000_000_000_000_000, "generation": 3},
        "reference": ann.share_pod("mine").reveal(),
    }
    assert found["secret"] == {
        **{"name": "secret", "description": "Not for all"},
        "sovr": {"kind": "data", "time": 1_700_000_000_000_000_000, "generation": 3},
    }


def test_only_what_is_public(ann: FairOS, stranger: FairOS) -> None:
    assert rebuild(ann, public_only=True, pause=no_pause).listed == ("blender", "mine")
    assert registry(ann, stranger).keys() == {"blender", "mine"}


def test_private_pods_are_left_out(reza: FairOS, stranger: FairOS) -> None:
    store_first(reza)
    store_ours(reza, "sealed", {"name": "sealed", "description": "Not for all"}, key=PodKey.new())
    assert rebuild(reza, pause=no_pause) == (("blender",), ("blender",), ())
    assert registry(reza, stranger).keys() == {"blender"}


def test_it_can_be_made_again(standin: StandIn, reza: FairOS, stranger: FairOS) -> None:
    store_first(reza)
    rebuild(reza, pause=no_pause)
    store_first(reza, "more", recipe=recipe("more"))
    assert rebuild(reza, pause=no_pause).listed == ("blender", "more")
    assert registry(reza, stranger).keys() == {"blender", "more"}


def test_what_it_said_of_a_broken_pod_stays(reza: FairOS, stranger: FairOS) -> None:
    store_ours(reza, "private", {"name": "private"})
    store_first(reza)
    rebuild(reza, pause=no_pause)
    put(reza, "private", "manifest", b"garbage", "/sovr")
    rebuilt = rebuild(reza, pause=no_pause)
    assert rebuilt.listed == ("blender", "private") and [pod.pod for pod in rebuilt.broken] == ["private"]
    assert registry(reza, stranger)["private"]["name"] == "private"
    assert rebuild(reza, public_only=True, pause=no_pause).listed == ("blender",)


def test_an_old_registry_that_is_garbage(reza: FairOS, stranger: FairOS) -> None:
    store_first(reza)
    reza.make_pod("ComputePodRegistry")
    put(reza, "ComputePodRegistry", "Registry.json", b"garbage")
    assert rebuild(reza, pause=no_pause).listed == ("blender",)
    assert registry(reza, stranger).keys() == {"blender"}


def test_an_overwrite_that_is_lost(standin: StandIn, reza: FairOS, stranger: FairOS) -> None:
    """Others see the old version for a while though the write was confirmed: it is written again until they do not."""
    store_first(reza)
    rebuild(reza, pause=no_pause)
    store_first(reza, "more", recipe=recipe("more"))
    standin.faults.add(Fault(Kind.STALE, call="/public-file", file="/Registry.json", times=2))
    standin.counts.clear()
    rebuild(reza, pause=no_pause)
    # The second version was written; then it was the one before the third that was seen.
    assert standin.counts.all()["POST /v1/file/upload"].calls >= 2
    assert registry(reza, stranger).keys() == {"blender", "more"}


def test_an_overwrite_that_stays_lost(standin: StandIn, reza: FairOS) -> None:
    store_first(reza)
    standin.faults.add(Fault(Kind.WRONG_BYTES, call="/public-file", file="/Registry.json", times=100))
    with pytest.raises(RemoteDamaged, match="others do not see"):
        rebuild(reza, pause=no_pause)


def test_no_pods_at_all(standin: StandIn, reza: FairOS) -> None:
    """An empty list may be one that could not be read: then nothing must be made or written."""
    with pytest.raises(RegistryInvalid, match="there are no pods"):
        rebuild(reza, pause=no_pause)
    assert "POST /v1/pod/new" not in standin.counts.all()


def test_reading_it(standin: StandIn, reza: FairOS) -> None:
    assert read_own(reza, no_pause) == []
    reference = store_first(reza)
    # As the first CLI left both of its lists.
    for pod, file, content in (
        ("ComputePodRegistry", "Registry.json", {"blender": {"name": "blender", "golem": {}}, "other": {}}),
        ("SharedPods", "SharedPods.json", {"blender": [{"recipe": {}, "sharing_reference": reference.reveal()}]}),
    ):
        reza.make_pod(pod)
        put(reza, pod, file, json.dumps(content).encode())
    found = {listed.pod: listed for listed in read_own(reza, no_pause)}
    assert found["blender"].reference == reference
    assert found["blender"].summary == Summary("blender", "compute") and found["other"].reference is None


def test_sharing_it(standin: StandIn, reza: FairOS, stranger: FairOS) -> None:
    store_first(reza)
    with pytest.raises(RegistryInvalid, match="does not exist yet"):
        written(reza, no_pause)
    rebuild(reza, pause=no_pause)
    assert [found.pod for found in written(reza, no_pause)] == ["blender"]
    assert b"blender" in stranger.read_public_file(share(reza, no_pause), "/Registry.json", 1 << 20)


def test_another_session_reads_what_was_written(standin: StandIn) -> None:
    signature = secrets.token_hex(32)
    with user(standin, signature) as one:
        store_first(one)
        rebuild(one, pause=no_pause)
    with user(standin, signature) as two:
        assert [found.pod for found in read_own(two, no_pause)] == ["blender"]
