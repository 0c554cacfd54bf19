"""What was made from a file, asked of real pods."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
from lineage_lab import Lab, chain, edges, labels

from sovrgit.errors import PathNotFound
from sovrgit.lineage.down import made_from
from sovrgit.lineage.graph import Lineage, NodeKind, Relation
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.runs.run import RunResult


def ask(lab: Lab, path: str, commit: ObjectId | None = None) -> Lineage:
    with lab.index() as index:
        return made_from(lab.pod, index, commit or lab.head(), path.encode())


@pytest.fixture
def chained(copied: tuple[Lab, RunResult]) -> tuple[Lab, RunResult, RunResult]:
    """Two runs, of which the second uses the result of the first under another name and not the words."""
    lab, first = copied
    shutil.copy(lab.root / "output/sorted.txt", lab.root / "payload/in.txt")
    (lab.root / "payload/words.txt").unlink()
    lab.recipe("sh -c 'cat payload/in.txt payload/in.txt > output/twice.txt'")
    lab.commit("Use the result")
    return lab, first, lab.run()


def test_what_was_made_is_followed_from_run_to_run(chained: tuple[Lab, RunResult, RunResult]) -> None:
    lab, first, second = chained
    commit = first.committed
    assert commit is not None
    lineage = ask(lab, "payload/words.txt", commit.id)
    one, two = first.id.short, second.id.short
    assert edges(lineage, Relation.USED) == [(one, "payload/words.txt"), (two, "output/sorted.txt")]
    assert edges(lineage, Relation.MADE_BY) == [("output/sorted.txt", one), ("output/twice.txt", two)]
    assert edges(lineage, Relation.COMMITTED_IN) == [(one, commit.id.short), (two, lab.head().short)]
    assert edges(lineage, Relation.ADDED_IN) == [("payload/words.txt", commit.commit.parents[0].short)]
    used = [item for item in lineage.edges if item.relation is Relation.USED]
    assert [item.note for item in used] == ["", "as payload/in.txt"]


def test_a_run_did_not_use_its_own_result(lab: Lab) -> None:
    lab.recipe("cp payload/a output/a")
    lab.write("payload/a", "content\n")
    lab.commit("First version")
    run = lab.run()
    assert not edges(ask(lab, "output/a"), Relation.USED)
    assert edges(ask(lab, "payload/a"), Relation.USED) == [(run.id.short, "payload/a")]


def test_the_recipe_and_folders_are_used_too(copied: tuple[Lab, RunResult]) -> None:
    lab, run = copied
    assert edges(ask(lab, "recipe.json"), Relation.RECIPE) == [(run.id.short, "recipe.json")]
    assert edges(ask(lab, "payload"), Relation.USED) == [(run.id.short, "payload/")]
    with pytest.raises(PathNotFound):
        ask(lab, "payload/nothing")


def test_a_file_that_no_run_used(copied: tuple[Lab, RunResult]) -> None:
    lab, _ = copied
    assert not edges(ask(lab, "output/sorted.txt"), Relation.USED)


def test_repeats_verdicts_and_reuse_stand_with_the_run(copied: tuple[Lab, RunResult]) -> None:
    lab, run = copied
    verified = lab.verify(run.id)
    lab.write("output/sorted.txt", "scribbled over\n")
    lab.commit("Scribble")
    assert lab.run().reused
    lineage = ask(lab, "payload/words.txt")
    assert edges(lineage, Relation.USED) == [(run.id.short, "payload/words.txt")]
    assert edges(lineage, Relation.CHECKED_BY) == [(run.id.short, verified.id.short)]
    assert edges(lineage, Relation.TAKEN_FROM) == [(lab.head().short, run.id.short)]
    assert not edges(lineage, Relation.REPEATS)
    lab.move(None, f"refs/verdicts/{verified.id}")
    assert edges(ask(lab, "payload/words.txt"), Relation.REPEATS) == [(verified.repeated.id.short, run.id.short)]


def test_a_failed_run_used_its_inputs_but_left_nothing(lab: Lab) -> None:
    lab.recipe("sh script/go.sh")
    lab.write("script/go.sh", "echo result > output/result; exit 3\n")
    lab.commit("First version")
    failed = lab.run()
    lineage = ask(lab, "script/go.sh")
    assert edges(lineage, Relation.USED) == [(failed.id.short, "script/go.sh")]
    assert not edges(lineage, Relation.MADE_BY)


def test_missing_inputs_are_counted(copied: tuple[Lab, RunResult]) -> None:
    lab, run = copied
    record = replace(run.run, input=ObjectId(b"l" * 32))
    with lab.pod.store.session() as session:
        lost = session.add(Kind.RUN, record.encode())
        session.commit()
    lab.move(lost, f"refs/runs/{lost}")
    lineage = ask(lab, "payload/words.txt")
    assert edges(lineage, Relation.USED) == [(run.id.short, "payload/words.txt")]
    assert lineage.missing == 1


def test_a_thousand_runs_follow_from_the_first(copied: tuple[Lab, RunResult]) -> None:
    lab, _ = copied
    chain(lab, 1000)
    lab.write("payload/found.txt", "seed")
    commit = lab.commit("The seed, under any name")
    with lab.index() as index:
        lineage = made_from(lab.pod, index, commit, b"payload/found.txt")
        assert len(labels(lineage, NodeKind.RUN)) == 1000
        assert made_from(lab.pod, index, commit, b"payload/found.txt", limit=50).truncated
