"""Results of others are taken if they may be, and said to be theirs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from reuse_lab import Person

from sovrgit.objects.commit import Reuse
from sovrgit.objects.verdict import Finding
from sovrgit.reuse.judging import Keys


def test_a_result_of_somebody_who_is_trusted(ann: Person, bob: Person) -> None:
    bob.trusts(ann)
    result = bob.take()
    run, record = ann.latest()
    assert result.reused and result.id == run and result.run == record
    assert bob.read("output/out.txt") == "one"
    found = result.found
    assert found is not None and found.remote == "shared" and found.place == ann.remote("shared").location
    assert (found.signed.address, found.signed.name) == (ann.address, "Ann") and found.trusted == ann.address
    assert found.checks == () and found.others == 0 and bob.notices == ()
    assert result.committed is not None
    assert result.committed.commit.run == run
    assert result.committed.commit.reuse == Reuse("trusted", found.place, ann.address)
    # All of it is here: it can be shown, verified, and passed on.
    assert bob.verify(run).verdict.finding is Finding.IDENTICAL
    bob.publish("other")
    assert bob.remote("other").read_manifest() is not None
    # From now on it is known here.
    assert bob.take("own").reused and bob.decisions[0].known is not None


def test_nothing_is_asked_for_what_is_known_here(ann: Person, bob: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    bob.run()
    monkeypatch.setattr("sovrgit.reuse.finding.remote_places", None)
    assert bob.take("any").found is None


@pytest.mark.parametrize("rule", ["own", "trusted"])
def test_a_stranger_is_not_believed(ann: Person, bob: Person, rule: str) -> None:
    assert not bob.take(rule).reused
    told = [] if rule == "own" else [f"is signed by {ann.address}, a key without a name here"]
    assert len(bob.notices) == len(told) and all(text in bob.notices[0] for text in told)


def test_unless_that_is_wanted(ann: Person, bob: Person) -> None:
    result = bob.take("any")
    assert result.found is not None and not result.found.signed.counts and result.found.trusted == ""
    assert result.committed is not None and result.committed.commit.reuse == Reuse("any", result.found.place)


def test_somebody_who_is_trusted_stands_for_a_run_of_a_stranger(
    ann: Person, bob: Person, person: Callable[..., Person]
) -> None:
    carl = person("Carl")
    carl.key_of(9)
    carl.knows("shared")
    carl.fetch("shared")
    verdict = carl.verify(ann.latest()[0]).id
    carl.publish("carls")
    bob.knows("carls")
    bob.trusts(carl)
    result = bob.take()
    assert result.id == ann.latest()[0] and result.found is not None
    assert result.found.trusted == carl.address and result.found.signed.name == ""
    (check,) = result.found.checks
    assert check.id == verdict and check.signed.name == "Carl" and check.verdict.by == "Carl"
    # What it rests on came along.
    assert f"refs/verdicts/{verdict}" in bob.pod.refs.read().values
    bob.publish("other")


def test_ones_own_result_from_another_pod(ann: Person, bob: Person) -> None:
    bob.keys = Keys(find_own=lambda: ann.address)
    assert not bob.take("own").reused  # nobody was asked
    bob.pod.close()


def test_what_was_fetched_is_somebody_elses_before_it_is_merged(ann: Person, bob: Person) -> None:
    bob.fetch("shared")
    bob.keys = Keys(find_own=lambda: ann.address)
    result = bob.take("own")
    assert result.found is not None and result.found.signed.own and result.found.place == ""
    assert result.committed is not None and result.committed.commit.reuse == Reuse("own", "", ann.address)


def test_and_is_taken_by_rule_as_well(ann: Person, bob: Person) -> None:
    bob.fetch("shared")
    assert not bob.take("own").reused
    bob.write("payload/in.txt", "one\n")
    bob.trusts(ann)


def test_the_better_one_of_two(ann: Person, bob: Person, person: Callable[..., Person]) -> None:
    carl = person("Carl", "two")
    carl.key_of(9)
    carl.run()
    carl.publish("carls")
    dora = person("Dora", "two")
    dora.key_of(10)
    dora.knows("carls")
    dora.fetch("carls")
    dora.verify(carl.latest()[0])
    dora.publish("doras")
    bob.knows("carls")
    bob.knows("doras")
    bob.trusts(ann, carl, dora)
    result = bob.take()
    # Both are trusted, and this one is verified.
    assert result.id == carl.latest()[0] or result.run.repeats == carl.latest()[0]
    assert bob.read("output/out.txt") == "two"
    assert result.found is not None and result.found.others == 1
    assert any(text.startswith("results differ: 1 other run of the same inputs") for text in bob.notices)


def test_the_output_is_here_already(ann: Person, bob: Person) -> None:
    bob.trusts(ann)
    bob.write("output/out.txt", "one")
    bob.write("logs/run.log", "")
    bob.commit("By hand")
    result = bob.take()
    assert result.committed is None and result.found is not None
    assert f"refs/runs/{result.id}" in bob.pod.refs.read().values


def test_failed_runs_and_other_inputs_are_no_results(ann: Person, bob: Person) -> None:
    bob.trusts(ann)
    bob.write("payload/in.txt", "two\n")
    assert not bob.take().reused and bob.notices == ()


def test_force_asks_nobody(ann: Person, bob: Person) -> None:
    bob.trusts(ann)
    assert not bob.take(force=True).reused
