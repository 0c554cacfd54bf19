"""Commits: what they record, and that a failure leaves the pod as it was."""

from __future__ import annotations

import errno
import multiprocessing
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pod_lab import EMPTY, Lab, link, naive_tree, script, text

from sovrgit.errors import (
    FileUnstable,
    FileUnsupported,
    Locked,
    NothingToCommit,
    PathNotFound,
    RevisionNotFound,
    StorageFailure,
    StorageFull,
)
from sovrgit.objects.commit import Commit, Fork, Stamp
from sovrgit.objects.ids import Kind
from sovrgit.objects.tree import EMPTY_TREE_ID
from sovrgit.pod import index as index_module
from sovrgit.pod.commits import CommitRequest, commit, publish
from sovrgit.pod.history import walk
from sovrgit.pod.pod import Pod
from sovrgit.pod.snapshot import take_snapshot
from sovrgit.pod.status import status
from sovrgit.pod.worktree import WorkingTree


def _state(lab: Lab) -> tuple[object, ...]:
    """What must not change when a commit fails."""
    return (lab.pod.refs.read(), lab.pod.index_path.read_bytes(), sorted(lab.pod.store.packs_folder.iterdir()))


# --- what is recorded -----------------------------------------------------------------------------------------------


def test_a_commit_says_who_what_and_after_what(lab: Lab) -> None:
    lab.put("a", b"1")
    first = lab.commit("  \nOne  \n\nMore\t\n\n")
    lab.put("b", b"2")
    second = commit(lab.pod, CommitRequest(Stamp("Ben", "b@example.org", 5, 60), "Two\u2028still two\fthree\r\n"))
    assert first.commit.parents == ()
    assert first.commit.message == "One\n\nMore"
    assert second.commit == lab.pod.store.commit(lab.head)
    assert second.commit == Commit(
        tree=naive_tree({b"a": text(b"1"), b"b": text(b"2")}).id(),
        parents=(first.id,),
        author=Stamp("Ben", "b@example.org", 5, 60),
        message="Two\u2028still two\fthree",
    )
    assert second.branch == "refs/heads/main"
    # The blob, the tree and the commit.
    assert second.new_objects == 3
    assert [entry["command"] for entry in lab.pod.refs.journal()] == ["commit", "commit"]
    assert lab.pod.refs.journal()[1]["time"] == 5_000_000_000


def test_a_fork_names_where_it_comes_from(lab: Lab) -> None:
    origin = Fork("elsewhere", EMPTY_TREE_ID, "lab")
    made = commit(lab.pod, CommitRequest(lab.who(), "Fork", fork=origin, allow_empty=True))
    assert lab.pod.store.commit(made.id).fork == origin


def test_nothing_to_commit(lab: Lab) -> None:
    with pytest.raises(NothingToCommit):
        lab.commit()
    assert status(lab.pod).is_clean
    lab.put("a", b"1")
    first = lab.commit()
    os.utime(lab.path("a"), (7, 7))
    before = _state(lab)
    with pytest.raises(NothingToCommit):
        lab.commit()
    assert lab.head == first.id
    # What was read is remembered, so that it is not read again; nothing else has changed.
    assert _state(lab)[0] == before[0]
    assert _state(lab)[2] == before[2]
    assert _state(lab)[1] != before[1]


def test_a_commit_without_changes_can_be_asked_for(lab: Lab) -> None:
    first = lab.commit(allow_empty=True)
    second = lab.commit(allow_empty=True)
    assert second.commit.parents == (first.id,)
    assert second.commit.tree == EMPTY_TREE_ID


# --- only some paths ------------------------------------------------------------------------------------------------

BEFORE = {
    b"a/x": text(b"1"),
    b"a/y": text(b"1"),
    b"b": text(b"1"),
    b"c": text(b"1"),
    b"d/only": text(b"1"),
    b"e": EMPTY,
    b"g/h/only": text(b"1"),
}
AFTER = {
    b"a/x": text(b"2"),
    b"a/y": script(b"1"),
    b"a/new/file": text(b"2"),
    b"b/z": text(b"2"),
    b"c": link(b"b"),
    b"g": EMPTY,
    b"n": EMPTY,
}


