"""Where results come from, asked of real pods."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from lineage_lab import Lab, chain, clone_of, edge, edges, labels

from sovrgit.errors import ObjectMissing, PathNotFound
from sovrgit.lineage.document import to_document
from sovrgit.lineage.graph import CommitDetails, FolderDetails, Lineage, NodeKind, OriginDetails, Relation, RunDetails
from sovrgit.lineage.up import UNCERTAIN, UNCOMMITTED, lineage_of_commit, lineage_of_path, lineage_of_run
from sovrgit.objects.ids import Kind, ObjectId, blob_id
from sovrgit.objects.run import External
from sovrgit.objects.tree import EntryKind, Tree, TreeEntry
from sovrgit.objects.verdict import Finding
from sovrgit.runs.run import RunResult
from sovrgit.store.store import EMPTY_TREE_ID


def ask(lab: Lab, path: str, commit: ObjectId | None = None) -> Lineage:
    with lab.index() as index:
        return lineage_of_path(lab.pod, index, commit or lab.head(), path.encode())


def put(lab: Lab, kind: Kind, data: bytes) -> ObjectId:
    with lab.pod.store.session() as session:
        identity = session.add(kind, data)
        session.commit()
    return identity


def test_an_output_leads_to_its_run_and_the_commits_of_its_inputs(copied: tuple[Lab, RunResult]) -> None:
    lab, result = copied
    lineage = ask(lab, "output/sorted.txt")
    run = result.id.short
    first = lab.pod.store.commit(lab.head()).parents[0].short
    assert edges(lineage, Relation.MADE_BY) == [("output/sorted.txt", run)]
    assert edges(lineage, Relation.COMMITTED_IN) == [(run, lab.head().short)]
    assert edges(lineage, Relation.RECIPE) == [(run, "recipe.json")]
    assert edges(lineage, Relation.USED) == [(run, "payload/words.txt"), (run, "script/notes.txt")]
    assert {target for _, target in edges(lineage, Relation.ADDED_IN)} == {first}
    assert not edges(lineage, Relation.CHANGED_IN)
    details = next(lineage.of_kind(NodeKind.RUN)).details
    assert isinstance(details, RunDetails) and details.run == result.run and details.made == lab.head()
    assert not lineage.missing and not lineage.truncated


def test_the_log_and_the_output_folder_lead_to_the_run_too(copied: tuple[Lab, RunResult]) -> None:
    lab, result = copied
    for path, label in (("logs/run.log", "logs/run.log"), ("output", "output/")):
        assert edges(ask(lab, path), Relation.MADE_BY) == [(label, result.id.short)]


def test_a_former_output_among_the_inputs_leads_on(copied: tuple[Lab, RunResult]) -> None:
    lab, first = copied
    shutil.copy(lab.root / "output/sorted.txt", lab.root / "payload/in.txt")
    lab.recipe("cp payload/in.txt output/copy.txt")
    lab.commit("Use the result")
    second = lab.run()
    lineage = ask(lab, "output/copy.txt")
    assert edges(lineage, Relation.SAME_CONTENT) == [("payload/in.txt", "output/sorted.txt")]
    assert edges(lineage, Relation.MADE_BY) == [
        ("output/copy.txt", second.id.short),
        ("output/sorted.txt", first.id.short),
    ]
    assert (first.id.short, "payload/words.txt") in edges(lineage, Relation.USED)
    by_commit = edge(lineage, Relation.CHANGED_IN, "recipe.json")
    details = lineage.nodes[by_commit.target].details
    assert isinstance(details, CommitDetails) and details.commit is not None
    assert details.commit.summary == "Use the result"


def test_a_copy_is_not_the_origin_of_what_it_copied(lab: Lab) -> None:
    lab.recipe("cp payload/a output/a")
    lab.write("payload/a", "content\n")
    lab.commit("First version")
    lab.run()
    assert not edges(ask(lab, "payload/a"), Relation.SAME_CONTENT)
    assert not edges(ask(lab, "output/a"), Relation.SAME_CONTENT)


def test_a_cycle_of_contents_ends(lab: Lab) -> None:
    lab.recipe("cp payload/a output/a")
    for text in ("x\n", "y\n", "x\n", "y\n"):
        lab.write("payload/a", text)
        lab.commit(f"Write {text}")
        lab.run(force=True)
    lineage = ask(lab, "output/a")
    assert len(edges(lineage, Relation.MADE_BY)) >= 2
    assert not lineage.truncated


def test_the_latest_of_several_runs_counts_among_the_ancestors(copied: tuple[Lab, RunResult]) -> None:
    lab, first = copied
    then = lab.head()
    lab.write("script/notes.txt", "changed\n")
    lab.commit("Change what does not matter")
    second = lab.run()
    made = edge(ask(lab, "output/sorted.txt"), Relation.MADE_BY, "output/sorted.txt")
    assert made.target == f"run:{second.id}" and made.note == "1 other run left the same"
    earlier = edge(ask(lab, "output/sorted.txt", then), Relation.MADE_BY, "output/sorted.txt")
    assert earlier.target == f"run:{first.id}" and not earlier.note


def test_a_failed_run_is_no_maker(lab: Lab) -> None:
    lab.recipe("sh script/go.sh")
    lab.write("script/go.sh", "echo result > output/result; exit 3\n")
    lab.commit("First version")
    failed = lab.run()
    assert not failed.run.succeeded and failed.run.output is not None
    lab.write("output/result", "result\n")
    lab.commit("Write it by hand")
    lineage = ask(lab, "output/result")
    assert not edges(lineage, Relation.MADE_BY)
    assert edges(lineage, Relation.ADDED_IN) == [("output/result", lab.head().short)]


def test_a_failed_run_whose_output_was_committed_is_named_as_what_it_is(lab: Lab) -> None:
    lab.recipe("sh script/go.sh")
    lab.write("script/go.sh", "echo result > output/result; exit 3\n")
    lab.commit("First version")
    failed = lab.run(commit_failed=True)
    lineage = ask(lab, "output/result")
    assert edges(lineage, Relation.MADE_BY) == [("output/result", failed.id.short)]


def test_inputs_that_were_not_committed_are_marked(copied: tuple[Lab, RunResult]) -> None:
    lab, _ = copied
    lab.write("payload/words.txt", "fig\ndate\n")
    lab.write("payload/more.txt", "more\n")
    lab.run()
    lineage = ask(lab, "output/sorted.txt")
    notes = {lineage.nodes[item.target].label: item.note for item in lineage.edges if item.relation is Relation.USED}
    assert notes == {"payload/words.txt": UNCOMMITTED, "payload/more.txt": UNCOMMITTED, "script/notes.txt": ""}
    assert edges(lineage, Relation.CHANGED_IN) == [("payload/words.txt", lab.head().short)]
    assert ("payload/more.txt", lab.head().short) in edges(lineage, Relation.ADDED_IN)


def test_a_result_that_was_taken_from_a_known_run_says_so(copied: tuple[Lab, RunResult]) -> None:
    lab, first = copied
    lab.write("output/sorted.txt", "scribbled over\n")
    lab.commit("Scribble")
    again = lab.run()
    assert again.reused and again.committed is not None
    lineage = ask(lab, "output/sorted.txt")
    assert edges(lineage, Relation.MADE_BY) == [("output/sorted.txt", first.id.short)]
    assert edges(lineage, Relation.TAKEN_FROM) == [(lab.head().short, first.id.short)]
    with lab.index() as index:
        whole = lineage_of_commit(lab.pod, index, lab.head())
    assert edges(whole, Relation.TAKEN_FROM) == [(lab.head().short, first.id.short)]


def test_verdicts_are_shown_with_the_run(copied: tuple[Lab, RunResult]) -> None:
    lab, first = copied
    verified = lab.verify(first.id)
    assert verified.verdict.finding is Finding.IDENTICAL
    lineage = ask(lab, "output/sorted.txt")
    assert edges(lineage, Relation.MADE_BY) == [("output/sorted.txt", first.id.short)]
    assert edges(lineage, Relation.CHECKED_BY) == [(first.id.short, verified.id.short)]
    none = {"agrees": 0, "differs": 0, "not comparable": 0}
    assert to_document(lineage)["verdicts"] == {f"run:{first.id}": {"identical": 1, **none}}
    with lab.index() as index:
        repeated = lineage_of_run(lab.pod, index, verified.repeated.id)
    assert edges(repeated, Relation.REPEATS) == [(verified.repeated.id.short, first.id.short)]


def test_a_renamed_output_leads_to_its_run(copied: tuple[Lab, RunResult]) -> None:
    lab, first = copied
    (lab.root / "output/sorted.txt").rename(lab.root / "result.txt")
    lab.commit("Rename")
    lineage = ask(lab, "result.txt")
    assert edges(lineage, Relation.SAME_CONTENT) == [("result.txt", "output/sorted.txt")]
    assert edges(lineage, Relation.MADE_BY) == [("output/sorted.txt", first.id.short)]
    assert edges(lineage, Relation.ADDED_IN)[0] == ("result.txt", lab.head().short)


def test_a_file_that_was_deleted_later_is_found_in_its_commit(copied: tuple[Lab, RunResult]) -> None:
    lab, first = copied
    then = lab.head()
    (lab.root / "output/sorted.txt").unlink()
    lab.commit("Delete")
    with pytest.raises(PathNotFound):
        ask(lab, "output/sorted.txt")
    assert edges(ask(lab, "output/sorted.txt", then), Relation.MADE_BY) == [("output/sorted.txt", first.id.short)]


def test_empty_files_have_no_twins(lab: Lab) -> None:
    lab.recipe("sh -c 'touch output/empty; echo full > output/full'")
    lab.commit("First version")
    lab.run()
    lab.write("payload/empty", "")
    lab.commit("Add an empty file")
    assert not edges(ask(lab, "payload/empty"), Relation.SAME_CONTENT)


def test_a_large_folder_is_one_node(copied: tuple[Lab, RunResult]) -> None:
    lab, _ = copied
    for number in range(13):
        lab.write(f"payload/images/{number}.png", "12345")
    lab.commit("Add images")
    lab.run()
    lineage = ask(lab, "output/sorted.txt")
    (folder,) = lineage.of_kind(NodeKind.FOLDER)
    assert isinstance(folder.details, FolderDetails)
    assert (folder.label, folder.details.files, folder.details.size) == ("payload/images/", 13, 65)
    assert ("payload/images/", lab.pod.store.commit(lab.head()).parents[0].short) in edges(lineage, Relation.ADDED_IN)


def test_a_folder_of_several_origins_is_opened(copied: tuple[Lab, RunResult]) -> None:
    lab, first = copied
    lab.write("output/remark.txt", "a remark\n")
    lab.commit("Add a remark")
    lineage = ask(lab, "output")
    assert edges(lineage, Relation.CONTAINS) == [("output/", "output/remark.txt"), ("output/", "output/sorted.txt")]
    assert edges(lineage, Relation.MADE_BY) == [("output/sorted.txt", first.id.short)]


def test_a_commit_without_a_run_shows_what_it_brought(copied: tuple[Lab, RunResult]) -> None:
    lab, first = copied
    shutil.copy(lab.root / "output/sorted.txt", lab.root / "payload/in.txt")
    commit = lab.commit("Use the result")
    with lab.index() as index:
        lineage = lineage_of_commit(lab.pod, index, commit)
        made = lineage_of_path(lab.pod, index, lab.pod.store.commit(commit).parents[0], b"")
    assert edges(lineage, Relation.CHANGES) == [(commit.short, "payload/in.txt")]
    assert edges(lineage, Relation.MADE_BY) == [("output/sorted.txt", first.id.short)]
    assert edges(made, Relation.MADE_BY) == [(made.nodes[made.root].label, first.id.short)]
    assert not edges(made, Relation.COMMITTED_IN)


def test_a_fork_and_a_clone_name_their_origin(copied: tuple[Lab, RunResult], tmp_path: Path) -> None:
    lab, first = copied
    origin = lab.head()
    copy = clone_of(lab, tmp_path, forked=True)
    copy.pod.config.set("pod.origin", "shared/reference")
    lineage = ask(copy, "output/sorted.txt")
    assert edges(lineage, Relation.MADE_BY) == [("output/sorted.txt", first.id.short)]
    assert edges(lineage, Relation.FORKED_FROM) == [("output/sorted.txt", "somewhere/else")]
    assert edges(lineage, Relation.CLONED_FROM) == [("output/sorted.txt", "shared/reference")]
    details = next(lineage.of_kind(NodeKind.ORIGIN)).details
    assert isinstance(details, OriginDetails) and details.fork is not None
    assert (details.fork.pod, details.fork.commit, details.commit) == ("lab", origin, copy.head())
    copy.pod.close()


def test_external_payloads_of_a_record_are_shown(copied: tuple[Lab, RunResult]) -> None:
    lab, first = copied
    external = External("other/pod", ObjectId(b"c" * 32), "data/x.csv", blob_id(b"x"))
    record = replace(first.run, external=(external,))
    run = put(lab, Kind.RUN, record.encode())
    lab.add_commit(replace(lab.pod.store.commit(lab.head()), run=run))
    assert edges(ask(lab, "output/sorted.txt"), Relation.USED)[-1] == (run.short, "data/x.csv")


def test_what_is_not_here_is_said_and_breaks_nothing(copied: tuple[Lab, RunResult]) -> None:
    lab, first = copied
    head = lab.pod.store.commit(lab.head())
    lost = ObjectId(b"l" * 32)
    record = replace(first.run, input=lost, base=lost)
    run = put(lab, Kind.RUN, record.encode())
    commit = lab.add_commit(replace(head, run=run, parents=(lost,)))
    lineage = ask(lab, "output/sorted.txt", commit)
    assert edges(lineage, Relation.MADE_BY) == [("output/sorted.txt", run.short)]
    (folder,) = lineage.of_kind(NodeKind.FOLDER)
    assert isinstance(folder.details, FolderDetails) and folder.details.files is None
    assert lineage.missing == 1
    script = ask(lab, "script/notes.txt", commit)
    assert edge(script, Relation.ADDED_IN, "script/notes.txt").note == UNCERTAIN

    commit = lab.add_commit(replace(head, run=lost, parents=()))
    lineage = ask(lab, "output/sorted.txt", commit)
    assert edges(lineage, Relation.ADDED_IN) == [("output/sorted.txt", commit.short)]
    with lab.index() as index:
        unknown = lineage_of_commit(lab.pod, index, commit)
        with pytest.raises(ObjectMissing):
            lineage_of_run(lab.pod, index, lost)
    (node,) = unknown.of_kind(NodeKind.RUN)
    assert isinstance(node.details, RunDetails) and node.details.run is None


def test_a_missing_folder_of_the_inputs_is_said(copied: tuple[Lab, RunResult]) -> None:
    lab, first = copied
    entries = [TreeEntry(b"payload", EntryKind.DIRECTORY, ObjectId(b"l" * 32), 3)]
    tree = put(lab, Kind.TREE, Tree.of(entries).encode())
    run = put(lab, Kind.RUN, replace(first.run, input=tree).encode())
    lab.add_commit(replace(lab.pod.store.commit(lab.head()), run=run))
    lineage = ask(lab, "output/sorted.txt")
    assert labels(lineage, NodeKind.FOLDER) == ["payload/"]


def test_a_thousand_runs_in_a_row(copied: tuple[Lab, RunResult]) -> None:
    lab, _ = copied
    head = chain(lab, 1000)
    with lab.index() as index:
        lineage = lineage_of_path(lab.pod, index, head, b"output/y")
        assert len(labels(lineage, NodeKind.RUN)) == 1000
        assert len(edges(lineage, Relation.SAME_CONTENT)) == 999
        assert not lineage.truncated
        short = lineage_of_path(lab.pod, index, head, b"output/y", limit=50)
    assert short.truncated and 50 <= len(short.nodes) < 70


def test_a_folder_without_files_has_no_inputs(copied: tuple[Lab, RunResult]) -> None:
    lab, first = copied
    run = put(lab, Kind.RUN, replace(first.run, input=EMPTY_TREE_ID).encode())
    lab.add_commit(replace(lab.pod.store.commit(lab.head()), run=run))
    assert not edges(ask(lab, "output/sorted.txt"), Relation.USED)
