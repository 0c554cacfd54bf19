"""Whose results a task takes: records that came from somebody else, forged ones, and those that are looked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from task_lab import ENVIRONMENT, GATHER, TaskLab, reasons, write_pod

import sovrgit
from sovrgit.actions import fetch_pod, push_pod
from sovrgit.lineage.index import LineageIndex
from sovrgit.objects.commit import Commit, Reuse, Stamp
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.run import Run
from sovrgit.objects.tree import EntryKind, Tree, TreeEntry
from sovrgit.pod.check import check_pod
from sovrgit.pod.commits import CommitRequest, commit
from sovrgit.pod.gc import GcRequest, collect
from sovrgit.pod.merge import MergeRequest, merge
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import RUNS, RefChange
from sovrgit.pod.switch import move_to
from sovrgit.remotes.locations import add_remote
from sovrgit.reuse.finding import finder
from sovrgit.reuse.judging import Keys
from sovrgit.runs.executor import Cancel
from sovrgit.runs.known import Ownership
from sovrgit.runs.local import LocalExecutor
from sovrgit.runs.record import RunRequest
from sovrgit.runs.run import run_pod
from sovrgit.signing.ethereum import SigningKey
from sovrgit.signing.keeping import signer_of
from sovrgit.store.store import ObjectStore
from sovrgit.tasks.finding import Reusing
from sovrgit.tasks.record import TaskResult

ANN = SigningKey(bytes(31) + b"\x07")


@dataclass
class Person(TaskLab):
    """Somebody with a task. What its first pod puts out is what they say: the environment is no part of the key."""

    name: str = ""
    says: str = "one"

    def who(self) -> Stamp:
        return super().who()._replace(name=self.name)

    def request(self, **changes: Any) -> Any:
        return replace(super().request(environment=({**ENVIRONMENT, "SAYS": self.says}, {})), **changes)

    def make(self, *more: str) -> None:
        first = self.own_pod("first", 'printf "%s" "$SAYS" > output/n.txt')
        self.task(first, self.own_pod("second", GATHER), *more)
        self.commit("First version")

    def publish(self) -> None:
        if "shared" not in self.pod.config.subsections("remote"):
            self.knows("shared")
        push_pod(self.pod, "shared", time_ns=self.now(), with_runs=True)

    def knows(self, name: str) -> None:
        add_remote(self.pod, name, str(self.root.parent / name), self.root)

    def fetch(self) -> None:
        fetch_pod(self.pod, "shared", time_ns=self.now())

    def record(self, run: Run, command: str = "test") -> ObjectId:
        """Put a record under its ref. As `run` it is one that was made here."""
        with self.pod.store.session() as session:
            identity = session.add(Kind.RUN, run.encode())
            session.commit()
        self.pod.refs.update([RefChange(f"{RUNS}{identity}", None, identity)], command=command, time_ns=0)
        return identity

    def output(self, *path: str, text: bytes = b"lie") -> ObjectId:
        """The tree of an output of one file."""
        with self.pod.store.session() as session:
            entry = TreeEntry(path[-1].encode(), EntryKind.FILE, session.add(Kind.BLOB, text), len(text))
            for folder in (*reversed(path[:-1]), ""):
                tree = Tree.of([entry])
                made = session.add(Kind.TREE, tree.encode())
                entry = TreeEntry(folder.encode(), EntryKind.DIRECTORY, made, tree.size)
            session.commit()
        return made

    def step(self, name: str) -> Run:
        """The run of a pod in the latest record of the task."""
        with LineageIndex(self.pod) as index:
            return self.members(next(known.run for known in index.runs() if known.run.pods))[name]

    def to_run(self, **changes: Any) -> list[str]:
        return [planned.step.name for planned in self.look(**changes).to_run]


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Callable[[str], Person]]:
    """Makes people."""
    people: list[Person] = []

    def make(name: str) -> Person:
        people.append(Person(Pod.create(tmp_path / name.lower()), name=name))
        people[-1].make()
        return people[-1]

    yield make
    for made in people:
        made.pod.close()


@pytest.fixture
def ann(person: Callable[[str], Person]) -> Person:
    """Has run the task, and signs."""
    made = person("Ann")
    made.pod.find_signer = lambda: signer_of(ANN)
    made.says = "hers"
    made.run()
    return made


@pytest.fixture
def bob(person: Callable[[str], Person]) -> Person:
    """Has never run it."""
    made = person("Bob")
    made.says = "his"
    made.knows("shared")
    return made


def looks(rule: str, names: dict[str, str] | None = None) -> Reusing:
    return Reusing(rule, finder(rule, Keys(names or {}), once=True))


def trusting() -> Reusing:
    return looks("trusted", {ANN.address: "Ann of the lab"})


# --- what is known ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reusing", [None, looks("own")], ids=["nothing asked", "own"])
def test_what_was_only_fetched_is_somebody_elses(ann: Person, bob: Person, reusing: Reusing | None) -> None:
    ann.publish()
    bob.fetch()
    assert bob.to_run(reusing=reusing) == ["first", "second"]
    bob.run(reusing=reusing)
    assert bob.started() == ["first", "second"] and bob.files() == {"all.txt": "his"}


def test_whose_records_are_is_found_out_without_reading_the_history(
    ann: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan asks of every pod, and each may have records of somebody else."""
    for _ in range(10):
        bob.commit()
    ann.publish()
    bob.fetch()
    read: list[ObjectId] = []
    real = ObjectStore.commit
    with LineageIndex(bob.pod) as index:
        monkeypatch.setattr(ObjectStore, "commit", lambda store, item: read.append(item) or real(store, item))
        ownership = Ownership(bob.pod, index)
        theirs = [known.id for known in index.runs()]
        assert len(theirs) == 3 and not any(map(ownership.has, theirs)) and read == []


