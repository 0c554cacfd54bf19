"""Telling what is in a pod, by its reference and by its name."""

from __future__ import annotations

import secrets

import pytest
from archive_lab import RECIPE, zipped_files
from firstcli_lab import no_pause, put, raw_put, recipe, store_first, store_ours, user

from sovrgit.devnet.fairos import Fault, Kind, StandIn
from sovrgit.errors import RemoteDamaged, RemoteUnavailable
from sovrgit.remotes.fairos.client import FairOS
from sovrgit.remotes.fairos.failures import Absent, FileAbsent, PodAbsent, ReferenceAbsent
from sovrgit.remotes.fairos.reference import SharingReference
from sovrgit.remotes.fairos.sealed import SealedContents
from sovrgit.remotes.firstcli.look import (
    RECIPE_LIMIT,
    FirstPod,
    OtherPod,
    PodLook,
    SealedPod,
    SovrPod,
    look,
    read_recipe,
)
from sovrgit.remotes.firstcli.reading import NamedPod, ReferredPod
from sovrgit.remotes.sealing.key import PodKey


def by_reference(fairos: FairOS, reference: SharingReference) -> PodLook:
    return look(ReferredPod(fairos, reference), no_pause)


def by_name(fairos: FairOS, name: str) -> PodLook:
    return look(NamedPod(fairos, name), no_pause)


def test_a_pod_of_the_first_cli(standin: StandIn, reza: FairOS, stranger: FairOS) -> None:
    reference = store_first(reza)
    found = FirstPod("blender", "pod", RECIPE)
    standin.counts.clear()
    assert by_reference(stranger, reference) == found
    assert found.archive == "/blender.zip"
    assert standin.counts.total().calls <= 5
    assert standin.counts.all().keys() == {"GET /public-file"}
    assert by_name(reza, "blender") == found


@pytest.mark.parametrize("name", ["a name with spaces", "ключ", "odd & more? #%2F"])
def test_names_that_only_the_first_cli_gives(reza: FairOS, stranger: FairOS, name: str) -> None:
    reference = store_first(reza, name, recipe=recipe(name))
    assert by_reference(stranger, reference) == by_name(reza, name) == FirstPod(name, "pod", recipe(name))


def test_a_pod_of_ours(standin: StandIn, reza: FairOS, stranger: FairOS) -> None:
    reference = store_ours(reza, "mine", {"name": "mine"}, recipe("mine"))
    standin.counts.clear()
    found = by_reference(stranger, reference)
    assert standin.counts.total().calls == 1
    assert isinstance(found, SovrPod) and found.manifest.recipe == {"name": "mine"}
    assert by_name(reza, "mine") == found
    assert read_recipe(ReferredPod(stranger, reference), no_pause) == recipe("mine")


def test_a_pod_that_both_have_stored_is_ours(reza: FairOS, stranger: FairOS) -> None:
    store_first(reza, "both", recipe=recipe("both"))
    reference = store_ours(reza, "both", {"name": "both"})
    assert isinstance(by_reference(stranger, reference), SovrPod)


def test_outputs_and_the_program(reza: FairOS, stranger: FairOS) -> None:
    output = store_first(reza, "output-blender", {"image.png": b"png"}, None)
    assert by_reference(stranger, output) == by_name(reza, "output-blender") == FirstPod("output-blender", "output")
    program = store_first(reza, "Sovr", {"cli.py": b""}, None)
    assert by_reference(stranger, program) == by_name(reza, "Sovr") == FirstPod("Sovr", "program")
    # An archive of such a name in a pod of another one.
    store_first(reza, "holiday", {}, None)
    reza.make_pod("other")
    raw_put(reza, "other", "output-blender.zip", zipped_files({}))
    assert isinstance(by_name(reza, "other"), OtherPod)
    assert isinstance(by_name(reza, "holiday"), OtherPod)


def test_neither(reza: FairOS, stranger: FairOS) -> None:
    reza.make_pod("empty")
    assert by_reference(stranger, reza.share_pod("empty")) == OtherPod("it has neither commits nor a recipe")
    assert by_name(reza, "empty").error("fairos:empty").exit_code == 86  # type: ignore[union-attr]
    put(reza, "empty", "recipe.json", recipe("empty"))
    assert by_name(reza, "empty") == OtherPod("it has a recipe, but neither commits nor an archive")
    reza.make_pod("begun")
    reza.make_folder("begun", "/sovr")
    assert by_name(reza, "begun") == OtherPod("a first push to it was not finished")


