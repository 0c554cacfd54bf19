"""Payload of pods on FairOS servers: public and private ones of ours, and what the first Sovr CLI has stored there."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from payload_lab import Taker, recipe_of, zipped

sys.path += [str(Path(__file__).parents[1] / "remotes"), str(Path(__file__).parents[1] / "remotes" / "fairos")]

from firstcli_lab import put, store_first
from remote_lab import Site, User

from sovrgit.errors import KeyNeeded, PathNotFound, PayloadUnavailable, PodUnrecognised, RemoteDamaged, SovrError
from sovrgit.remotes.fairos.contents import Contents
from sovrgit.remotes.fairos.place import parse_place
from sovrgit.remotes.fairos.shared import FOLDER
from sovrgit.remotes.locations import add_remote
from sovrgit.sharing import share_pod

FILES = {"output/model.bin": b"model\n", "images.zip": zipped({"images/one.txt": "im1\n"}), "big": b"x" * 1000}
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
    return User(site.url, tmp_path / "bob")


@pytest.fixture
def taker(bob: User, tmp_path: Path) -> Iterator[Taker]:
    """Bob's pod; he reads without a login."""
    made = Taker.make(tmp_path / "taker", bob.networks(nobody=True))
    yield made
    made.pod.close()


def _texts(taker: Taker) -> str:
    """What is written into the lock and is shown."""
    return taker.lab.read("recipe.lock") + repr(taker.states()) + repr(taker.told)


def test_a_shared_pod(taker: Taker, ann: User) -> None:
    lab = ann.lab(files=FILES)
    ann.push(lab)
    reference = ann.reference()
    taker.wants((reference, "/output/model.bin"), (reference, "/images.zip"))
    result = taker.run()
    assert taker.given == {"model.bin": "model", "images/one.txt": "im1"}
    label = parse_place(reference).location
    assert {item.reference for item in result.run.external} == {label}
    assert taker.standings == ["same", "same"]
    # Whoever has a reference can read the pod: it is in the recipe, and nowhere else.
    assert reference not in _texts(taker) + repr(result)
    lab.commit({"output/model.bin": b"better\n"})
    ann.push(lab)
    assert taker.standings == ["moved", "newer"]
    assert taker.run().reused
    # All is here, so that no network is asked.
    assert taker.run(force=True).run.succeeded and taker.moved == []
    taker.forget()
    assert taker.run(force=True).run.succeeded
    assert [(state.path, state.standing) for state in taker.moved] == [("output/model.bin", "moved")]
    taker.forget()
    assert taker.again(result.id).run.output == result.run.output
    taker.update(reference)
    taker.run()
    assert taker.given["model.bin"] == "better"


def test_packs_in_which_nothing_is_named_stay_there(taker: Taker, ann: User, site: Site) -> None:
    """A FairOS server gives no parts of files, so that packs come as a whole, but no others."""
    lab = ann.lab(files={"model.bin": os.urandom(50_000).hex().encode()})
    ann.push(lab)
    lab.commit({"big.bin": os.urandom(3 << 20)})
    ann.push(lab)
    taker.wants((ann.reference(), "model.bin"))
    taker.lab.script("wc -c < payload/external/model.bin > output/list")

    def sent() -> int:
        counted = sum(count.sent for count in site.server.counts.all().values())
        site.server.counts.clear()
        return counted

    sent()
    taker.update()
    # Looking needs no content, ...
    assert 0 < sent() < 30_000
    assert taker.run().run.succeeded
    # ... and a run what is named.
    assert 50_000 < sent() < 200_000


def test_a_private_pod(taker: Taker, ann: User, bob: User) -> None:
    lab = ann.lab(files={**FILES, "recipe.json": PRIVATE})
    ann.push(lab)
    full = share_pod(lab.pod, "origin", ann.networks(), private=True).reference
    reference, _, key = full.partition("#")
    taker.wants((reference, "output/model.bin"))
    with pytest.raises(KeyNeeded):
        taker.run()
    taker.wants()
    taker.add(full, "output/model.bin")
    assert recipe_of(taker.lab)["golem"]["payload"] == [{"ref": reference, "data": "output/model.bin"}]
    result = taker.run()
    assert taker.given == {"model.bin": "model"}
    written = _texts(taker) + repr(result) + taker.lab.read("recipe.json")
    assert key not in written
    assert taker.again(result.id).run.output == result.run.output


def test_a_recipe_that_carries_a_key(taker: Taker, ann: User) -> None:
    """Somebody has chosen to give it to everybody who has the recipe. It gets no further than that."""
    lab = ann.lab(files={**FILES, "recipe.json": PRIVATE})
    ann.push(lab)
    full = share_pod(lab.pod, "origin", ann.networks(), private=True).reference
    taker.wants((full, "output/model.bin"))
    result = taker.run()
    assert taker.given == {"model.bin": "model"}
    assert full.partition("#")[2] not in _texts(taker) + repr(result)
    taker.forget()
    assert taker.again(result.id).run.output == result.run.output


def test_a_pod_of_ones_own_by_its_name(tmp_path: Path, ann: User) -> None:
    lab = ann.lab(files=FILES)
    ann.push(lab)
    taker = Taker.make(tmp_path / "taker", ann.networks())
    with taker.pod:
        first = lab.pod.head()
        assert first is not None
        lab.commit({"output/model.bin": b"better\n"})
        ann.push(lab)
        taker.wants((f"pod@{first.short}", "output/model.bin"), ("fairos:pod", "big"))
        taker.lab.script("cat payload/external/model.bin > output/list")
        result = taker.run()
        assert taker.lab.read("output/list") == "model\n"
        assert {item.reference for item in result.run.external} == {"fairos:pod"}
        assert [entry.reference for entry in taker.lock.payload] == ["fairos:pod", f"pod@{first.short}"]