def test_a_forged_record_that_was_fetched(ann: Person, bob: Person) -> None:
    lie = ann.output("output", "n.txt")
    ann.record(replace(ann.step("first"), output=lie, started=9 * 10**18, by="Bob", signature=None))
    ann.publish()
    # His own are older than it says of itself.
    bob.run()
    bob.fetch()
    assert bob.run().reused and bob.files() == {"all.txt": "his"}
    bob.own_pod("second", f"{GATHER}; echo more >> output/all.txt")
    bob.run()
    assert bob.started() == ["second"] and bob.files() == {"all.txt": "hismore\n"}


def test_what_was_merged_is_known(ann: Person, bob: Person) -> None:
    ann.publish()
    bob.fetch()
    (theirs,) = (value for name, value in bob.pod.refs.read().values.items() if name.startswith("refs/remotes/"))
    merge(bob.pod, MergeRequest(theirs, "shared/main", bob.who(), unrelated=True), time_ns=bob.now())
    result = bob.run()
    assert result.reused and not bob.started() and bob.files() == {"all.txt": "hers"}


@pytest.mark.parametrize(
    "change",
    [
        lambda run, _: replace(run, parameters={"alpha": "1"}),
        lambda run, _: replace(run, command=("true",)),
        lambda run, elsewhere: replace(run, output=elsewhere),
    ],
    ids=["other parameters", "another command", "an output elsewhere"],
)
def test_a_record_that_is_no_result_of_the_step(bob: Person, change: Callable[[Run, ObjectId], Run]) -> None:
    """Even if it is as good as made here."""
    bob.run()
    honest = bob.step("first")
    forged = change(replace(honest, started=honest.started + 1), bob.output("pods", "evil"))
    bob.record(forged, "run")
    assert bob.to_run() == [] and bob.look().steps[0].known.run == honest  # type: ignore[union-attr]


def test_one_like_it_that_was_made_here_counts(bob: Person) -> None:
    """So that the test above is about what is wrong with those."""
    bob.run()
    newer = replace(bob.step("first"), started=9 * 10**18)
    bob.record(newer, "run")
    assert bob.look().steps[0].known.run == newer  # type: ignore[union-attr]
    newest = replace(newer, started=newer.started + 1)
    bob.record(newest, "fetch")
    assert bob.look().steps[0].known.run == newer  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "change",
    [
        lambda run, lie: replace(run, output=lie),
        lambda run, _: replace(run, pods=run.pods[:1]),
        lambda run, _: replace(run, pods=run.pods[::-1]),
        lambda run, _: replace(run, parameters={"alpha": "1"}),
    ],
    ids=["another output", "a pod is missing", "pods in another order", "other parameters"],
)
@pytest.mark.parametrize("command", ["run", "fetch"])
def test_a_forged_record_of_the_task(bob: Person, change: Callable[[Run, ObjectId], Run], command: str) -> None:
    honest = bob.run()
    bob.record(change(replace(honest.run, started=9 * 10**18), bob.output("output", "all.txt")), command)
    result = bob.run()
    assert result.reused and result.id == honest.id and bob.files() == {"all.txt": "his"}