def test_nothing_there(reza: FairOS, stranger: FairOS) -> None:
    with pytest.raises(ReferenceAbsent):
        by_reference(stranger, SharingReference.parse(secrets.token_hex(32)))
    with pytest.raises(PodAbsent):
        by_name(reza, "nothing")


def test_a_recipe_that_is_broken(reza: FairOS, stranger: FairOS) -> None:
    reference = store_first(reza, "p", recipe=b'{"name": "p", ')
    assert by_reference(stranger, reference) == FirstPod("p", "pod", b'{"name": "p", ')
    put(reza, "p", "recipe.json", recipe("another name"))
    assert by_reference(stranger, reference) == FirstPod("p", "pod", recipe("another name"))
    put(reza, "p", "recipe.json", recipe("../p"))
    assert isinstance(by_reference(stranger, reference), FirstPod)
    put(reza, "p", "recipe.json", b"[" * 100_000)
    assert isinstance(by_reference(stranger, reference), FirstPod)
    put(reza, "p", "recipe.json", bytes(RECIPE_LIMIT + 1))
    found = by_reference(stranger, reference)
    assert isinstance(found, FirstPod) and found.recipe is None and "bytes" in found.trouble
    # Nobody knows which is meant.
    raw_put(reza, "p", "q.zip", b"")
    assert isinstance(by_reference(stranger, reference), OtherPod)


def test_an_archive_that_no_listing_names(standin: StandIn, reza: FairOS, stranger: FairOS) -> None:
    signature = secrets.token_hex(32)
    with user(standin, signature) as one, user(standin, signature) as two:
        one.make_pod("blender")
        two.listing("blender", "/")
        raw_put(one, "blender", "blender.zip", zipped_files({}))
        # A session that knew the empty folder writes its list back.
        put(two, "blender", "recipe.json", RECIPE)
        reference = two.share_pod("blender")
    assert by_reference(stranger, reference) == FirstPod("blender", "pod", RECIPE)


def test_a_manifest_that_is_broken(reza: FairOS, stranger: FairOS) -> None:
    reference = store_ours(reza, "p", {})
    put(reza, "p", "manifest", b"not a manifest", "/sovr")
    with pytest.raises(RemoteDamaged, match="manifest"):
        by_reference(stranger, reference)


def test_a_private_pod(reza: FairOS, stranger: FairOS) -> None:
    key = PodKey.new()
    reference = store_ours(reza, "p", {"name": "p", "description": "Secret words"}, key=key)
    found = by_reference(stranger, reference)
    assert isinstance(found, SealedPod) and found.fingerprint == key.fingerprint
    assert b"Secret words" in SealedContents(key).open_manifest(found.manifest, "p")
    put(reza, "p", "manifest", found.manifest[:30], "/sovr")
    with pytest.raises(RemoteDamaged):
        by_reference(stranger, reference)


def test_what_is_listed_is_asked_for_again(standin: StandIn, reza: FairOS, stranger: FairOS) -> None:
    reference = store_ours(reza, "p", {"name": "p"})
    standin.faults.add(Fault(Kind.MISSING, call="/public-file", file="/sovr/manifest", times=3))
    assert isinstance(by_reference(stranger, reference), SovrPod)
    standin.faults.add(Fault(Kind.MISSING, call="/public-file", file="/sovr/manifest", times=100))
    with pytest.raises(FileAbsent):
        by_reference(stranger, reference)


def test_a_server_that_recovers(standin: StandIn, reza: FairOS, stranger: FairOS) -> None:
    reference = store_first(reza)
    standin.faults.add(Fault(Kind.SHORT_BODY, call="/public-file", times=2, amount=5))
    assert by_reference(stranger, reference) == FirstPod("blender", "pod", RECIPE)


def test_a_server_that_is_gone(standin: StandIn, reza: FairOS, stranger: FairOS) -> None:
    reference = store_first(reza)
    standin.close()
    with pytest.raises(RemoteUnavailable) as caught:
        by_reference(stranger, reference)
    assert not isinstance(caught.value, Absent) and reference.reveal() not in repr(caught.value)