def test_a_name_that_nobody_has(taker: Taker) -> None:
    taker.wants(("nobody", "x"))
    with pytest.raises(PayloadUnavailable, match="neither a remote nor a folder"):
        taker.run()


def test_a_remote_on_a_network(taker: Taker, ann: User, bob: User) -> None:
    ann.push(ann.lab(files=FILES))
    add_remote(taker.pod, "shelf", ann.reference(), taker.pod.root, bob.networks(nobody=True))
    taker.wants(("shelf", "output/model.bin"))
    taker.run()
    assert taker.given == {"model.bin": "model"}


def test_a_server_that_cannot_be_reached(taker: Taker, ann: User, site: Site) -> None:
    ann.push(ann.lab(files=FILES))
    taker.wants((ann.reference(), "output/model.bin"))
    taker.run()
    site.close()
    (state,) = taker.states()
    assert (state.standing, state.here) == ("unreachable", True) and state.reason
    assert taker.run(force=True).run.succeeded
    taker.forget()
    with pytest.raises(SovrError):
        taker.run(force=True)


def test_a_server_that_gives_other_content(taker: Taker, ann: User) -> None:
    ann.push(ann.lab(files=FILES))
    reference = ann.reference()
    taker.wants((reference, "output/model.bin"))
    for pack in ann.manifest(reference).packs:
        name = Contents().pack_name(pack.id)
        data = bytearray(ann.read(reference, f"{FOLDER}/{name}"))
        data[-40] ^= 1
        ann.put(name, bytes(data))
    with pytest.raises((RemoteDamaged, PayloadUnavailable)):
        taker.run()
    assert not (taker.pod.root / "payload" / "external").exists() and taker.leftovers == []


# --- what the first Sovr CLI stored ---------------------------------------------------------------------------------


def test_a_file_beside_the_archive(taker: Taker, ann: User) -> None:
    """As that one took payload: a zip file at the pod's root, or in a folder of it."""
    with ann.client() as fairos:
        reference = store_first(fairos, "data").reveal()
        put(fairos, "data", "images.zip", zipped({"images/one.txt": "im1\n"}))
        fairos.make_folder("data", "/jake")
        put(fairos, "data", "plain.txt", b"plain\n", "/jake")
        taker.wants((reference, "/images.zip"), (reference, "/jake/plain.txt"))
        first = taker.run()
        assert taker.given == {"images/one.txt": "im1", "plain.txt": "plain"}
        assert taker.standings == ["unknown", "unknown"]
        # The same for everybody, so that what is locked can be had again.
        commits = {entry.path: entry.commit for entry in taker.lock.payload}
        taker.forget()
        assert taker.run(force=True).run.output == first.run.output
        assert {entry.path: entry.commit for entry in taker.lock.payload} == commits
        put(fairos, "data", "images.zip", zipped({"images/one.txt": "other\n"}))
        taker.forget()
        with pytest.raises(PayloadUnavailable, match="keeps no history"):
            taker.run(force=True)
        assert [change.state for change in taker.update().changes] == ["moved", "same"]
        taker.run()
        assert taker.given["images/one.txt"] == "other"


def test_what_is_in_the_archive_of_a_pod(taker: Taker, ann: User) -> None:
    with ann.client() as fairos:
        reference = store_first(fairos, "blender", {"recipe.json": b"{}", "payload/a.txt": b"a\n", "b.txt": b"b\n"})
    taker.wants((reference.reveal(), "payload"), (reference.reveal(), "/b.txt"))
    first = taker.run()
    assert taker.given == {"b.txt": "b", "payload/a.txt": "a"}
    assert len({entry.commit for entry in taker.lock.payload}) == 1
    assert taker.again(first.id).run.output == first.run.output


def test_the_whole_archive_of_an_output(taker: Taker, ann: User) -> None:
    with ann.client() as fairos:
        reference = store_first(fairos, "output-blender", {"result.txt": b"r\n"}, recipe=None)
    taker.wants((reference.reveal(), "/output-blender.zip"))
    taker.run()
    assert taker.given == {"result.txt": "r"}


def test_a_pod_that_is_no_pod(taker: Taker, ann: User) -> None:
    with ann.client() as fairos:
        fairos.make_pod("notes")
        put(fairos, "notes", "diary.txt", b"dear diary\n")
        reference = fairos.share_pod("notes").reveal()
    taker.wants((reference, "model.bin"))
    with pytest.raises(PayloadUnavailable, match="neither commits nor a recipe") as error:
        taker.run()
    assert reference not in error.value.message + error.value.hint
    assert not isinstance(error.value, PodUnrecognised)
    # A single file of it can be taken, as the first CLI did.
    taker.wants((reference, "diary.txt"))
    taker.run()
    assert taker.given == {"diary.txt": "dear diary"}


def test_a_path_that_the_archive_does_not_have(taker: Taker, ann: User) -> None:
    with ann.client() as fairos:
        reference = store_first(fairos, "blender").reveal()
    taker.wants((reference, "payload/nothing"))
    with pytest.raises(PathNotFound):
        taker.run()


def test_a_reference_that_leads_to_nothing(taker: Taker) -> None:
    taker.wants(("f" * 64, "x"))
    with pytest.raises(PayloadUnavailable) as error:
        taker.run()
    assert "f" * 64 not in error.value.message
