"""`sovr lock`, and the file that it writes, with the devnet's registry of images."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from command_lab import Cli
from hypothesis import given
from hypothesis import strategies as st

from sovrgit.devnet.golem import GolemStandIn
from sovrgit.errors import RecipeInvalid, RemoteUnavailable
from sovrgit.lockfile import Lock, LockedImage, locked_image, resolver, tags_of
from sovrgit.pod.pod import Pod
from sovrgit.pod.recipe import parse_recipe

TAG = "golem/alpine:latest"


@pytest.fixture
def golem(tmp_path: Path) -> Iterator[GolemStandIn]:
    with GolemStandIn(tmp_path / "golem", namespaces=False, providers=1) as standin:
        yield standin


@pytest.fixture
def locking(cli: Cli, golem: GolemStandIn) -> Cli:
    """A pod with an image, and the devnet's registry."""
    cli.set(SOVR_GOLEM_REGISTRY=golem.url)
    cli.pod(image=TAG, run="true")
    return cli


def recipe(**golem: Any) -> bytes:
    return json.dumps({"name": "x", "golem": {"exec": "true", **golem}}).encode()


def test_locking(locking: Cli, golem: GolemStandIn) -> None:
    hash_ = hashlib.sha3_224(f"sovrgit devnet image {TAG}".encode()).hexdigest()
    assert locking("lock", "--check", code=1).err.startswith("`recipe.lock` is not up to date\n")
    assert not (locking.folder / "recipe.lock").exists()
    said = locking("lock")
    assert said.lines == [f"added   {TAG}  sha3:{hash_[:12]}  {golem.url}/images/{hash_}"]
    entry = {"sha3_224": hash_, "url": f"{golem.url}/images/{hash_}"}
    assert json.loads(locking.read("recipe.lock")) == {"version": 1, "images": {TAG: entry}, "payload": {}}
    before = locking.read("recipe.lock")
    found = locking.json("lock", "--check")
    assert found["up_to_date"] and found["images"] == [{"tag": TAG, "state": "same", "old": entry, "new": entry}]
    assert locking("lock").err == "`recipe.lock` is up to date\n" and locking.read("recipe.lock") == before


def test_what_was_locked_is_found_in_a_tree(locking: Cli) -> None:
    with Pod.find(locking.folder) as pod:
        assert locked_image(pod.store, pod.head_tree(), TAG) is None
    locking("lock", "-q")
    locking("commit", "-q", "-m", "Lock")
    with Pod.find(locking.folder) as pod:
        found = locked_image(pod.store, pod.head_tree(), f" {TAG}")
        assert found is not None and found.tag == TAG and len(found.sha3_224) == 56
        assert locked_image(pod.store, pod.head_tree(), "another/image") is None


def test_a_tag_that_was_moved_and_one_that_has_gone(locking: Cli) -> None:
    other = {name: LockedImage(name, "0" * 56, "https://example.org/0") for name in (TAG, "old/one:1")}
    locking.write("recipe.lock", Lock(other, rest={"more": [2], "other": {"ref": 1}}).encode())
    found = locking.json("lock", "--check", code=1)
    assert [(one["tag"], one["state"]) for one in found["images"]] == [(TAG, "moved"), ("old/one:1", "gone")]
    said = locking("lock")
    assert f"`{TAG}` is another image than the one that was locked" in said.err
    after = json.loads(locking.read("recipe.lock"))
    assert list(after["images"]) == [TAG] and after["images"][TAG]["sha3_224"] != "0" * 56
    assert (after["other"], after["more"]) == ({"ref": 1}, [2])  # what others have put there stays


def test_nothing_to_lock(pod: Cli) -> None:
    assert "nothing to lock" in pod("lock").err
    assert pod.json("lock", "--check")["images"] == [] and not (pod.folder / "recipe.lock").exists()


def test_a_hash_is_no_tag() -> None:
    assert tags_of(parse_recipe(recipe(image=f" {TAG} "))) == (TAG,)
    for image in ("a" * 56, f"sha3:{'a' * 56}", f"hash:sha3:{'a' * 56}:https://example.org/x"):
        assert tags_of(parse_recipe(recipe(image=image))) == ()


def test_no_registry(locking: Cli) -> None:
    assert locking.failure("lock", "--registry", "http://127.0.0.1:1", code=52)["code"] == "RemoteUnavailable"
    assert "exchange" in locking.failure("lock", "--registry", "http://example.org", code=13)["message"]
    assert locking.failure("lock", "--registry", "ftp://x", code=13)["code"] == "ConfigInvalid"
    assert not (locking.folder / "recipe.lock").exists()


DAMAGED = {
    "no json": b"{",
    "a list": b"[]",
    "no version": b"{}",
    "newer": b'{"version": 2, "images": {}}',
    "true is no version": b'{"version": "1"}',
    "images": b'{"version": 1, "images": []}',
    "entry": b'{"version": 1, "images": {"a": 1}}',
    "hash": b'{"version": 1, "images": {"a": {"sha3_224": "00", "url": "https://x"}}}',
    "url": b'{"version": 1, "images": {"a": {"sha3_224": "%s", "url": "file:///x"}}}' % (b"0" * 56),
    "deep": b"[" * 100_000,
    "large": b" " * ((1 << 20) + 1),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_locks(name: str) -> None:
    with pytest.raises(RecipeInvalid):
        Lock.parse(DAMAGED[name])


def test_a_damaged_lock_stays_as_it_is(locking: Cli) -> None:
    locking.write("recipe.lock", "{")
    failure = locking.failure("lock", code=12)
    assert failure["message"].startswith("recipe.lock: ") and "sovr lock" in failure["hint"]
    assert locking.read("recipe.lock") == "{"
    os.unlink(locking.folder / "recipe.lock")
    os.symlink("/etc/passwd", locking.folder / "recipe.lock")
    assert "no plain file" in locking.failure("lock", code=12)["message"]


@pytest.mark.parametrize(
    ("status", "answer", "reason"),
    [
        (404, "", "has no image"),
        (500, "", "answers 500"),
        (200, "nonsense", "no hash and address"),
        (200, "[]", "no hash and address"),
        (200, '{"sha3": "0", "https": "https://x"}', "no hash and address"),
        (200, '{"sha3": "%s", "https": "javascript:1"}' % ("0" * 56), "no hash and address"),
    ],
)
def test_answers_of_a_registry(status: int, answer: str, reason: str) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        assert dict(request.url.params) == {"tag": TAG, "count": "true"} and request.url.path == "/v1/image/info"
        return httpx.Response(status, stream=httpx.ByteStream(answer.encode()))

    with pytest.raises(RemoteUnavailable, match=reason):
        resolver("https://registry.example.org", transport=httpx.MockTransport(handle))(TAG)


IMAGES = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.tuples(st.text("0123456789abcdef", min_size=56, max_size=56), st.just("https://example.org/e")),
    max_size=4,
)


@given(IMAGES)
def test_what_is_written_is_read(images: dict[str, tuple[str, str]]) -> None:
    lock = Lock({tag: LockedImage(tag, *rest) for tag, rest in images.items()})
    again = Lock.parse(lock.encode())
    assert again.images == lock.images and again.encode() == lock.encode()
