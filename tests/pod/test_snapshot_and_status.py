"""The working tree against the naive answer: everything walked, read and hashed."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from pod_lab import EMPTY, Lab, files_on_disk, link, naive_diff, naive_tree, script, text

from sovrgit.errors import FileUnstable, LocalChanges, NothingToCommit, ReadOnly, StorageFailure, UnsafeName
from sovrgit.objects.ids import ObjectId
from sovrgit.pod import index as index_module
from sovrgit.pod import snapshot as snapshot_module
from sovrgit.pod.index import NO_STAMP, Index
from sovrgit.pod.pod import Pod
from sovrgit.pod.status import status
from sovrgit.pod.switch import move_to, restore
from sovrgit.pod.worktree import WorkingTree
from sovrgit.pod.writetree import write_tree

NAMES = [b"a", b"b", b"A", b"a-b", b"\xff\xfe", b"line\nfeed", b"quote\"'", b"\xc3\xa9", b"*.o"]
NAME = st.sampled_from(NAMES)
PATH = st.lists(NAME, min_size=1, max_size=3).map(b"/".join)
CONTENT = st.sampled_from([b"", b"1", b"2", b"one", b"two", b"#!/bin/sh\n"])
TARGET = st.sampled_from([b"a", b"../outside", b"../outside/file", b"nowhere", b".", b"\xff", b"a/b"])
NODE = st.one_of(CONTENT.map(text), CONTENT.map(script), TARGET.map(link), st.just(EMPTY))


class RandomWork(RuleBasedStateMachine):
    """Whatever is done to the files, the pod sees what a full comparison sees."""

    @initialize()
    def begin(self) -> None:
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(os, "fsync", lambda descriptor: None)
        self.folder = Path(tempfile.mkdtemp())
        self.lab = Lab(Pod.create(self.folder / "pod"))
        self.commits: list[ObjectId] = []
        (self.folder / "outside").mkdir()
        (self.folder / "outside" / "file").write_bytes(b"theirs")

    def teardown(self) -> None:
        if hasattr(self, "lab"):
            assert files_on_disk(self.folder / "outside") == {b"file": text(b"theirs")}
            self.lab.pod.close()
            shutil.rmtree(self.folder)
            self.patch.undo()

    # --- work on files ----------------------------------------------------------------------------------------------

    @rule(path=PATH, node=NODE)
    def put(self, path: bytes, node: Any) -> None:
        self._clear_way(path)
        self.lab.put(path, node)

    @rule(path=PATH)
    def drop(self, path: bytes) -> None:
        if not self._through_a_link(path):
            self.lab.drop(path)

    @rule(source=PATH, to=PATH)
    def rename(self, source: bytes, to: bytes) -> None:
        old, new = self.lab.path(source), self.lab.path(to)
        usable = not self._through_a_link(source) and not self._through_a_link(to) and os.path.lexists(old)
        if usable and os.path.isdir(os.path.dirname(new)) and not os.path.lexists(new) and not new.startswith(old):
            os.rename(old, new)

    @rule(data=st.data())
    def edit_with_the_same_size(self, data: st.DataObject) -> None:
        files = [path for path, node in self.lab.on_disk().items() if node.kind < 3 and node.content]
        if files:
            path = self.lab.path(data.draw(st.sampled_from(sorted(files))))
            with open(path, "r+b") as file:
                first = file.read(1)
                file.seek(0)
                file.write(bytes([first[0] ^ 1]))

    @rule(data=st.data())
    def switch_executable(self, data: st.DataObject) -> None:
        files = [path for path, node in self.lab.on_disk().items() if node.kind < 3]
        if files:
            path = self.lab.path(data.draw(st.sampled_from(sorted(files))))
            os.chmod(path, os.stat(path).st_mode ^ 0o111)

    # --- work with the pod ------------------------------------------------------------------------------------------

    @rule()
    def commit(self) -> None:
        before = self.lab.pod.head_tree()
        files = self.lab.on_disk()
        expected = naive_tree(files).id()
        try:
            made = self.lab.commit()
        except NothingToCommit:
            assert expected == before
            return
        assert made.commit.tree == expected
        assert status(self.lab.pod).is_clean
        self.commits.append(made.id)
        copy = self.folder / "copy"
        copy.mkdir()
        write_tree(self.lab.pod.store, expected, copy)
        assert files_on_disk(copy) == files
        shutil.rmtree(copy)

    @rule(path=PATH)
    def commit_one_path(self, path: bytes) -> None:
        disk, before = self.lab.on_disk(), self.lab.committed()
        inside = (path, path + b"/")
        if any(name == path or name.startswith(path + b"/") for name in [*disk, *before]):
            try:
                self.lab.commit(paths=[path])
            except NothingToCommit:
                pass
            after = self.lab.committed()
            for name in disk.keys() | before.keys() | after.keys():
                if name == path or name.startswith(inside[1]):
                    assert after.get(name) == disk.get(name)

    @rule()
    def restore_everything(self) -> None:
        before, wanted = self.lab.on_disk(), self.lab.committed()
        try:
            restore(self.lab.pod, self.lab.pod.head_tree(), [b""], time_ns=0)
        except (LocalChanges, UnsafeName):
            assert self.lab.on_disk() == before
            return
        after = self.lab.on_disk()
        assert {path: after.get(path) for path, node in wanted.items() if node != EMPTY} == {
            path: node for path, node in wanted.items() if node != EMPTY
        }
        assert all(change.old is None for change in self.lab.changes())

    @rule(data=st.data())
    def restore_one(self, data: st.DataObject) -> None:
        wanted = self.lab.committed()
        if wanted:
            path = data.draw(st.sampled_from(sorted(wanted)))
            before = self.lab.on_disk()
            try:
                restore(self.lab.pod, self.lab.pod.head_tree(), [path], time_ns=0)
            except (LocalChanges, UnsafeName):
                assert self.lab.on_disk() == before
                return
            if wanted[path] != EMPTY:
                assert self.lab.on_disk()[path] == wanted[path]

    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        if not self.commits:
            return
        target = data.draw(st.sampled_from(self.commits))
        before, clean = self.lab.on_disk(), status(self.lab.pod).is_clean
        try:
            with self.lab.pod.lock():
                move_to(self.lab.pod, target, command="test", time_ns=0)
        except (LocalChanges, UnsafeName):
            assert not clean
            assert self.lab.on_disk() == before
        else:
            assert self.lab.head == target
            if clean:
                assert self.lab.on_disk() == self.lab.committed()
                assert status(self.lab.pod).is_clean

    @rule()
    def forget_the_index(self) -> None:
        self.lab.pod.index_path.unlink(missing_ok=True)

    @invariant()
    def status_is_right(self) -> None:
        if hasattr(self, "lab"):
            assert self.lab.changes() == naive_diff(self.lab.committed(), self.lab.on_disk())

    # --- help -------------------------------------------------------------------------------------------------------

    def _clear_way(self, path: bytes) -> None:
        """A file or link where a folder has to be gives way."""
        at = path.find(b"/")
        while at >= 0:
            full = self.lab.path(path[:at])
            if os.path.lexists(full) and (os.path.islink(full) or not os.path.isdir(full)):
                os.unlink(full)
            at = path.find(b"/", at + 1)

    def _through_a_link(self, path: bytes) -> bool:
        parts = path.split(b"/")
        return any(os.path.islink(self.lab.path(b"/".join(parts[:count]))) for count in range(1, len(parts)))


RandomWork.TestCase.settings = settings(
    max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestRandomWork = RandomWork.TestCase


# --- stamps that say too little -------------------------------------------------------------------------------------


def test_an_edit_of_the_same_size_at_once_after_a_look_is_seen(lab: Lab) -> None:
    for number in range(60):
        lab.put("data", b"%04d" % number)
        made = lab.commit()
        lab.put("data", b"%04d" % (number + 5000))
        assert lab.changed() == {"data": "modified"}
        with open(lab.path("data"), "r+b") as file:
            file.write(b"%04d" % (number + 6000))
        assert lab.changes() == naive_diff(lab.committed(), lab.on_disk())
        with open(lab.path("data"), "r+b") as file:
            file.write(b"%04d" % number)
        assert lab.changed() == {}
        assert lab.head == made.id


def test_an_edit_that_puts_the_time_of_modification_back_is_seen(lab: Lab) -> None:
    for number in range(20):
        lab.put("data", b"%04d" % number)
        old = 1_600_000_000_000_000_000 + number
        os.utime(lab.path("data"), ns=(old, old))
        lab.commit()
        assert lab.changed() == {}
        before = os.stat(lab.path("data"))
        with open(lab.path("data"), "r+b") as file:
            file.write(b"%04d" % (number + 5000))
        os.utime(lab.path("data"), ns=(before.st_atime_ns, before.st_mtime_ns))
        assert lab.changed() == {"data": "modified"}


def test_what_was_just_written_is_not_trusted_by_its_stamps(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    # Kernels that stamp by the timer tick alone would give the next edit the same stamps.
    monkeypatch.setattr("sovrgit.pod.stamps._TICK", 10**15)
    lab.put("young/data", b"1234")
    lab.commit()
    index = Index.load(lab.pod.index_path)
    assert list(index.folders["young"].mtimes) == [NO_STAMP]
    assert index.folders["young"].modified == NO_STAMP


def test_files_that_are_dated_in_the_future_are_always_read(lab: Lab) -> None:
    lab.put("data", b"1234")
    for seconds in (4_000_000_000, 10_000_000_000):
        os.utime(lab.path("data"), (seconds, seconds))
        lab.put("other", b"%d" % seconds)
        lab.commit()
        assert lab.changed() == {}
        with open(lab.path("data"), "r+b") as file:
            file.write(b"%d" % (seconds // 1_000_000))
        os.utime(lab.path("data"), (seconds, seconds))
        assert lab.changed() == {"data": "modified"}
        lab.commit()


def test_a_file_that_is_written_to_between_look_and_commit_is_read_anew_afterwards(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.put("folder/data", b"1234")
    with monkeypatch.context() as patch:
        patch.setattr("sovrgit.pod.stamps._TICK", -(10**18))
        patch.setattr("sovrgit.pod.stamps._COARSE", -(10**18))
        status(lab.pod)
    working = WorkingTree.look(lab.pod)
    # The folder is as the index says, so nothing but the commit itself notices.
    assert working.found.changed == set()
    lab.tick()
    with open(lab.path("folder/data"), "r+b") as file:
        file.write(b"5678")
    with lab.pod.store.session() as session:
        taken = snapshot_module.take_snapshot(lab.root, working.found, working.index, session)
        session.commit()
    assert taken.tree == naive_tree({b"folder/data": text(b"5678")}).id()
    working.save_index()
    assert list(Index.load(lab.pod.index_path).folders["folder"].mtimes) == [NO_STAMP]


def test_a_mode_that_changes_between_look_and_commit_is_taken(lab: Lab) -> None:
    lab.put("tool", b"#!/bin/sh\n")
    working = WorkingTree.look(lab.pod)
    os.chmod(lab.path("tool"), 0o755)
    with lab.pod.store.session() as session:
        taken = snapshot_module.take_snapshot(lab.root, working.found, working.index, session)
    assert taken.tree == naive_tree({b"tool": script(b"#!/bin/sh\n")}).id()


def test_the_clock_of_a_coarse_file_system() -> None:
    from sovrgit.pod.stamps import is_recent

    second = 1_000_000_000
    assert is_recent(100 * second, 101 * second)
    assert is_recent(100 * second + 1, 100 * second + 15_000_000)
    assert not is_recent(100 * second + 1, 100 * second + 30_000_000)
    assert not is_recent(100 * second, 103 * second)


# --- the index is only a cache --------------------------------------------------------------------------------------


def _damage_nothing(path: Path, older: bytes) -> None:
    """The index as it is."""


def _delete(path: Path, older: bytes) -> None:
    path.unlink()


def _flip(path: Path, older: bytes) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def _cut(path: Path, older: bytes) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def _empty(path: Path, older: bytes) -> None:
    path.write_bytes(b"")


def _put_older(path: Path, older: bytes) -> None:
    path.write_bytes(older)


@pytest.mark.parametrize("damage", [_damage_nothing, _delete, _flip, _cut, _empty, _put_older])
def test_status_and_commit_do_not_depend_on_the_index(lab: Lab, damage: Callable[[Path, bytes], None]) -> None:
    lab.put_all({b"a": text(b"1"), b"d/x": text(b"2"), b"d/y": link(b"x"), b"gone/z": text(b"3")})
    lab.commit()
    older = lab.pod.index_path.read_bytes()
    lab.put("d/x", b"22")
    lab.commit()
    lab.put_all({b"a": script(b"1"), b"d/x": text(b"23"), b"d/y": link(b"x"), b"new": EMPTY})
    damage(lab.pod.index_path, older)
    assert lab.changes() == naive_diff(lab.committed(), lab.on_disk())
    assert status(lab.pod).files == 3
    damage(lab.pod.index_path, older)
    assert lab.commit().commit.tree == naive_tree(lab.on_disk()).id()
    assert lab.changed() == {}


def test_an_index_about_a_tree_that_is_gone_is_not_used(lab: Lab) -> None:
    lab.put("a", b"1")
    lab.commit()
    index = Index.load(lab.pod.index_path)
    index.head, index.commit = bytes(31) + b"\1", bytes(32)
    index.save(lab.pod.index_path)
    assert lab.changed() == {}


def test_a_clean_status_opens_neither_a_file_nor_the_store(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.put("d/data", b"1234")
    os.utime(lab.path("d/data"), (1, 1))
    lab.commit()
    monkeypatch.setattr("sovrgit.pod.stamps._TICK", -(10**18))
    monkeypatch.setattr("sovrgit.pod.stamps._COARSE", -(10**18))
    lab.drop(".sovr/index")
    assert status(lab.pod).is_clean
    again = lab.reopened()
    assert status(again.pod).is_clean
    assert "store" not in again.pod.__dict__


@pytest.mark.parametrize("failing", [ReadOnly(path="x", reason="y"), StorageFailure(path="x", reason="y")])
def test_status_works_where_nothing_can_be_written(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, failing: Exception
) -> None:
    lab.put("a", b"1")
    lab.commit()
    lab.put("a", b"2")
    before = lab.pod.index_path.read_bytes()

    def refuse(*_: object, **__: object) -> None:
        raise failing

    original = os.open

    def read_only(path: Any, flags: int, *rest: Any, **options: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
        return original(path, flags, *rest, **options)

    monkeypatch.setattr(index_module, "write_atomic", refuse)
    monkeypatch.setattr(os, "open", read_only)
    assert lab.changed() == {"a": "modified"}
    assert lab.changed() == {"a": "modified"}
    assert lab.pod.index_path.read_bytes() == before


# --- files that cannot be taken -------------------------------------------------------------------------------------


def _refusing(monkeypatch: pytest.MonkeyPatch, refused: str, number: int) -> None:
    original = os.open

    def open_most(path: Any, flags: int, *rest: Any, **options: Any) -> int:
        if os.path.basename(os.fsdecode(path)) == refused:
            raise OSError(number, os.strerror(number), path)
        return original(path, flags, *rest, **options)

    monkeypatch.setattr(os, "open", open_most)


@pytest.mark.parametrize("refused", ["data", "inner"])
def test_what_cannot_be_read_is_named(lab: Lab, monkeypatch: pytest.MonkeyPatch, refused: str) -> None:
    lab.put("outer/inner/data", b"1")
    with monkeypatch.context() as patch:
        _refusing(patch, refused, errno.EACCES)
        with pytest.raises(StorageFailure) as caught:
            lab.commit()
    named = "outer/inner/data" if refused == "data" else "outer/inner"
    assert caught.value.message == f"`{named}`: permission denied"
    assert ".sovrignore" in caught.value.hint
    assert lab.pod.head() is None
    assert lab.stray() == []


def test_status_names_a_file_that_cannot_be_read(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.put("d/data", b"1")
    lab.commit()
    lab.put("d/data", b"2")
    _refusing(monkeypatch, "data", errno.EIO)
    with pytest.raises(StorageFailure, match="`d/data`: input/output error"):
        status(lab.pod)


def test_a_file_that_goes_while_it_is_compared_is_unstable(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.put("d/data", b"1")
    lab.commit()
    lab.put("d/data", b"2")
    _refusing(monkeypatch, "data", errno.ENOENT)
    with pytest.raises(FileUnstable, match="`d/data` changes"):
        status(lab.pod)


def test_special_files_are_left_out_and_told(lab: Lab) -> None:
    os.mkfifo(lab.path("pipe"))
    os.makedirs(lab.path("d"))
    os.mkfifo(lab.path("d/pipe"))
    lab.put("file", b"1")
    made = lab.commit()
    assert made.special == ("pipe", "d/pipe")
    assert lab.committed() == {b"file": text(b"1"), b"d": EMPTY}
    assert lab.changed() == {}


def test_a_file_replaced_by_a_pipe_is_removed_from_the_pod(lab: Lab) -> None:
    lab.put("file", b"1")
    lab.commit()
    lab.drop("file")
    os.mkfifo(lab.path("file"))
    assert lab.changed() == {"file": "removed"}


@pytest.mark.parametrize("other", ["pipe", "link", "folder", "nothing"])
def test_a_file_that_became_something_else_since_the_look_is_unstable(lab: Lab, other: str) -> None:
    lab.put("d/file", b"1")
    working = WorkingTree.look(lab.pod)
    lab.drop("d/file")
    if other == "pipe":
        os.mkfifo(lab.path("d/file"))
    elif other != "nothing":
        lab.put("d/file", link(b"elsewhere") if other == "link" else EMPTY)
    with lab.pod.store.session() as session, pytest.raises(FileUnstable, match="`d/file`"):
        snapshot_module.take_snapshot(lab.root, working.found, working.index, session)


@pytest.mark.parametrize("other", [text(b"x"), link(b".sovr")])
def test_a_folder_that_became_something_else_since_the_look_is_unstable(lab: Lab, other: Any) -> None:
    lab.put("d/file", b"1")
    working = WorkingTree.look(lab.pod)
    lab.put("d", other)
    with lab.pod.store.session() as session, pytest.raises(FileUnstable, match="`d`"):
        snapshot_module.take_snapshot(lab.root, working.found, working.index, session)


def test_a_link_that_became_a_file_since_the_look_is_unstable(lab: Lab) -> None:
    lab.put("link", link(b"x"))
    working = WorkingTree.look(lab.pod)
    lab.put("link", b"x")
    with lab.pod.store.session() as session, pytest.raises(FileUnstable, match="`link`"):
        snapshot_module.take_snapshot(lab.root, working.found, working.index, session)


def test_folders_that_are_nested_deeply(lab: Lab) -> None:
    # As deep as Python's own way to make folders goes.
    deep = "/".join(["d"] * 700)
    lab.put("top", b"1")
    lab.commit()
    try:
        os.makedirs(lab.path(os.path.dirname(deep)))
        lab.put(deep, b"1")
        assert lab.changed() == {deep: "added"}
        lab.commit()
        assert lab.changed() == {}
        with open(lab.path(deep), "wb") as file:
            file.write(b"22")
        assert lab.changed() == {deep: "modified"}
    finally:
        # Python's own way to remove folders is recursive.
        subprocess.run(["rm", "-rf", lab.path("d")], check=True)
    assert lab.changed() == {deep: "removed"}


def test_the_size_of_a_pod_counts_every_file(lab: Lab) -> None:
    lab.put_all({b"a": text(b"123"), b"d/b": text(b"45"), b"d/c": link(b"678")})
    lab.commit()
    assert lab.pod.store.tree(lab.pod.head_tree()).size == 8
    assert status(lab.pod).files == 3