@pytest.mark.parametrize(
    ("paths", "changed"),
    [
        ([b"a/x"], {b"a/x": text(b"2")}),
        ([b"a"], {b"a/x": text(b"2"), b"a/y": script(b"1"), b"a/new/file": text(b"2")}),
        ([b"a", b"a/x", b"a/new", b"a"], {b"a/x": text(b"2"), b"a/y": script(b"1"), b"a/new/file": text(b"2")}),
        ([b"a/new/file", b"c"], {b"a/new/file": text(b"2"), b"c": link(b"b")}),
        ([b"b"], {b"b": None, b"b/z": text(b"2")}),
        ([b"b/z"], {b"b": None, b"b/z": text(b"2")}),
        ([b"n"], {b"n": EMPTY}),
        # `d` is gone with its last file, `g` is still there.
        ([b"d/only"], {b"d/only": None}),
        ([b"d"], {b"d/only": None}),
        ([b"e"], {b"e": None}),
        ([b"g/h/only"], {b"g/h/only": None, b"g": EMPTY}),
        ([b""], None),
        ([b"a/x", b""], None),
    ],
)
def test_only_some_paths(lab: Lab, paths: list[bytes], changed: dict[bytes, Any] | None) -> None:
    lab.put_all(BEFORE)
    lab.commit()
    lab.put_all(AFTER)
    made = lab.commit(paths=paths)
    expected = dict(AFTER) if changed is None else {**BEFORE, **changed}
    files = {path: node for path, node in expected.items() if node is not None}
    assert lab.committed() == files
    assert made.commit.tree == naive_tree(files).id()
    assert lab.on_disk() == AFTER
    # The rest is still to be committed.
    if changed is not None:
        lab.commit()
    assert lab.committed() == AFTER
    assert lab.changed() == {}


def test_only_paths_that_are_as_before(lab: Lab) -> None:
    lab.put_all(BEFORE)
    lab.commit()
    lab.put_all({**BEFORE, b"b": text(b"2")})
    with pytest.raises(NothingToCommit):
        lab.commit(paths=[b"a", b"c"])
    assert lab.changed() == {"b": "modified"}


def test_paths_that_are_nowhere_or_ignored_or_no_files(lab: Lab) -> None:
    lab.put(".sovrignore", b"*.log\nbuild/\n")
    lab.put("a.log", b"1")
    lab.put("build/deep/x", b"1")
    os.mkfifo(lab.path("pipe"))
    with socket.socket(socket.AF_UNIX) as server:
        folder = os.open(lab.root, os.O_RDONLY)
        server.bind(f"/proc/self/fd/{folder}/sock")
        os.close(folder)
    for path in (b"none", b"none/x", b"\xff", b".sovr", b".sovrignore/x"):
        with pytest.raises(PathNotFound) as missing:
            lab.commit(paths=[path])
        assert missing.value.fields["path"] == os.fsdecode(path)
    for path in (b"a.log", b"build", b"build/deep", b"build/deep/x"):
        with pytest.raises(PathNotFound) as ignored:
            lab.commit(paths=[path])
        assert ignored.value.hint == "it is ignored by `.sovrignore`"
    for path, what in ((b"pipe", "pipe"), (b"sock", "socket")):
        with pytest.raises(FileUnsupported, match=f"is a {what} and"):
            lab.commit(paths=[path])
    assert lab.pod.head() is None
    assert lab.stray() == []


# --- amending -------------------------------------------------------------------------------------------------------


def test_amending_the_message(lab: Lab) -> None:
    lab.put("a", b"1")
    first = lab.commit("One")
    lab.put("a", b"2")
    second = lab.commit("Twoo")
    amended = lab.commit("Two", amend=True)
    assert lab.head == amended.id != second.id
    assert amended.commit.parents == (first.id,)
    assert amended.commit.message == "Two"
    assert amended.commit.author == second.commit.author
    assert amended.commit.committer is not None
    assert amended.commit.committer.time > second.commit.author.time
    assert lab.pod.refs.journal()[-1]["command"] == "amend"