def test_a_forged_record_of_the_task_in_the_history(bob: Person) -> None:
    honest = bob.run()
    forged = bob.record(replace(honest.run, started=9 * 10**18, output=bob.output("output", "all.txt")))
    head = bob.pod.head()
    assert head is not None
    made = Commit(bob.pod.store.commit(head).tree, (head,), bob.who(), "Merged", run=forged)
    with bob.pod.store.session() as session:
        tip = session.add(Kind.COMMIT, made.encode())
        session.commit()
    with bob.pod.lock():
        move_to(bob.pod, tip, command="merge", time_ns=0)
    assert bob.run().id == honest.id and bob.files() == {"all.txt": "his"}


def test_what_was_undone_or_failed_is_known(bob: Person) -> None:
    bob.own_pod("second", "exit 1")
    bob.run()
    bob.run()
    assert bob.started() == ["second"]
    bob.own_pod("second", GATHER)
    before = bob.commit()
    made = bob.run()
    LineageIndex(bob.pod).close()
    with bob.pod.lock():
        move_to(bob.pod, before, command="undo", time_ns=0)
    again = bob.run()
    assert again.reused and again.id == made.id
    assert again.committed is not None and again.committed.commit.reuse == Reuse("own")


# --- what is looked for -----------------------------------------------------------------------------------------


def test_results_of_others_are_taken(ann: Person, bob: Person) -> None:
    ann.publish()
    assert bob.to_run() == ["first", "second"]
    plan = bob.look(reusing=trusting())
    assert not plan.to_run and not any(name.startswith(RUNS) for name in bob.pod.refs.read().values)
    assert not (bob.root / "output").exists()
    result = bob.run(reusing=trusting())
    assert not bob.started() and bob.states() == {"first": "known", "second": "known"} and not result.reused
    assert bob.files() == {"all.txt": "hers"}
    place = str(bob.root.parent / "shared")
    for outcome in result.outcomes:
        found = outcome.planned.found
        assert found is not None and (found.place, found.remote, found.trusted) == (place, "shared", ANN.address)
        assert found.signed.name == "Ann of the lab" and found.run.by == "Ann" and outcome.planned.notices == ()
    # The runs are hers, and what they come to was put together here.
    assert {member.by for member in bob.members(result.run).values()} == {"Ann"} and result.run.by == "Bob"
    assert bob.members(result.run) == ann.members(ann.run().run)
    assert result.committed is not None and result.committed.commit.reuse is None
    said = f"Run of lab: 2 pods\n\nTaken from {place}, on the word of {ANN.address}: first, second"
    assert result.committed.commit.message.rstrip() == said
    assert not check_pod(bob.pod).problems
    # By now they are his own.
    assert bob.run().reused
    bob.pod.close()
    bob.pod = Pod(bob.root)
    collect(bob.pod, GcRequest(now_ns=bob.now(), grace_ns=0, kept_moves_ns=0))
    assert bob.to_run() == []


def test_what_nobody_trusted_stands_for(ann: Person, bob: Person) -> None:
    ann.publish()
    bob.run(reusing=looks("trusted"))
    assert bob.started() == ["first", "second"] and bob.files() == {"all.txt": "his"}
    assert bob.plan is not None
    (notice,) = bob.plan.steps[0].notices
    assert "was not taken: it is signed by" in notice and ANN.address in notice


def test_anybodys(ann: Person, bob: Person) -> None:
    ann.publish()
    result = bob.run(reusing=looks("any"))
    assert not bob.started() and bob.files() == {"all.txt": "hers"}
    assert result.committed is not None and "on the word of" not in result.committed.commit.message


@pytest.mark.parametrize("rule", ["trusted", "any"])
def test_lies_of_others(ann: Person, bob: Person, rule: str) -> None:
    """Of keys that their records do not make, of outputs that are scripts, signed by somebody trusted."""
    honest = ann.step("first")
    for change in (
        replace(honest, parameters={"alpha": "1"}, started=honest.started + 1),
        replace(honest, output=ann.output("pods", "evil"), started=honest.started + 2),
    ):
        ann.record(ann.pod.sign(replace(change, signature=None)))
    ann.publish()
    bob.run(reusing=looks(rule, {ANN.address: "Ann"}))
    assert not bob.started() and bob.files() == {"all.txt": "hers"} and bob.plan is not None
    said = "\n".join(bob.plan.steps[0].notices)
    assert "does not make the run key" in said and "outside of the folder" in said


