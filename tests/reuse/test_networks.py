"""Results at FairOS remotes, and in pods that registries list. A real stand-in, over real sockets."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from reuse_lab import Person

sys.path.append(str(Path(__file__).parents[1] / "remotes" / "firstcli"))

from firstcli_lab import no_pause, nobody, put, user

from sovrgit.actions import push_pod
from sovrgit.credentials.filestore import FileStore
from sovrgit.credentials.stores import Secrets
from sovrgit.devnet.fairos import StandIn
from sovrgit.registry.added import Added, add
from sovrgit.registry.form import FILE, MOST, POD
from sovrgit.registry.own import rebuild, share
from sovrgit.remotes.fairos.client import FairOS
from sovrgit.remotes.fairos.reference import SharingReference
from sovrgit.remotes.locations import add_remote
from sovrgit.remotes.networks import Networks
from sovrgit.reuse.finding import finder
from sovrgit.reuse.taking import Limits
from sovrgit.runs.reused import Wanted
from sovrgit.sharing import known_reference

RECIPE = {"name": "lab", "public": True, "golem": {"exec": "sh script/run.sh"}}


@pytest.fixture
def standin(tmp_path: Path) -> Iterator[StandIn]:
    with StandIn(tmp_path / "fairos") as made:
        yield made


@pytest.fixture
def reza(standin: StandIn) -> Iterator[FairOS]:
    with user(standin) as made:
        yield made


def networks(standin: StandIn, folder: Path, *, account: bool) -> Networks:
    return Networks(
        (lambda _: user(standin, "11" * 32)) if account else (lambda _: nobody(standin)),
        Secrets([FileStore(folder.with_name(f"credentials of {folder.name}"))]),
    )


@pytest.fixture
def ann(person: Callable[..., Person], standin: StandIn) -> Person:
    """Has pushed a public pod with a result to FairOS, and listed it in her registry."""
    made = person("Ann")
    made.write("recipe.json", json.dumps(RECIPE))
    made.key_of(7)
    made.run()
    made.networks = networks(standin, made.root, account=True)
    add_remote(made.pod, "origin", "fairos:lab", made.folder)
    push_pod(made.pod, "origin", time_ns=1, networks=made.networks)
    return made


@pytest.fixture
def bob(person: Callable[..., Person], ann: Person, standin: StandIn) -> Person:
    """Has no account."""
    made = person("Bob")
    made.write("recipe.json", json.dumps(RECIPE))
    made.networks = networks(standin, made.root, account=False)
    made.trusts(ann)
    return made


def reference(ann: Person) -> str:
    found = known_reference(ann.pod, "origin")
    assert found is not None
    return found


def registry(ann: Person, bob: Person, standin: StandIn) -> None:
    """Let Bob know Ann's registry."""
    assert ann.networks is not None and bob.networks is not None
    with ann.networks.connect(None) as fairos:
        rebuild(fairos, pause=no_pause)
        add(bob.networks.secrets, Added("anns", standin.url, share(fairos, no_pause)))


def test_at_a_remote(ann: Person, bob: Person) -> None:
    shared = SharingReference.parse(reference(ann))
    add_remote(bob.pod, "theirs", shared.reveal(), bob.folder, bob.networks)
    result = bob.take()
    assert result.found is not None and result.found.remote == "theirs"
    assert result.found.place == f"fairos:ref-{shared.fingerprint}"
    # What leads to the pod is in no commit.
    assert result.committed is not None
    assert shared.reveal().encode() not in result.committed.commit.encode()
    bob.write("payload/in.txt", "two\n")
    assert not bob.take().reused and bob.notices == ()


def test_in_a_registry_of_somebody(ann: Person, bob: Person, standin: StandIn) -> None:
    registry(ann, bob, standin)
    result = bob.take()
    assert result.found is not None and result.found.remote == "lab in registry anns"
    assert bob.read("output/out.txt") == "one" and bob.notices == ()


def test_under_the_name_of_the_task_that_it_is_a_part_of(ann: Person, bob: Person, standin: StandIn) -> None:
    registry(ann, bob, standin)
    bob.run()
    find = finder("any", bob.keys, bob.networks, once=True)
    wanted = Wanted(ann.latest()[1].key, ("output",), "log", "part")
    assert find(bob.pod, wanted).found is None
    found = find(bob.pod, wanted._replace(also=("lab",))).found
    assert found is not None and found.run == ann.latest()[1]


def test_in_ones_own_registry(ann: Person, bob: Person, standin: StandIn) -> None:
    registry(ann, bob, standin)
    bob.networks = ann.networks
    assert bob.take().found is not None
    found = bob.decisions[0].found
    assert found is not None and found.remote in ("lab in your registry", "lab in registry anns")


def test_a_registry_that_cannot_be_read(ann: Person, bob: Person, standin: StandIn) -> None:
    assert bob.networks is not None
    add(bob.networks.secrets, Added("gone", standin.url, SharingReference.parse("ab" * 32)))
    add(bob.networks.secrets, Added("nowhere", "http://127.0.0.1:1", SharingReference.parse("cd" * 32)))
    assert not bob.take().reused
    assert sorted(notice.partition(":")[0] for notice in bob.notices) == ["registry gone", "registry nowhere"]


def test_a_list_of_registries_that_is_none(ann: Person, bob: Person) -> None:
    assert bob.networks is not None
    bob.networks.secrets.keep("registries", "all", "nonsense")
    assert not bob.take().reused and "cannot be understood" in bob.notices[0]


@pytest.mark.parametrize("count", [MOST, 2 * MOST])
def test_a_registry_with_very_many_pods(ann: Person, bob: Person, standin: StandIn, count: int) -> None:
    """All of them are called as the pod is; most lead nowhere, and the good one is said to be the newest."""
    assert ann.networks is not None and bob.networks is not None
    good = reference(ann)
    with ann.networks.connect(None) as fairos:
        fairos.make_pod(POD)
        rows = {f"{number:x}": {"name": "lab"} for number in range(count - 100)}
        rows |= {
            f"{number:x} lab": {"name": "lab", "sovr": {"reference": f"{number:064x}", "time": number}}  # type: ignore[dict-item]
            for number in range(1, 100)
        }
        rows["lab"] = {"name": "lab", "sovr": {"reference": good, "time": 10**18}}  # type: ignore[dict-item]
        put(fairos, POD, FILE, json.dumps(rows).encode())
        add(bob.networks.secrets, Added("hostile", standin.url, share(fairos, no_pause)))
    result = bob.take(limits=Limits(patience=30))
    if count > MOST:
        assert not result.reused
        assert bob.notices == (f"registry hostile: the registry `hostile` has more than {MOST} pods",)
        return
    assert result.reused
    assert "registry hostile: it lists 84 more pods of this name, which were not asked" in bob.notices


def test_a_server_that_does_not_answer(ann: Person, bob: Person, standin: StandIn) -> None:
    add_remote(bob.pod, "theirs", reference(ann), bob.folder, bob.networks)
    standin.close()
    assert not bob.take(limits=Limits(patience=5)).reused
    (notice,) = bob.notices
    assert notice.startswith("theirs: ")
