"""Records travel: what is pushed is found by others, from whatever kind of place, and into whatever kind of pod."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from reuse_lab import Person

from sovrgit.bundling import bundle_pod
from sovrgit.lineage.index import LineageIndex
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.verdict import Finding
from sovrgit.pod.pod import Pod
from sovrgit.remotes.clone import clone
from sovrgit.remotes.locations import add_remote, open_location
from sovrgit.remotes.selection import Selection
from sovrgit.remotes.supply import Supply


def records(pod: Pod) -> tuple[set[ObjectId], int]:
    """The runs that are known in a pod, and the number of verdicts."""
    with LineageIndex(pod) as index:
        runs = {known.id for known in index.runs()}
        return runs, sum(len(index.verdicts_on(run)) for run in runs)


@pytest.fixture
def ann(ann: Person) -> Person:
    """Has also a failed run, a repetition, and a verdict."""
    run = ann.latest()[0]
    ann.verify(run)
    ann.script("exit 1")
    assert not ann.run().run.succeeded
    ann.script('printf "%s" "$SAYS" > output/out.txt')
    ann.publish("shared")
    return ann


def test_with_pushes_fetches_and_clones(ann: Person, bob: Person, tmp_path: Path) -> None:
    known = records(ann.pod)
    assert (len(known[0]), known[1]) == (3, 1)
    bob.fetch("shared")
    assert records(bob.pod) == known
    with clone(ann.remote("shared"), tmp_path / "clone", time_ns=0).pod as cloned:
        assert records(cloned) == known
    # What was fetched goes on to others, though Ann's branch does not.
    bob.publish("bobs")
    with clone(bob.remote("bobs"), tmp_path / "again", time_ns=0).pod as cloned:
        assert all(map(cloned.store.has, known[0]))
        assert any(name.startswith("refs/verdicts/") for name in cloned.refs.read().values)


def test_failed_runs_stay_here_if_nobody_says_otherwise(ann: Person, tmp_path: Path) -> None:
    ann.publish("other", runs=False)
    runs, verdicts = records(ann.pod)
    with clone(ann.remote("other"), tmp_path / "clone", time_ns=0).pod as cloned:
        known = records(cloned)
        assert known[1] == verdicts == 1 and len(runs - known[0]) == 2
        # The repetition has come with the verdict that rests on it.
        assert sum(map(cloned.store.has, runs)) == 2


@pytest.mark.parametrize("kind", ["folder", "pod", "bundle"])
def test_found_at_every_kind_of_place(ann: Person, bob: Person, kind: str) -> None:
    bob.forgets("shared")
    place = {"folder": ann.folder / "shared", "pod": ann.root, "bundle": ann.folder / "anns.bundle"}[kind]
    if kind == "bundle":
        bundle_pod(ann.pod, place, time_ns=0)
    add_remote(bob.pod, "anns", str(place), bob.folder)
    bob.trusts(ann)
    result = bob.take()
    assert result.found is not None and bob.notices == ()
    assert [check.verdict.finding for check in result.found.checks] == [Finding.IDENTICAL]


def test_into_a_pod_that_is_partial(person: Callable[..., Person], tmp_path: Path) -> None:
    """Its payload is left at one remote, and the result comes from another one."""
    ann = person("Ann")
    ann.key_of(7)
    ann.write("payload/in.txt", random.Random(1).randbytes(30_000).hex())
    ann.commit("Large")
    ann.publish("origin")
    cloned = clone(ann.remote("origin"), tmp_path / "partial", time_ns=0, selection=Selection(payload=False)).pod
    ann.run()
    ann.publish("results")
    with cloned:
        cloned.supply = Supply(cloned)
        bob = Person(cloned, name="Bob", folder=ann.folder)
        bob.knows("results")
        bob.trusts(ann)
        result = bob.take()
        assert result.reused and bob.read("output/out.txt") == "one" and bob.notices == ()
        assert not (bob.root / "payload" / "in.txt").exists()


def test_large_outputs(person: Callable[..., Person]) -> None:
    """Chunked ones, many, and in folders."""
    script = (
        "for n in 1 2 3; do mkdir -p output/$n/deep; head -c 3000000 /dev/zero | tr '\\0' $n > output/$n/deep/large; "
        "echo $n > output/$n/small; done; ln -s 1 output/link"
    )
    ann, bob = person("Ann"), person("Bob")
    for one in (ann, bob):
        one.script(script)
    ann.run()
    ann.publish("shared")
    bob.knows("shared")
    assert bob.take("any").reused and bob.notices == ()
    assert (bob.root / "output/2/deep/large").read_bytes() == b"2" * 3_000_000
    assert (bob.root / "output/link").is_symlink()
    bob.publish("other")


def test_a_run_without_output(person: Callable[..., Person]) -> None:
    ann, bob = person("Ann"), person("Bob")
    for one in (ann, bob):
        one.script("true")
    ann.run(allow_empty=True)
    ann.publish("shared")
    bob.knows("shared")
    result = bob.take("any")
    assert result.reused and result.run.output is None


def test_a_location_that_nobody_understands(ann: Person, bob: Person) -> None:
    bob.pod.config.set("remote.odd.url", "gopher:odd")
    bob.trusts(ann)
    assert bob.take().reused
    (notice,) = bob.notices
    assert notice.startswith("odd: ")
    assert open_location(str(ann.folder / "shared"), ann.folder).read_manifest() is not None