def test_forcing_asks_nobody(ann: Person, bob: Person) -> None:
    ann.publish()
    bob.run(reusing=looks("any"), force=True)
    assert bob.started() == ["first", "second"] and reasons(bob.plan)["first"] == ("it was asked for",)  # type: ignore[arg-type]


def test_a_result_that_is_found_when_what_it_needs_has_run(ann: Person, bob: Person, person: Any) -> None:
    """The first one is signed by nobody, and comes out the same here."""
    carol = person("Carol")
    carol.says = bob.says
    carol.run()
    carol.record(replace(carol.step("second"), signature=None, started=5))
    carol.pod.find_signer = lambda: signer_of(ANN)
    signed = carol.record(carol.pod.sign(carol.step("second")))
    carol.publish()
    assert bob.to_run(reusing=trusting()) == ["first", "second"]
    result = bob.run(reusing=trusting())
    assert bob.started() == ["first"] and bob.states()["second"] == "known"
    assert result.run.pods[1].run == signed and bob.files() == {"all.txt": "his"}
    assert result.committed is not None and result.committed.commit.message.rstrip().endswith(": second")


def test_a_task_that_fails_keeps_what_it_took(ann: Person, bob: Person) -> None:
    ann.publish()
    bob.own_pod("second", "exit 1")
    bob.commit()
    bob.run(reusing=trusting())
    assert bob.started() == ["second"]
    bob.own_pod("second", GATHER)
    bob.run()
    assert bob.started() == ["second"] and bob.files() == {"all.txt": "hers"}


def test_a_place_that_is_gone_is_told_of_once(bob: Person) -> None:
    bob.make(*(bob.own_pod(f"more{number}", "echo 1 > output/n.txt") for number in range(3)))
    bob.run(reusing=looks("any"))
    assert len(bob.started()) == 5 and bob.plan is not None
    (notice,) = (notice for planned in bob.plan.steps for notice in planned.notices)
    assert notice.startswith("shared: ")


# --- pods that are got ------------------------------------------------------------------------------------------


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Pod]:
    """A pod of its own, which tasks refer to."""
    with Pod.create(tmp_path / "other") as pod:
        write_pod(pod.root, "other", 'printf "%s" "$SAYS" > output/n.txt')
        commit(pod, CommitRequest(Stamp("Olga", "olga@example.org", 1), "First version"))
        yield pod


def take_other(person: Person, **changes: Any) -> TaskResult:
    person.task("../other")
    return person.run(**changes)


def test_of_a_pod_that_is_got(ann: Person, bob: Person, other: Pod) -> None:
    take_other(ann)
    ann.publish()
    result = take_other(bob, reusing=trusting())
    assert not bob.started() and bob.files() == {"n.txt": "hers"}
    assert result.run.pods[0].run == ann.run().run.pods[0].run and not check_pod(bob.pod).problems


def test_found_where_a_pod_itself_comes_from(bob: Person, other: Pod) -> None:
    bob.task("../other")
    assert bob.to_run() == ["other"]
    other.find_signer = lambda: signer_of(ANN)
    environment = {**ENVIRONMENT, "SAYS": "hers"}
    with Cancel() as cancel:
        request = RunRequest(Stamp("Olga", "olga@example.org", 2), (environment, {}), lambda _: True)
        ran = run_pod(other, LocalExecutor(), request, lambda _: None, lambda _: None, cancel)
    result = bob.run(reusing=trusting())
    assert not bob.started() and result.run.pods[0].run == ran.id and bob.files() == {"n.txt": "hers"}
    found = result.outcomes[0].planned.found
    assert found is not None and found.remote == "upstream" and found.place == str(other.root)
    with closing(Pod(bob.root)) as again:
        assert not check_pod(again).problems


def test_from_python(ann: Person, bob: Person) -> None:
    ann.publish()
    with sovrgit.open(bob.root, environ=ENVIRONMENT, author="Bob <bob@example.org>") as pod:
        assert len(pod.plan_task().to_run) == len(pod.plan_task(reuse="trusted", trusted={}).to_run) == 2
        assert not pod.plan_task(reuse="trusted", trusted={ANN.address: "Ann of the lab"}).to_run
        outcomes = pod.run_task(reuse="any").outcomes
    assert [outcome.state for outcome in outcomes] == ["known", "known"] and bob.files() == {"all.txt": "hers"}
    assert all(outcome.planned.found is not None for outcome in outcomes)
