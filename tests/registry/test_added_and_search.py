"""Registries of others: kept as secrets are, read as what strangers wrote, and searched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from firstcli_lab import no_pause, put, store_first

from sovrgit.credentials.filestore import FileStore
from sovrgit.credentials.stores import Secrets
from sovrgit.errors import RegistryInvalid
from sovrgit.registry.added import Added, add, added, free_name, read_added, remove
from sovrgit.registry.form import Listed
from sovrgit.registry.own import rebuild
from sovrgit.registry.search import Source, search
from sovrgit.registry.summary import Summary
from sovrgit.remotes.fairos.client import FairOS
from sovrgit.remotes.fairos.failures import ReferenceAbsent
from sovrgit.remotes.fairos.reference import SharingReference

SERVER = "http://localhost:9090"
ONE, TWO = (SharingReference.parse(digits * 32) for digits in ("ab", "cd"))


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    return Secrets([FileStore(tmp_path / "credentials")])


def test_remembering(secrets: Secrets, tmp_path: Path) -> None:
    assert added(secrets) == [] and free_name([]) == "registry-1"
    assert add(secrets, Added("theirs", SERVER, ONE)) == str(tmp_path / "credentials")
    add(secrets, Added("registry-1", SERVER, TWO))
    known = added(secrets)
    assert known == [Added("registry-1", SERVER, TWO), Added("theirs", SERVER, ONE)]
    assert free_name(known) == "registry-2" and ONE.reveal() not in repr(known)
    assert (tmp_path / "credentials").stat().st_mode & 0o777 == 0o600
    assert remove(secrets, "theirs").reference == ONE
    assert remove(secrets, "registry-1").reference == TWO
    assert added(secrets) == [] and ONE.reveal() not in (tmp_path / "credentials").read_text()


def test_what_cannot_be_remembered(secrets: Secrets) -> None:
    add(secrets, Added("theirs", SERVER, ONE))
    for wrong in (
        Added("theirs", SERVER, TWO),
        Added("again", SERVER, ONE),
        *(Added(name, SERVER, TWO) for name in ("", "a b", "../x", "-x", "x" * 65, "a\n")),
    ):
        with pytest.raises(RegistryInvalid) as caught:
            add(secrets, wrong)
        assert ONE.reveal() not in repr(caught.value) + caught.value.message + caught.value.hint
    with pytest.raises(RegistryInvalid, match="not known here"):
        remove(secrets, "nothing")
    assert added(secrets) == [Added("theirs", SERVER, ONE)]


@pytest.mark.parametrize("text", ["", "{}", "[1]", '[["a", "b"]]', '[["a", "b", "no reference"]]', "[" * 100_000])
def test_what_was_kept_by_somebody_else(secrets: Secrets, text: str) -> None:
    secrets.keep("registries", "all", text)
    if text == "{}":
        assert added(secrets) == []
        return
    with pytest.raises(RegistryInvalid, match="cannot be understood"):
        added(secrets)


def test_reading_one(reza: FairOS, stranger: FairOS) -> None:
    reference = store_first(reza)
    rebuild(reza, pause=no_pause)
    theirs = Added("theirs", SERVER, reza.share_pod("ComputePodRegistry"))
    (listed,) = read_added(stranger, theirs, no_pause)
    assert (listed.pod, listed.summary.author, listed.reference) == ("blender", "reza", reference)
    reza.make_pod("SharedPods")
    rows = {"blender": [{"recipe": {"name": "blender"}, "sharing_reference": reference.reveal()}]}
    put(reza, "SharedPods", "SharedPods.json", json.dumps(rows).encode())
    (listed,) = read_added(stranger, theirs._replace(reference=reza.share_pod("SharedPods")), no_pause)
    assert listed.reference == reference
    with pytest.raises(RegistryInvalid, match="holds neither"):
        read_added(stranger, theirs._replace(reference=reference), no_pause)
    with pytest.raises(ReferenceAbsent):
        read_added(stranger, theirs._replace(reference=ONE), no_pause)
    put(reza, "ComputePodRegistry", "Registry.json", b"[]")
    with pytest.raises(RegistryInvalid, match="`theirs` is not one"):
        read_added(stranger, theirs, no_pause)


def pod(name: str, **said: str) -> Listed:
    return Listed(name, Summary(name=name, **said))


def test_searching() -> None:
    theirs = Source("theirs", [pod("blender", description="Renders", kind="compute"), pod("Render"), pod("other")])
    own = Source("own", [pod("z", author="Reza", description="RENDER it"), pod("Groß", kind="task")])

    def found(*words: str) -> list[tuple[str, str]]:
        return [(hit.source, hit.pod.pod) for hit in search(words, [theirs, own])]

    assert found("render") == [("theirs", "Render"), ("theirs", "blender"), ("own", "z")]
    assert found("REZA", "render") == [("own", "z")]
    assert found("compute") == [("theirs", "blender")] and found("GROSS") == [("own", "Groß")]
    assert found("nothing") == []
    # Words do not match across fields.
    assert found("blenderRenders") == []
