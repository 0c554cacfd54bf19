"""Looking into all pods of an account."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from firstcli_lab import no_pause, nobody, put, recipe, store_first, store_ours, user

from sovrgit.devnet.fairos import Fault, Kind, StandIn
from sovrgit.errors import KeyNeeded, LoginNeeded, RemoteUnavailable
from sovrgit.registry.summary import LONGEST, Summary
from sovrgit.registry.survey import Surveyed, survey
from sovrgit.remotes.fairos.client import FairOS
from sovrgit.remotes.fairos.contents import Contents
from sovrgit.remotes.fairos.sealed import SealedContents
from sovrgit.remotes.sealing.key import PodKey


@pytest.fixture
def signature() -> str:
    return secrets.token_hex(32)


@pytest.fixture
def ann(standin: StandIn, signature: str) -> Iterator[FairOS]:
    with user(standin, signature) as made:
        yield made


def surveyed(standin: StandIn, signature: str, *, references: bool = False) -> dict[str, Surveyed]:
    """What a new session finds, by name."""
    with user(standin, signature) as fresh:
        return {found.pod: found for found in survey(fresh, references=references, pause=no_pause)}


def test_all_kinds(standin: StandIn, signature: str, ann: FairOS) -> None:
    store_first(ann)
    store_first(ann, "chain", recipe=b'{"name": "chain", "pods": [], "version": 2.5}')
    store_first(ann, "output-blender", {}, None)
    store_first(ann, "Sovr", {}, None)
    said = {"name": "Mine", "kind": "task", "version": "3", "author": "ann", "description": "All mine"}
    store_ours(ann, "mine", said, recipe("Mine", public=True))
    store_ours(ann, "private", {"name": "private", "kind": "compute"})
    ann.make_pod("photos")
    ann.make_pod("ComputePodRegistry")
    found = surveyed(standin, signature)
    assert list(found) == sorted(found)
    assert {name: (pod.kind, pod.tool) for name, pod in found.items()} == {
        "blender": ("compute", "first-cli"),
        "chain": ("task", "first-cli"),
        "output-blender": ("output", "first-cli"),
        "Sovr": ("program", "first-cli"),
        "mine": ("task", "sovr"),
        "private": ("compute", "sovr"),
        "photos": ("other", ""),
        "ComputePodRegistry": ("registry", ""),
    }
    assert found["mine"].summary == Summary("Mine", "task", "3", "ann", "All mine", True)
    assert (found["mine"].pushed, found["mine"].generation) == (1_700_000_000_000_000_000, 3)
    assert found["blender"].summary == Summary("blender", "compute", "1.0", "reza", "Renders a .blend file.", True)
    assert (found["chain"].summary.version, found["blender"].pushed) == ("2.5", None)
    assert not any(pod.shared or pod.reference for pod in found.values())
    assert not found["blender"].trouble and found["photos"].trouble


def test_pods_that_are_shared_with_me(standin: StandIn, signature: str, ann: FairOS, reza: FairOS) -> None:
    import httpx

    ann.make_pod("own")
    theirs = [store_first(reza), store_ours(reza, "theirs", {"name": "theirs", "kind": "data"})]
    login = {"signature": signature}
    token = httpx.post(f"{standin.url}/v2/user/login-with-signature", json=login, trust_env=False).json()["accessToken"]
    for reference in theirs:
        answer = httpx.get(
            f"{standin.url}/v1/pod/receive",
            params={"sharingRef": reference.reveal()},
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
        )
        assert answer.status_code == 200
    found = surveyed(standin, signature, references=True)
    assert [(pod.pod, pod.shared, pod.kind) for pod in found.values()] == [
        ("own", False, "other"),
        ("blender", True, "compute"),
        ("theirs", True, "data"),
    ]
    # What is received cannot be shared on.
    assert found["own"].reference and not found["blender"].reference


def test_references(standin: StandIn, signature: str, ann: FairOS) -> None:
    reference = store_first(ann)
    found = surveyed(standin, signature, references=True)["blender"]
    assert found.reference == reference and reference.reveal() not in repr(found)


def test_pods_that_are_broken(standin: StandIn, signature: str, ann: FairOS) -> None:
    for name in ("fine", "garbled", "huge", "hostile", "half"):
        store_first(ann, name, recipe=recipe(name)) if name in ("fine", "half") else ann.make_pod(name)
    store_ours(ann, "garbled", {})
    put(ann, "garbled", "manifest", b"\xff" * 100, "/sovr")
    store_first(ann, "huge", recipe=bytes(2 << 20))
    store_first(ann, "hostile", recipe=b'{"name": ["x"], "golem": 7, "description": "\\u001b[2J' + b"x" * 5000 + b'"}')
    put(ann, "half", "recipe.json", b'{"name": "half", "golem": {}')
    found = surveyed(standin, signature)
    assert {name: pod.kind for name, pod in found.items()} == {
        **{"fine": "compute", "garbled": "broken"},
        **{"huge": "data", "hostile": "data", "half": "data"},
    }
    assert "manifest" in found["garbled"].trouble
    assert found["fine"].trouble == "" and all(pod.trouble for pod in found.values() if pod.pod != "fine")
    assert len(found["hostile"].summary.description) == LONGEST
    assert found["half"].summary.name == "half" and found["half"].recipe is None


def test_a_pod_that_cannot_be_read_now(standin: StandIn, signature: str, ann: FairOS) -> None:
    store_ours(ann, "lost", {})
    store_first(ann)
    standin.faults.add(Fault(Kind.MISSING, call="/v1/file/download", file="/sovr/manifest", times=99))
    found = surveyed(standin, signature)
    assert (found["lost"].kind, found["blender"].kind) == ("broken", "compute")
    assert "there is no such file" in found["lost"].trouble


def test_many_pods_are_looked_into_at_once(standin: StandIn, signature: str, ann: FairOS) -> None:
    for number in range(16):
        store_ours(ann, f"p{number}", {"name": f"p{number}", "kind": "data"})
    standin.counts.clear()
    assert len(surveyed(standin, signature)) == 16
    calls = {name: count.calls for name, count in standin.counts.all().items()}
    assert calls["POST /v1/file/download"] == 32 and sum(calls.values()) == 32 + 3


def test_private_pods(standin: StandIn, signature: str, ann: FairOS) -> None:
    mine, lost = PodKey.new(), PodKey.new()
    store_ours(ann, "mine", {"name": "mine", "kind": "task", "description": "Not for all"}, key=mine)
    store_ours(ann, "lost", {"name": "lost"}, key=lost)

    def unlock(fingerprint: str) -> Contents:
        if fingerprint != mine.fingerprint:
            raise KeyNeeded(what="the pod", reason="no key for it is known here")
        return SealedContents(mine)

    with user(standin, signature) as fresh:
        found = {pod.pod: pod for pod in survey(fresh, unlock=unlock, pause=no_pause)}
        assert (found["mine"].kind, found["mine"].summary.description) == ("task", "Not for all")
        assert (found["lost"].kind, found["lost"].summary.name) == ("sealed", "")
        assert found["mine"].private and found["lost"].private and "no key" in found["lost"].trouble
        assert {pod.kind for pod in survey(fresh, pause=no_pause)} == {"sealed"}
    # The manifest of another pod with the same key in its place.
    store_ours(ann, "mine", {"name": "mine"}, key=lost)
    with user(standin, signature) as fresh:
        assert {pod.kind for pod in survey(fresh, unlock=lambda _: SealedContents(mine), pause=no_pause)} == {"sealed"}


def test_no_pods(standin: StandIn, signature: str) -> None:
    assert surveyed(standin, signature) == {}


def test_no_login_and_no_server(standin: StandIn, signature: str) -> None:
    with nobody(standin) as stranger, pytest.raises(LoginNeeded):
        survey(stranger, pause=no_pause)
    standin.close()
    with pytest.raises(RemoteUnavailable):
        surveyed(standin, signature)