def test_amending_the_content_keeps_the_message_and_drops_the_run(lab: Lab) -> None:
    lab.put("a", b"1")
    plain = lab.commit("One")
    with lab.pod.lock(), lab.pod.store.session() as session:
        run = session.add(Kind.BLOB, b"stands for a run")
        working = WorkingTree.look(lab.pod)
        snapshot = take_snapshot(lab.root, working.found, working.index, session)
        made = Commit(tree=snapshot.tree, parents=(plain.id,), author=lab.who(), message="Run", run=run)
        publish(lab.pod, session, working, snapshot, made, "run")
    assert lab.commit("Run it", amend=True).commit.run == run
    lab.put("a", b"2")
    amended = lab.commit(None, amend=True)
    assert amended.commit.run is None
    assert amended.commit.message == "Run it"
    assert amended.commit.parents == (plain.id,)
    assert lab.committed() == {b"a": text(b"2")}


def test_amending_with_paths(lab: Lab) -> None:
    lab.put_all({b"a": text(b"1"), b"b": text(b"1")})
    lab.commit()
    lab.put_all({b"a": text(b"2"), b"b": text(b"2")})
    lab.commit(amend=True, paths=[b"a"])
    assert lab.committed() == {b"a": text(b"2"), b"b": text(b"1")}
    assert lab.changed() == {"b": "modified"}


def test_amending_nothing(lab: Lab) -> None:
    lab.put("a", b"1")
    with pytest.raises(RevisionNotFound) as caught:
        lab.commit(amend=True)
    assert "no commit to amend yet" in caught.value.hint
    made = lab.commit("One")
    with pytest.raises(NothingToCommit):
        commit(lab.pod, CommitRequest(made.commit.author, None, amend=True))
    assert lab.head == made.id


# --- failures -------------------------------------------------------------------------------------------------------


def _writing_while_read(monkeypatch: pytest.MonkeyPatch, path: bytes, times: int) -> None:
    """Somebody else appends to a file each time it was read."""
    original = os.read
    left = [times]

    def read(descriptor: int, length: int) -> bytes:
        data = original(descriptor, length)
        if left[0] and os.path.samestat(os.fstat(descriptor), os.stat(path)):
            left[0] -= 1
            with open(path, "ab") as file:
                file.write(b"more")
        return data

    monkeypatch.setattr(os, "read", read)


