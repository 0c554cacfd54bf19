"""The index: what it knows when refs move, when its file is damaged, and when others use it too."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from lineage_lab import Lab, count

from sovrgit.errors import ObjectMissing
from sovrgit.lineage.index import LineageIndex
from sovrgit.objects.commit import Commit
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tag import Tag
from sovrgit.pod.pod import Pod
from sovrgit.runs.run import RunResult
from sovrgit.store.store import EMPTY_TREE_ID


def made_by(lab: Lab, run: ObjectId) -> ObjectId | None:
    with lab.index() as index:
        return index.run(run).commit


def store(lab: Lab, kind: Kind, data: bytes) -> ObjectId:
    with lab.pod.store.session() as session:
        identity = session.add(kind, data)
        session.commit()
    return identity


def test_a_run_that_had_a_ref_first_is_credited_to_its_commit_later(copied: tuple[Lab, RunResult]) -> None:
    lab, result = copied
    head = lab.head()
    lab.move(result.id, f"refs/runs/{result.id}")
    lab.move(lab.pod.store.commit(head).parents[0])
    (lab.pod.folder / "lineage.sqlite").unlink()
    with lab.index() as index:
        assert index.run(result.id).commit is None
        lab.move(head)
        assert index.update() == 1
        assert index.run(result.id).commit == head


def test_taking_the_output_again_in_the_same_second_does_not_make_it(copied: tuple[Lab, RunResult]) -> None:
    lab, result = copied
    head = lab.head()
    made = lab.pod.store.commit(head)
    # Whichever ids they get, the child is not the maker, though the clock gives both the same second.
    for number in range(5):
        later = lab.add_commit(replace(made, parents=(lab.head(),), message=str(number)))
    (lab.pod.folder / "lineage.sqlite").unlink()
    with lab.index() as index:
        assert index.run(result.id).commit == head
        assert index.commits_of(result.id)[0] == head
        assert index.commits_of(result.id)[-1] == later


def test_the_commit_on_the_base_made_it_even_if_another_is_older(copied: tuple[Lab, RunResult]) -> None:
    lab, result = copied
    head = lab.head()
    older = replace(lab.pod.store.commit(head), parents=(), author=lab.who()._replace(time=5))
    lab.move(store(lab, Kind.COMMIT, older.encode()), "refs/heads/other")
    assert made_by(lab, result.id) == head


def test_an_amended_commit_takes_the_place_of_the_first(copied: tuple[Lab, RunResult]) -> None:
    lab, result = copied
    with lab.index() as index:
        first = lab.head()
        amended = lab.commit("A better message", amend=True)
        index.update()
        assert index.run(result.id).commit == amended
        assert index.commits_of(result.id) == [amended]
        assert first not in index.ancestry(amended)


def test_a_run_is_remembered_when_its_branch_is_gone(copied: tuple[Lab, RunResult]) -> None:
    lab, result = copied
    with lab.index() as index:
        lab.move(lab.pod.store.commit(lab.head()).parents[0])
        index.update()
        assert index.run(result.id).commit is None
        known = index.succeeded_with(result.run.key)
        assert known is not None and known.id == result.id
        assert [run.id for run in index.runs()] == [result.id]


def test_a_branch_that_moved_into_anothers_past_loses_nothing(copied: tuple[Lab, RunResult]) -> None:
    lab, result = copied
    head = lab.head()
    lab.move(head, "refs/heads/other")
    with lab.index() as index:
        lab.move(lab.pod.store.commit(head).parents[0])
        index.update()
        assert index.run(result.id).commit == head


def test_a_run_whose_record_was_removed_is_no_longer_known(
    copied: tuple[Lab, RunResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    lab, result = copied
    with lab.index() as index:

        def gone(identity: ObjectId) -> None:
            raise ObjectMissing(id=identity)

        monkeypatch.setattr(lab.pod.store, "run", gone)
        assert index.succeeded_with(result.run.key) is None
        assert list(index.runs()) == []


def test_a_repetition_does_not_replace_the_result(copied: tuple[Lab, RunResult]) -> None:
    lab, result = copied
    repeated = lab.verify(result.id).repeated
    assert repeated.run.key == result.run.key and repeated.run.succeeded
    with lab.index() as index:
        known = index.succeeded_with(result.run.key)
        assert known is not None and known.id == result.id
        assert index.repeats_of(result.id) == [repeated.id]
        assert [run.id for run in index.runs()] == [repeated.id, result.id]


def test_only_as_many_records_are_read_as_asked_for(
    copied: tuple[Lab, RunResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    lab, _ = copied
    last = [lab.run(force=True) for _ in range(3)][-1]
    with lab.index() as index:
        read = count(monkeypatch, lab.pod, "run")
        assert [run.id for run in index.runs(1)] == [last.id]
        assert read == {last.id: 1}
        assert len(list(index.runs())) == 4
        assert len(list(index.runs(9))) == 4
        assert list(index.runs(0)) == []


def test_an_update_reads_what_is_new(copied: tuple[Lab, RunResult], monkeypatch: pytest.MonkeyPatch) -> None:
    lab, _ = copied
    for number in range(20):
        lab.write("script/notes.txt", str(number))
        lab.commit()
    with lab.index() as index:
        head = lab.commit(allow_empty=True)
        commits = count(monkeypatch, lab.pod, "commit")
        runs = count(monkeypatch, lab.pod, "run")
        assert index.update() == 1
        assert set(commits) == {head} and not runs
        assert index.update() == 0
        assert sum(commits.values()) == 1


def test_output_files_and_folders_have_makers(copied: tuple[Lab, RunResult]) -> None:
    lab, result = copied
    assert result.run.output is not None
    (folder,) = lab.pod.store.tree(result.run.output).entries
    (file,) = lab.pod.store.tree(folder.id).entries
    with lab.index() as index:
        assert index.makers(folder.id) == [(result.id, b"output")]
        assert index.makers(file.id) == [(result.id, b"output/sorted.txt")]
        assert index.output_ids() == {folder.id, file.id}


def test_commits_behind_a_tag_are_known(copied: tuple[Lab, RunResult]) -> None:
    lab, result = copied
    head = lab.head()
    tag = store(lab, Kind.TAG, Tag("v1", head, Kind.COMMIT, lab.who(), "Version 1").encode())
    lab.move(tag, "refs/tags/v1")
    lab.move(lab.pod.store.commit(head).parents[0])
    assert made_by(lab, result.id) == head
    lab.move(None, "refs/tags/v1")
    assert made_by(lab, result.id) is None


def test_the_past_of_a_commit_without_a_ref(copied: tuple[Lab, RunResult]) -> None:
    lab, _ = copied
    head = lab.head()
    loose = head
    for number in range(3):
        commit = Commit(EMPTY_TREE_ID, (loose,), lab.who(), str(number))
        loose = store(lab, Kind.COMMIT, commit.encode())
    with lab.index() as index:
        past = index.ancestry(loose)
        assert len(past) == 5
        for identity, position in past.items():
            assert all(past[parent] < position for parent in lab.pod.store.commit(identity).parents)
        assert set(index.ancestry(head)) == {head, *lab.pod.store.commit(head).parents}


def test_what_was_missing_is_taken_in_when_it_comes(lab: Lab) -> None:
    below = Commit(EMPTY_TREE_ID, (), lab.who(), "below")
    between = Commit(EMPTY_TREE_ID, (below.id(),), lab.who(), "between")
    store(lab, Kind.COMMIT, below.encode())
    top = lab.add_commit(Commit(EMPTY_TREE_ID, (between.id(),), lab.who(), "top", run=ObjectId(b"r" * 32)))
    lab.move(ObjectId(b"x" * 32), "refs/runs/x")
    with lab.index() as index:
        assert set(index.ancestry(top)) == {top}
        store(lab, Kind.COMMIT, between.encode())
        assert index.update() == 3
        past = index.ancestry(top)
        assert sorted(past, key=past.__getitem__) == [below.id(), between.id(), top]
        with pytest.raises(ObjectMissing):
            index.run(ObjectId(b"r" * 32))


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_made_anew(copied: tuple[Lab, RunResult], content: bytes) -> None:
    lab, result = copied
    path = lab.pod.folder / "lineage.sqlite"
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.write_bytes(content)
    assert made_by(lab, result.id) == lab.head()
    assert path.read_bytes()[:15] == b"SQLite format 3"
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT COUNT(*) FROM runs").fetchone() == (1,)
    database.close()


def test_the_file_of_another_version_is_made_anew(copied: tuple[Lab, RunResult]) -> None:
    lab, result = copied
    path = lab.pod.folder / "lineage.sqlite"
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE commits (id BLOB)")
        database.execute("PRAGMA user_version = 1")
    database.close()
    assert made_by(lab, result.id) == lab.head()


@pytest.mark.parametrize("table", ["runs", "commits", "refs", "outputs"])
def test_damage_that_shows_later_is_repaired(copied: tuple[Lab, RunResult], table: str) -> None:
    lab, result = copied
    with lab.index() as index:
        with sqlite3.connect(lab.pod.folder / "lineage.sqlite") as other:
            other.execute(f"DROP TABLE {table}")
        other.close()
        index.update()
        assert index.succeeded_with(result.run.key) is not None
        assert index.run(result.id).commit == lab.head()
        assert index.output_ids()


def test_without_a_file_memory_does(copied: tuple[Lab, RunResult]) -> None:
    lab, result = copied
    path = lab.pod.folder / "lineage.sqlite"
    for name in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        name.unlink(missing_ok=True)
    path.mkdir()
    assert made_by(lab, result.id) == lab.head()
    assert path.is_dir()


def test_two_users_at_the_same_time(copied: tuple[Lab, RunResult]) -> None:
    lab, result = copied
    with lab.index() as one, lab.index() as two:
        head = lab.commit(allow_empty=True)
        assert (one.update(), two.update()) == (1, 0)
        assert head in two.ancestry(head)
        amended = lab.commit("Another message", amend=True)
        assert (two.update(), one.update()) == (1, 0)
        assert one.run(result.id).commit in one.ancestry(amended)


def test_several_make_the_file_at_the_same_time(copied: tuple[Lab, RunResult], tmp_path: Path) -> None:
    lab, result = copied
    head = lab.head()
    for round_ in range(3):
        for suffix in ("", "-wal", "-shm"):
            lab.pod.folder.joinpath(f"lineage.sqlite{suffix}").unlink(missing_ok=True)
        start = threading.Barrier(4)
        answers: list[object] = []

        def ask(start: threading.Barrier = start, answers: list[object] = answers) -> None:
            try:
                with Pod(lab.root) as pod:
                    start.wait()
                    with LineageIndex(pod) as index:
                        answers.append(index.run(result.id).commit)
            except BaseException as error:
                answers.append(error)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [head] * 4, round_
