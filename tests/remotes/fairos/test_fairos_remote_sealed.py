"""Private pods on FairOS servers: without the right key, and on a server that exchanges what it keeps."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from remote_lab import UPLOAD, Site, User
from transfer_lab import MAIN, Lab

from sovrgit.errors import ConfigInvalid, KeyNeeded, RemoteDiverged, SealBroken, SharingRefused, SovrError
from sovrgit.remotes.fairos.sealed import SealedContents
from sovrgit.remotes.manifest import Manifest
from sovrgit.remotes.sealing.key import PodKey
from sovrgit.sharing import share_pod

PRIVATE = b'{"name": "lab", "golem": {"exec": "true"}}'


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "fairos")
    yield made
    made.close()


@pytest.fixture
def ann(site: Site, tmp_path: Path) -> User:
    return User(site.url, tmp_path / "ann")


@pytest.fixture
def bob(site: Site, tmp_path: Path) -> User:
    """A stranger, who has no key but those that come with references."""
    return User(site.url, tmp_path / "bob")


class Secret:
    """A private pod that was pushed once."""

    def __init__(self, ann: User) -> None:
        self.ann = ann
        self.lab = ann.lab(files={"recipe.json": PRIVATE, "a": b"a secret sentence " * 50})
        ann.push(self.lab)
        shared = share_pod(self.lab.pod, "origin", ann.networks(), private=True)
        self.full = shared.reference
        self.reference, _, self.key = shared.reference.partition("#")
        self.sealed = ann.raw_manifest(self.reference)

    @property
    def contents(self) -> SealedContents:
        return SealedContents(PodKey.parse(self.key))

    @property
    def manifest(self) -> Manifest:
        return Manifest.decode(self.contents.open_manifest(self.ann.raw_manifest(self.reference), "here"))

    def put_plain(self, manifest: Manifest | None = None) -> None:
        """What a server does that wants to be sent everything in the clear."""
        self.ann.put("manifest", (manifest or self.manifest).encode())


@pytest.fixture
def secret(ann: User) -> Secret:
    return Secret(ann)


def _nothing_is_sent(site: Site, push: object, kind: type[SovrError], match: str) -> SovrError:
    site.server.counts.clear()
    with pytest.raises(kind, match=match) as failed:
        push()  # type: ignore[operator]
    assert UPLOAD not in site.calls()
    return failed.value


# --- keys -------------------------------------------------------------------------------------------------------------


def test_no_key(secret: Secret, bob: User) -> None:
    with pytest.raises(KeyNeeded, match="no key for it is known here") as failed:
        bob.clone(secret.reference)
    assert "sovr share --private" in failed.value.hint
    assert not (bob.folder / "copy").exists()


def test_key_of_another_pod(secret: Secret, bob: User) -> None:
    other = PodKey.new()
    with pytest.raises(KeyNeeded, match=r"is sealed with the key .*, and the one known here is"):
        bob.clone(f"{secret.reference}#{other.reveal()}")
    assert not (bob.folder / "copy").exists()


def test_key_with_a_typo(secret: Secret, bob: User) -> None:
    key = secret.key
    for place in (2, 10, len(key) - 1):
        wrong = key[:place] + ("b" if key[place] != "b" else "c") + key[place + 1 :]
        with pytest.raises(ConfigInvalid, match="a character of it is wrong") as failed:
            bob.clone(f"{secret.reference}#{wrong}")
        assert wrong not in failed.value.message + failed.value.hint
    for wrong in (key[:-1], key + "a", "", "k1", key[:20] + "1" + key[21:], key.replace("k1", "k2")):
        with pytest.raises(ConfigInvalid):
            bob.clone(f"{secret.reference}#{wrong}")
    assert not (bob.folder / "copy").exists()


def test_right_key(secret: Secret, bob: User) -> None:
    with bob.clone(secret.full).pod as pod:
        assert Lab(pod).working() == secret.lab.working()
        assert pod.config.get("remote.origin.key") == PodKey.parse(secret.key).fingerprint
        # It is known from now on, here and for other clones.
        assert bob.fetch(Lab(pod), nobody=True).received_packs == 0
    bob.clone(secret.reference, "again").pod.close()


def test_owner_on_another_machine_needs_the_key(secret: Secret) -> None:
    machine = secret.ann.elsewhere("machine")
    lab = machine.lab("again", {"recipe.json": PRIVATE})
    with pytest.raises(KeyNeeded):
        machine.fetch(lab)
    with pytest.raises(KeyNeeded):
        machine.push(lab)
    # With the key from the reference that the owner shares with herself.
    with machine.clone(secret.full, nobody=False).pod as pod:
        copy = Lab(pod)
        machine.remote(copy, "mine", "fairos:pod")
        copy.clock += 10_000_000
        copy.commit({"b": b"2"})
        machine.push(copy, "mine")
        assert pod.config.get("remote.mine.key") == PodKey.parse(secret.key).fingerprint
        assert secret.manifest.refs == {MAIN: copy.head}


def test_key_that_was_lost(secret: Secret) -> None:
    """Without the key nothing can be pushed: not even something that is not sealed."""
    os.unlink(secret.ann.folder / "credentials")
    secret.lab.commit({"a": b"2"})
    with pytest.raises(KeyNeeded):
        secret.ann.push(secret.lab)
    assert secret.ann.raw_manifest(secret.reference) == secret.sealed


# --- a server that shows an unsealed manifest -------------------------------------------------------------------------


def test_reader_takes_nothing_unsealed(secret: Secret, bob: User) -> None:
    copy = Lab(bob.clone(secret.full).pod)
    refs = copy.refs
    secret.put_plain(replace(secret.manifest, generation=2, chain=secret.manifest.next_chain()))
    for fetch in (lambda: bob.fetch(copy, nobody=True), lambda: bob.fetch(copy, nobody=True, accept=True)):
        with pytest.raises(SealBroken, match="it is not sealed"):
            fetch()
    with pytest.raises(SealBroken, match="it is not sealed"):
        bob.clone(secret.full, "again")
    assert copy.refs == refs and not (bob.folder / "again").exists()
    copy.pod.close()


def test_owner_sends_nothing_in_the_clear(site: Site, secret: Secret) -> None:
    secret.put_plain()
    secret.lab.commit({"a": b"another secret sentence"})
    _nothing_is_sent(site, lambda: secret.ann.push(secret.lab), SealBroken, "it is not sealed")
    with pytest.raises(SealBroken):
        share_pod(secret.lab.pod, "origin", secret.ann.networks(), private=True)


def test_owner_on_another_machine_sends_nothing_in_the_clear(site: Site, secret: Secret) -> None:
    """It has fetched from the pod before, and knows that it is sealed."""
    machine = secret.ann.elsewhere("machine")
    machine.clone(secret.full, "first").pod.close()
    lab = machine.lab("again", {"recipe.json": PRIVATE})
    machine.fetch(lab)
    secret.put_plain()
    _nothing_is_sent(site, lambda: machine.push(lab), SealBroken, "it is not sealed")


def test_pod_that_stops_being_sealed_between_two_looks(site: Site, secret: Secret) -> None:
    machine = secret.ann.elsewhere("machine")
    machine.clone(secret.full, "first").pod.close()
    lab = machine.lab("again", {"recipe.json": PRIVATE})
    plain = replace(secret.manifest, refs={}, packs=())
    looks: list[None] = []

    def exchange(request: httpx.Request) -> None:
        if request.url.path == "/public-file" and not looks:
            looks.append(None)
            secret.put_plain(plain)
            site.server.counts.clear()

    machine.wire.after = exchange
    with pytest.raises(SealBroken, match="it is not sealed"):
        machine.push(lab)
    assert looks and UPLOAD not in site.calls()


@pytest.mark.parametrize("known", [True, False])
def test_first_push_of_a_private_pod_to_what_is_not_sealed(site: Site, ann: User, known: bool) -> None:
    """A server may say that a new pod is there already, empty and not sealed, so as to be sent everything in the clear.
    Whoever wants that says so."""
    lab = ann.lab(files={"recipe.json": PRIVATE})
    ann.publish(Manifest(os.urandom(16), 1, (), "w", 1, MAIN, {}, ()))
    if known:
        ann.fetch(lab)
    error = _nothing_is_sent(site, lambda: ann.push(lab), SharingRefused, "not pushed to `fairos:pod`")
    assert "remote.origin.private false" in error.hint
    lab.pod.config.set("remote.origin.private", "false")
    ann.push(lab)
    assert ann.manifest(ann.reference()).refs == {MAIN: lab.head}


def test_pod_that_was_public_stays_so_only_if_that_is_said(site: Site, ann: User) -> None:
    lab = ann.lab()
    ann.push(lab)
    lab.commit({"recipe.json": PRIVATE})
    _nothing_is_sent(site, lambda: ann.push(lab), SharingRefused, "does not call the pod public any more")


# --- a server that exchanges what it keeps ----------------------------------------------------------------------------


@pytest.mark.usefixtures("small")
def test_sealed_packs_that_changed_places(ann: User, bob: User, noise: random.Random) -> None:
    lab = ann.lab(files={"recipe.json": PRIVATE, **{str(number): noise.randbytes(900) for number in range(20)}})
    ann.push(lab)
    full = share_pod(lab.pod, "origin", ann.networks(), private=True).reference
    reference, _, key = full.partition("#")
    contents = SealedContents(PodKey.parse(key))
    manifest = Manifest.decode(contents.open_manifest(ann.raw_manifest(reference), "here"))
    one, two = (contents.pack_name(pack.id) for pack in sorted(manifest.packs, key=lambda pack: pack.size)[-2:])
    stored = {name: ann.read(reference, f"/sovr/{name}") for name in (one, two)}
    for name, other in ((one, two), (two, one)):
        ann.put(name, stored[other])
    with pytest.raises(SealBroken, match="it was changed, cut off, or is another file than its name says"):
        bob.clone(full)
    # Put right, it arrives.
    for name, data in stored.items():
        ann.put(name, data)
    with bob.clone(full).pod as pod:
        assert Lab(pod).working() == lab.working()


def test_manifest_in_the_place_of_a_pack_and_the_other_way_round(secret: Secret, bob: User) -> None:
    (pack,) = secret.manifest.packs
    name = secret.contents.pack_name(pack.id)
    stored = secret.ann.read(secret.reference, f"/sovr/{name}")
    secret.ann.put(name, secret.sealed)
    with pytest.raises(SealBroken):
        bob.clone(secret.full)
    secret.ann.put("manifest", stored)
    with pytest.raises(SealBroken, match="the manifest of"):
        bob.clone(secret.full)


def test_sealed_manifest_that_goes_back(secret: Secret, bob: User) -> None:
    copy = Lab(bob.clone(secret.full).pod)
    secret.lab.commit({"a": b"2"})
    secret.ann.push(secret.lab)
    bob.fetch(copy, nobody=True)
    refs = copy.refs
    secret.ann.put("manifest", secret.sealed)
    with pytest.raises(RemoteDiverged, match="it is at generation 1, and 2 has been seen"):
        bob.fetch(copy, nobody=True)
    secret.lab.commit({"a": b"3"})
    with pytest.raises(RemoteDiverged):
        secret.ann.push(secret.lab)
    assert copy.refs == refs
    copy.pod.close()


def test_manifest_of_another_pod_of_the_owner(secret: Secret, bob: User) -> None:
    """Each has a key of its own."""
    other = secret.ann.lab("second", {"recipe.json": PRIVATE}, location="fairos:second")
    secret.ann.push(other)
    secret.ann.put("manifest", secret.ann.raw_manifest(secret.ann.reference("second")))
    with pytest.raises(KeyNeeded, match="is sealed with the key"):
        bob.clone(secret.full)
    secret.lab.commit({"a": b"2"})
    with pytest.raises(KeyNeeded):
        secret.ann.push(secret.lab)


def test_server_knows_no_word_of_it(site: Site, secret: Secret) -> None:
    """Not in files, and not in names."""
    (pack,) = secret.manifest.packs
    stored = b"".join(path.read_bytes() for path in site.folder.rglob("*") if path.is_file())
    for word in (b"secret sentence", b"recipe", secret.lab.head, bytes(pack.id), str(pack.id).encode(), b"lab", b"Ann"):
        assert bytes(word) not in stored
    with secret.ann.client() as fairos:
        assert fairos.listing("pod", "/") == (["sovr"], [])
        assert sorted(entry.name[:2] for entry in fairos.listing("pod", "/sovr").files) == ["ma", "s-"]