def test_a_file_that_keeps_changing_while_it_is_read(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.put("a", b"1")
    lab.commit()
    lab.put("d/log", b"1")
    before = _state(lab)
    with monkeypatch.context() as patch:
        _writing_while_read(patch, lab.path("d/log"), 100)
        with pytest.raises(FileUnstable, match="`d/log` changes while it is being read"):
            lab.commit()
    assert _state(lab) == before
    assert lab.stray() == []
    assert lab.changed() == {"d/log": "added"}


def test_a_file_that_changes_once_is_read_again(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.put("d/log", b"1")
    with monkeypatch.context() as patch:
        _writing_while_read(patch, lab.path("d/log"), 1)
        lab.commit()
    assert lab.committed() == {b"d/log": text(b"1more")}
    assert lab.changed() == {}


def test_a_large_file_that_keeps_changing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    from sovrgit.store import session as session_module

    lab.put("a", b"1")
    lab.commit()
    lab.put("big", os.urandom(9 << 20))
    before = _state(lab)
    original = session_module.WriteSession.add_stream

    def add_stream(session: Any, *arguments: Any) -> Any:
        added = original(session, *arguments)
        with open(lab.path("big"), "ab") as file:
            file.write(b"more")
        return added

    with monkeypatch.context() as patch:
        patch.setattr(session_module.WriteSession, "add_stream", add_stream)
        with pytest.raises(FileUnstable, match="`big`"):
            lab.commit()
    assert _state(lab) == before
    assert lab.stray() == []


@pytest.mark.parametrize("size", [10, 9 << 20])
def test_a_full_disk(lab: Lab, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    lab.put("a", b"1")
    lab.commit()
    lab.put("data", os.urandom(size))
    before = _state(lab)

    def write(descriptor: int, data: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        with pytest.raises(StorageFull):
            lab.commit()
    assert _state(lab) == before
    assert lab.stray() == []
    lab.commit()
    assert lab.changed() == {}


def test_a_disk_that_is_full_only_when_the_index_is_saved(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.put("a", b"1")

    def refuse(*_: object, **__: object) -> None:
        raise StorageFull(path="index")

    with monkeypatch.context() as patch:
        patch.setattr(index_module, "write_atomic", refuse)
        # The commit is made: to say that it failed would be wrong.
        made = lab.commit()
    assert lab.head == made.id
    assert lab.changed() == {}


@pytest.mark.parametrize("failing", ["fsync", "rename", "replace"])
def test_a_failure_at_any_step_leaves_the_pod_as_it_was(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    lab.put("a", b"1")
    lab.commit()
    refs = lab.pod.refs.read()
    lab.put("a", b"2")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, failing, refuse)
        with pytest.raises(StorageFailure):
            lab.commit()
    assert lab.pod.refs.read() == refs
    assert lab.stray() == []
    again = lab.reopened()
    assert again.changed() == {"a": "modified"}
    again.commit()
    assert again.committed() == {b"a": text(b"2")}


def test_a_branch_that_moved_meanwhile_is_not_taken_back(lab: Lab) -> None:
    lab.put("a", b"1")
    first = lab.commit()
    lab.put("a", b"2")
    with lab.pod.store.session() as session:
        working = WorkingTree.look(lab.pod)
        snapshot = take_snapshot(lab.root, working.found, working.index, session)
        made = Commit(tree=snapshot.tree, parents=(first.id,), author=lab.who(), message="Late")
        theirs = lab.reopened().commit("Theirs")
        with pytest.raises(RevisionNotFound) as caught:
            publish(lab.pod, session, working, snapshot, made, "run")
    assert "moved" in caught.value.hint
    assert lab.head == theirs.id


# --- several at once ------------------------------------------------------------------------------------------------


def _commit_often(root: Path, name: str, start: Any) -> None:
    with Pod(root) as pod:
        start.wait(20)
        for number in range(8):
            (root / f"{name}-{number}").write_bytes(b"%d" % number)
            try:
                commit(pod, CommitRequest(Stamp(name, "", 1_700_000_000), f"{name} {number}"))
            except NothingToCommit:
                # The other one took this file with its own.
                continue
            except FileUnstable:
                commit(pod, CommitRequest(Stamp(name, "", 1_700_000_000), f"{name} {number}"))


def test_two_processes_that_commit_at_once_lose_nothing(lab: Lab) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2)
    workers = [context.Process(target=_commit_often, args=(lab.root, name, start)) for name in ("left", "right")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    history = list(walk(lab.pod.store, [lab.head]))
    assert [len(made.parents) for _, made in history] == [1] * (len(history) - 1) + [0]
    assert len(history) == len(lab.pod.refs.journal())
    # Each commit has all that the one before it had.
    counts = [len(lab.pod.store.tree(made.tree).entries) for _, made in history]
    assert counts == sorted(counts, reverse=True)
    if lab.changed():
        lab.commit()
    assert set(lab.committed()) == {b"%s-%d" % (name, number) for name in (b"left", b"right") for number in range(8)}


def test_the_working_tree_is_looked_at_under_the_lock(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a commit that had to wait for another one builds on it."""
    lab.put("a", b"1")
    original: Callable[[Pod], WorkingTree] = WorkingTree.look

    def look(pod: Pod) -> WorkingTree:
        with pytest.raises(Locked), lab.reopened().pod.lock(patience=0):
            pass
        return original(pod)

    monkeypatch.setattr(WorkingTree, "look", look)
    lab.commit()
    assert lab.committed() == {b"a": text(b"1")}
