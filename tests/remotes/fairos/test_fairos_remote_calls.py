"""What transfers with a FairOS pod cost: which calls, how many, and how many at once."""

from __future__ import annotations

import random
from collections import Counter as Tally
from collections.abc import Iterator
from pathlib import Path

import pytest
from remote_lab import PUBLIC, RECIPE, UPLOAD, Site, User, beyond_packs, reference_in

from sovrgit.remotes.fairos.shared import SharedPod

LOGIN, LOGOUT = "POST /v2/user/login", "POST /v1/user/logout"
MAKING = {"GET /v1/pod/ls", "POST /v1/pod/new", "POST /v1/pod/share", "POST /v1/dir/mkdir", "DELETE /v1/file/delete"}
"""What a first push needs besides. The list of pods is asked whether the pod is there, and nothing else is listed."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "fairos")
    yield made
    made.close()


@pytest.fixture
def ann(site: Site, tmp_path: Path) -> User:
    return User(site.url, tmp_path / "ann")


def test_first_push(site: Site, ann: User) -> None:
    lab = ann.lab(files={"a": b"1" * 1000})
    site.server.counts.clear()
    pushed = ann.push(lab)
    calls = site.calls()
    assert set(calls) <= {LOGIN, LOGOUT, UPLOAD, PUBLIC} | MAKING
    rest = Tally(beyond_packs(list(Tally(calls).elements()), pushed.sent_packs))
    # Manifest and recipe go up; the folder, the pod and the session are made once.
    assert rest[UPLOAD] == 2
    assert all(rest[call] == 1 for call in (LOGIN, LOGOUT, "POST /v1/pod/new", "POST /v1/dir/mkdir"))
    assert rest.total() <= 14


def test_first_push_of_a_private_pod_logs_in_once(site: Site, ann: User) -> None:
    """Whether there is something already that is not sealed is asked by the client that then pushes."""
    lab = ann.lab(files={"recipe.json": b'{"name": "lab", "golem": {"exec": "true"}}', "a": b"1" * 1000})
    ann.wire.seen.clear()
    pushed = ann.push(lab)
    assert lab.pod.config.get("remote.origin.key") is not None
    rest = Tally(beyond_packs(ann.wire.seen, pushed.sent_packs))
    assert rest[LOGIN] == rest[LOGOUT] == rest[UPLOAD] == 1


@pytest.mark.parametrize("private", [False, True])
def test_warm_push_takes_six_calls(site: Site, ann: User, private: bool) -> None:
    lab = ann.lab(files={"a": b"1" * 1000})
    ann.remote(lab, "other", "fairos:other", private=private)
    ann.push(lab, "other")
    for number in range(3):
        lab.commit({"a": b"%d" % number * 1000})
        site.server.counts.clear()
        pushed = ann.push(lab, "other")
        assert pushed.sent_packs == 1
        calls = list(Tally(site.calls()).elements())
        rest = beyond_packs(calls, pushed.sent_packs)
        # Log in; the manifest before, once more just before it is replaced, replaced, and as it is then; log out.
        assert sorted(rest) == sorted([LOGIN, PUBLIC, PUBLIC, UPLOAD, PUBLIC, LOGOUT])


def test_warm_push_of_a_new_recipe_takes_one_more(site: Site, ann: User) -> None:
    lab = ann.lab()
    ann.push(lab)
    lab.commit({"recipe.json": RECIPE + b"\n"})
    site.server.counts.clear()
    pushed = ann.push(lab)
    assert len(beyond_packs(list(Tally(site.calls()).elements()), pushed.sent_packs)) == 7


def test_push_of_nothing_new_takes_one_call_and_no_login(site: Site, ann: User) -> None:
    lab = ann.lab()
    ann.push(lab)
    site.server.counts.clear()
    assert ann.push(lab).moved == ()
    assert site.calls() == {PUBLIC: 1}


def test_fetch_of_nothing_new_takes_one_call_and_no_login(site: Site, ann: User) -> None:
    lab = ann.lab()
    ann.push(lab)
    site.server.counts.clear()
    assert ann.fetch(lab).received_packs == 0
    assert site.calls() == {PUBLIC: 1}


def test_fetch_takes_the_manifest_and_what_is_new(site: Site, ann: User) -> None:
    lab = ann.lab()
    ann.push(lab)
    copy = ann.clone(ann.reference())
    lab.commit({"a": b"2"})
    pushed = ann.push(lab)
    with copy.pod:
        copies = type(lab)(copy.pod)
        site.server.counts.clear()
        fetched = ann.fetch(copies, nobody=True)
        assert fetched.received_packs == pushed.sent_packs == 1
        assert site.calls() == {PUBLIC: 2}


def test_a_stranger_clones_without_a_login(site: Site, ann: User, tmp_path: Path) -> None:
    lab = ann.lab(files={"a": b"1" * 1000, "b": random.Random(1).randbytes(100_000)})
    ann.push(lab)
    reference = ann.reference()
    stranger = User(site.url, tmp_path / "stranger")
    stranger.wire.seen.clear()
    stranger.wire.headers.clear()
    site.server.counts.clear()
    with stranger.clone(reference, nobody=False).pod as pod:
        assert pod.store.commit(lab.head)
    # The manifest once, and each pack.
    assert len(stranger.wire.seen) == 1 + len(ann.manifest(reference).packs)
    assert set(stranger.wire.seen) == {PUBLIC}
    assert not any({"authorization", "cookie"} & headers.keys() for headers in stranger.wire.headers)
    assert set(site.calls()) == {PUBLIC}


def test_nothing_is_found_by_listing_or_receiving(site: Site, ann: User, tmp_path: Path) -> None:
    lab = ann.lab(files={"a": b"1" * 1000})
    site.server.counts.clear()
    ann.push(lab)
    lab.commit({"a": b"2"})
    ann.push(lab)
    ann.fetch(lab)
    other = ann.elsewhere("machine")
    again = other.lab()
    other.fetch(again)
    ann.clone(reference_in(lab.pod, "fairos:pod")).pod.close()
    assert set(site.calls()) <= {LOGIN, LOGOUT, UPLOAD, PUBLIC} | MAKING


def test_a_fetch_by_the_name_of_a_pod_remembers_its_reference(site: Site, ann: User) -> None:
    lab = ann.lab()
    ann.push(lab)
    other = ann.elsewhere("machine")
    again = other.lab()
    other.fetch(again)
    site.server.counts.clear()
    other.fetch(again)
    assert site.calls() == {PUBLIC: 1}


@pytest.mark.usefixtures("small")
def test_packs_are_fetched_side_by_side_and_not_too_many(site: Site, ann: User, noise: random.Random) -> None:
    lab = ann.lab(files={str(number): noise.randbytes(900) for number in range(90)})
    pushed = ann.push(lab)
    assert pushed.sent_packs > 2 * SharedPod.downloads_at_once
    # Long enough that requests that may be under way together are.
    site.server.latency = 0.03
    ann.wire.most = 0
    copy = ann.clone(ann.reference())
    assert copy.fetched.received_packs == pushed.sent_packs
    assert ann.wire.most == SharedPod.downloads_at_once
    copy.pod.close()


@pytest.mark.usefixtures("small")
def test_packs_of_an_origin_and_a_fork_share_the_same_few_downloads(
    site: Site, ann: User, noise: random.Random, tmp_path: Path
) -> None:
    lab = ann.lab(files={str(number): noise.randbytes(900) for number in range(60)})
    ann.push(lab)
    fork = ann.clone(ann.reference(), "fork")
    ann.remote(forked := type(lab)(fork.pod), "mine", "fairos:fork")
    forked.commit({f"x{number}": noise.randbytes(900) for number in range(60)})
    ann.push(forked, "mine")
    site.server.latency = 0.03
    ann.wire.most = 0
    copy = ann.clone(ann.reference("fork"), "again")
    assert ann.wire.most == SharedPod.downloads_at_once
    copy.pod.close()
