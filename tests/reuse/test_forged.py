"""What strangers can make up: records, outputs, verdicts, tables. The pod is run then, and why is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from reuse_lab import Person, signed_by

from sovrgit.objects.run import Run
from sovrgit.objects.verdict import Finding
from sovrgit.reuse.judging import checks_of
from sovrgit.runs.inputs import claims_key
from sovrgit.signing.ethereum import SigningKey

MALLORY = SigningKey(bytes(31) + b"\x66")


@pytest.fixture
def mallory(person: Callable[..., Person]) -> Person:
    """Owns the remote `shared`, and lies."""
    made = person("Mallory")
    made.run()
    return made


def other_inputs(run: Run) -> Run:
    return replace(run, parameters={"alpha": "1"})


def other_command(run: Run) -> Run:
    return replace(run, command=("true",))


def other_executor(run: Run) -> Run:
    return replace(run, executor={**run.executor, "name": "golem"})


@pytest.mark.parametrize("change", [other_inputs, other_command, other_executor])
@pytest.mark.parametrize("rule", ["trusted", "any"])
def test_a_key_that_the_record_does_not_make(
    mallory: Person, bob: Person, change: Callable[[Run], Run], rule: str
) -> None:
    mallory.key_of(3)
    bob.trusts(mallory)
    run = mallory.withdraw()
    identity = mallory.record(change(run))
    mallory.publish("shared")
    assert not bob.take(rule).reused and bob.read("output/out.txt") == "one"
    assert any("does not make the run key" in text and identity.short in text for text in bob.notices)


def test_an_image_of_which_the_hash_came_later(ann: Person) -> None:
    run = ann.latest()[1]
    assert claims_key(run, run.key)
    # The key was made when the image was not known.
    assert claims_key(replace(run, golem={"image": {"hash": "ab" * 28}}), run.key)
    assert not claims_key(replace(run, golem={"image": {"hash": 7}}, recipe=run.input), run.key)


def test_a_signature_that_was_taken_from_another_record(ann: Person, bob: Person) -> None:
    bob.trusts(ann)
    said = ann.output({"output/out.txt": b"lie"})
    identity = ann.forge(lambda run: replace(run, output=said, started=run.started + 1), signed=False)
    ann.publish("shared")
    result = bob.take()
    # The honest one is there, too.
    assert result.reused and bob.read("output/out.txt") == "one"
    assert any(identity.short in text and "its signature is forged" in text for text in bob.notices)


def test_signed_anew_by_a_key_that_nobody_knows(mallory: Person, bob: Person, ann: Person) -> None:
    bob.trusts(ann)
    ann.record(signed_by(MALLORY, replace(ann.latest()[1], started=9 * 10**18)), signed=False)
    said = ann.output({"output/out.txt": b"lie"})
    ann.record(signed_by(MALLORY, replace(ann.latest()[1], output=said)), signed=False)
    ann.publish("shared")
    assert bob.take().reused and bob.read("output/out.txt") == "one"
    assert sum(f"it is signed by {MALLORY.address}" in text for text in bob.notices) == 2


@pytest.mark.parametrize(
    "files",
    [
        {"script/run.sh": b"evil"},
        {"recipe.json": b"{}"},
        {"output/out.txt": b"one", "script/run.sh": b"evil"},
        {"outputs/out.txt": b"one"},
        {"output": b"a file"},
    ],
    ids=["scripts", "the recipe", "scripts besides", "a folder like it", "a file in its place"],
)
def test_an_output_that_is_none(ann: Person, bob: Person, files: dict[str, bytes]) -> None:
    bob.trusts(ann)
    said = ann.output(files)
    ann.forge(lambda run: replace(run, output=said, started=run.started + 1))
    ann.publish("shared")
    script = bob.read("script/run.sh")
    assert bob.take().reused and bob.read("script/run.sh") == script and bob.read("output/out.txt") == "one"
    assert any("its output lies outside of the folder" in text for text in bob.notices)


@pytest.mark.parametrize("rule", ["own", "trusted"])
def test_a_forged_record_that_was_fetched(mallory: Person, bob: Person, rule: str) -> None:
    said = mallory.output({"output/out.txt": b"lie"})
    mallory.forge(lambda run: replace(run, output=said, started=run.started + 1))
    mallory.publish("shared")
    bob.fetch("shared")
    assert not bob.take(rule).reused and bob.read("output/out.txt") == "one"


def test_a_repetition_of_a_run_of_other_inputs(ann: Person, bob: Person) -> None:
    bob.trusts(ann)
    honest = ann.latest()[1]
    ann.write("payload/in.txt", "two\n")
    original = ann.run().id
    ann.withdraw()
    ann.withdraw()
    ann.record(replace(honest, repeats=original))
    ann.publish("other")
    bob.forgets("shared")
    bob.knows("other")
    assert not bob.take().reused
    assert any("it leads to a run with other inputs" in text for text in bob.notices)


# --- verdicts -------------------------------------------------------------------------------------------------------


def test_a_trusted_verdict_that_contradicts(ann: Person, bob: Person, person: Callable[..., Person]) -> None:
    carl = person("Carl", "two")
    carl.key_of(9)
    carl.knows("shared")
    carl.fetch("shared")
    assert carl.verify(ann.latest()[0]).verdict.finding is Finding.DIFFERS
    carl.publish("carls")
    bob.knows("carls")
    bob.trusts(ann, carl)
    result = bob.take()
    # Carl's own repetition is what is left.
    assert result.id != ann.latest()[0] and result.run.output != ann.latest()[1].output
    assert any("Carl repeated it, and something else came out" in text for text in bob.notices)


def test_a_contradiction_by_a_stranger_is_no_veto(ann: Person, bob: Person, mallory: Person) -> None:
    mallory.key_of(3)
    mallory.knows("shared")
    mallory.fetch("shared")
    mallory.say(Finding.DIFFERS, ann.latest()[0])
    mallory.publish("mallorys")
    bob.knows("mallorys")
    bob.trusts(ann)
    assert bob.take().id == ann.latest()[0]


def test_agreement_by_a_stranger_is_no_reason(ann: Person, bob: Person, mallory: Person) -> None:
    mallory.key_of(3)
    mallory.knows("shared")
    mallory.fetch("shared")
    mallory.say(Finding.IDENTICAL, ann.latest()[0])
    mallory.publish("mallorys")
    bob.knows("mallorys")
    assert not bob.take().reused


def test_a_forged_verdict_counts_for_nothing(ann: Person, bob: Person, person: Callable[..., Person]) -> None:
    carl = person("Carl")
    carl.key_of(9)
    carl.knows("shared")
    carl.fetch("shared")
    carl.run()
    run = ann.latest()[0]
    honest = carl.pod.store.verdict(carl.say(Finding.INCOMPARABLE, run))
    forged = replace(honest, finding=Finding.IDENTICAL)
    bob.trusts(carl)
    assert checks_of(bob.keys, run, [(forged.id(), forged)]) == ()
    carl.say(Finding.IDENTICAL, run, change=lambda verdict: replace(verdict, files=7))
    carl.publish("carls", runs=False)
    bob.knows("carls")
    result = bob.take()
    assert result.id != run


def test_a_verdict_on_another_run_says_nothing(ann: Person) -> None:
    run, _ = ann.latest()
    verdict = ann.pod.store.verdict(ann.say(Finding.IDENTICAL, run))
    assert checks_of(ann.keys, verdict.id(), [(verdict.id(), verdict)]) == ()
