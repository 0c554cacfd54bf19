"""Looking at the working tree: rules, repositories in it, and what is read again."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pod_lab import EMPTY, Lab, link, naive_diff, naive_tree, script, text

from sovrgit.errors import FileUnstable, StorageFailure
from sovrgit.pod import scan as scan_module
from sovrgit.pod.index import Index
from sovrgit.pod.pod import Pod
from sovrgit.pod.status import status
from sovrgit.pod.switch import move_to
from sovrgit.pod.worktree import WorkingTree


def _move(lab: Lab, target: Any) -> None:
    with lab.pod.lock():
        move_to(lab.pod, target, command="test", time_ns=0)


def _as_without_index(lab: Lab) -> bool:
    """Whether status says what it says without any index."""
    found = lab.changes()
    lab.pod.index_path.unlink(missing_ok=True)
    return found == lab.changes()


# --- rules ----------------------------------------------------------------------------------------------------------


def test_rules_that_come_later_keep_tracked_files(lab: Lab) -> None:
    lab.put_all({b"a.log": text(b"1"), b"d/b.log": text(b"1")})
    lab.commit()
    lab.put(".sovrignore", b"*.log\n")
    lab.put("d/new.log", b"1")
    assert lab.changed() == {".sovrignore": "added"}
    lab.put("a.log", b"2")
    assert lab.changed() == {".sovrignore": "added", "a.log": "modified"}
    lab.commit()
    assert lab.committed().keys() == {b".sovrignore", b"a.log", b"d/b.log"}
    lab.drop("a.log")
    assert lab.changed() == {"a.log": "removed"}
    lab.commit()
    lab.put("a.log", b"3")
    assert lab.changed() == {}
    assert _as_without_index(lab)


def test_rules_that_go_show_what_they_hid(lab: Lab) -> None:
    lab.put_all({b".sovrignore": text(b"*.log\nbuild/\n"), b"d/a.log": text(b"1"), b"build/x/y": text(b"1")})
    lab.commit()
    assert lab.changed() == {}
    lab.put(".sovrignore", b"*.log\n")
    assert lab.changed() == {".sovrignore": "modified", "build/x/y": "added"}
    lab.drop(".sovrignore")
    assert lab.changed() == {".sovrignore": "removed", "build/x/y": "added", "d/a.log": "added"}


def test_rules_that_are_edited_without_another_size(lab: Lab) -> None:
    lab.put_all({b".sovrignore": text(b"a\n"), b"d/a": text(b""), b"d/b": text(b"")})
    os.utime(lab.path(".sovrignore"), (1, 1))
    assert lab.changed() == {".sovrignore": "added", "d/b": "added"}
    with open(lab.path(".sovrignore"), "r+b") as file:
        file.write(b"b\n")
    os.utime(lab.path(".sovrignore"), (1, 1))
    assert lab.changed() == {".sovrignore": "added", "d/a": "added"}


def test_rules_of_a_folder_hold_in_it_and_below(lab: Lab) -> None:
    lab.put_all(
        {
            b".sovrignore": text(b"*.o\n/top\n"),
            b"in/.sovrignore": text(b"!keep.o\n/x\nd/\n"),
            b"in/keep.o": text(b""),
            b"in/deep/keep.o": text(b""),
            b"in/deep/lose.o": text(b""),
            b"in/x": text(b""),
            b"in/deep/x": text(b""),
            b"in/deep/d/y": text(b""),
            b"in/top": text(b""),
            b"keep.o": text(b""),
            b"top": text(b""),
            b"x": text(b""),
        }
    )
    kept = {".sovrignore", "in/.sovrignore", "in/keep.o", "in/deep/keep.o", "in/deep/x", "in/top", "x"}
    assert set(lab.changed()) == kept
    lab.drop("in/.sovrignore")
    assert set(lab.changed()) == {".sovrignore", "in/x", "in/deep/x", "in/deep/d/y", "in/top", "x"}


def test_an_ignored_folder_with_a_tracked_file(lab: Lab) -> None:
    lab.put_all({b"build/kept": text(b"1"), b"build/sub/kept": text(b"1"), b"a": text(b"1")})
    lab.commit()
    lab.put(".sovrignore", b"build/\n")
    for name in ("build/new", "build/sub/new", "build/other/new"):
        lab.put(name, b"1")
    # As Git does: what is tracked stays, everything else in the folder is ignored.
    assert lab.changed() == {".sovrignore": "added"}
    lab.put("build/sub/kept", b"2")
    assert lab.changed() == {".sovrignore": "added", "build/sub/kept": "modified"}
    lab.commit()
    assert lab.committed().keys() == {b".sovrignore", b"a", b"build/kept", b"build/sub/kept"}
    assert _as_without_index(lab)


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stamps are trusted however young they are, so that nothing is looked at anew only for that."""
    monkeypatch.setattr("sovrgit.pod.stamps._TICK", -(10**18))
    monkeypatch.setattr("sovrgit.pod.stamps._COARSE", -(10**18))


@pytest.mark.usefixtures("trusting")
def test_what_is_not_tracked_any_more_is_ignored_after_a_move(lab: Lab) -> None:
    lab.put_all({b".sovrignore": text(b"build/\n*.log\n"), b"a": text(b"1")})
    without = lab.commit()
    files = {**lab.on_disk(), b"build/kept": text(b"1"), b"build/sub/kept": text(b"1"), b"logs/x.log": text(b"1")}
    tracking = lab.add_commit(files, without.id)
    _move(lab, tracking)
    assert lab.on_disk() == files
    lab.tick()
    for name in ("build/new", "build/sub/new", "logs/y.log", "logs/z"):
        lab.put(name, b"1")
    assert lab.changed() == {"logs/z": "added"}
    lab.tick()
    _move(lab, without.id)
    assert lab.changed() == {"logs/z": "added"}
    assert _as_without_index(lab)
    lab.tick()
    lab.drop("build")
    lab.put("logs/x.log", b"1")
    assert lab.changed() == {"logs/z": "added"}


@pytest.mark.usefixtures("trusting")
def test_a_branch_that_was_moved_by_somebody_else_decides_what_is_tracked(lab: Lab) -> None:
    lab.put_all({b".sovrignore": text(b"*.log\n"), b"x.log": text(b"1"), b"d/y.log": text(b"1")})
    without = lab.commit()
    assert without.commit.tree == naive_tree({b".sovrignore": text(b"*.log\n"), b"d": EMPTY}).id()
    tracking = lab.add_commit(lab.on_disk(), without.id)
    lab.point("refs/heads/main", tracking)
    assert lab.changed() == {}
    assert _as_without_index(lab)
    assert lab.changed() == {}
    lab.point("refs/heads/main", without.id)
    assert lab.changed() == {}
    assert _as_without_index(lab)


@pytest.mark.usefixtures("trusting")
def test_rules_that_ignore_themselves_are_noticed_all_the_same(lab: Lab) -> None:
    lab.put_all({b".sovrignore": text(b".sovrignore\na\n"), b"a": text(b"1"), b"b": text(b"1")})
    assert lab.changed() == {"b": "added"}
    lab.tick()
    lab.commit()
    assert status(lab.pod).files == 1
    with open(lab.path(".sovrignore"), "r+b") as file:
        file.write(b".sovrignore\nb\n")
    assert lab.changed() == {"a": "added"}
    lab.tick()
    lab.drop(".sovrignore")
    assert lab.changed() == {"a": "added"}


@pytest.mark.parametrize("what", ["pipe", "link", "folder"])
def test_rules_are_read_from_a_file_only(lab: Lab, tmp_path: Path, what: str) -> None:
    (tmp_path / "rules").write_bytes(b"*\n")
    lab.put("a", b"1")
    if what == "pipe":
        os.mkfifo(lab.path(".sovrignore"))
    elif what == "link":
        lab.put(".sovrignore", link(os.fsencode(tmp_path / "rules")))
    else:
        lab.put(".sovrignore/x", b"*\n")
    assert "a" in lab.changed()


def test_rules_that_cannot_be_read_are_no_reason_to_take_everything(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.put_all({b"d/.sovrignore": text(b"secret\n"), b"d/secret": text(b"1")})
    original = os.open

    def open_most(path: Any, *rest: Any, **options: Any) -> int:
        if os.fsdecode(path).endswith("/d/.sovrignore"):
            raise PermissionError(13, "Permission denied", path)
        return original(path, *rest, **options)

    monkeypatch.setattr(os, "open", open_most)
    with pytest.raises(StorageFailure, match=r"`d/\.sovrignore`: permission denied"):
        status(lab.pod)


NAMES = st.sampled_from(["a", "b", "build", "x.o", "keep"])
RULES = st.lists(st.sampled_from(["a", "b/", "*.o", "!keep", "/build", "build/*", "**/x.o", "*", "!a/"]), max_size=3)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=40
)
@given(
    steps=st.lists(
        st.tuples(
            st.lists(st.lists(NAMES, min_size=1, max_size=3).map("/".join), max_size=4),
            st.dictionaries(st.sampled_from(["", "a/", "build/"]), RULES, max_size=2),
            st.booleans(),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_rules_that_change_in_any_way(lab: Lab, steps: list[tuple[list[str], dict[str, list[str]], bool]]) -> None:
    """What the index says does not depend on how it came about."""
    for paths, rules, record in steps:
        for path in paths:
            for folder in Path(path).parents:
                if lab.root.joinpath(folder).is_file():
                    lab.drop(os.fsencode(folder))
            lab.put(path, b"1")
        for folder, lines in rules.items():
            if not lab.root.joinpath(folder).is_file():
                lab.put(f"{folder}.sovrignore", "\n".join(lines).encode())
        found = lab.changes()
        shutil.copy(lab.pod.index_path, lab.pod.folder / "kept")
        assert _as_without_index(lab)
        shutil.copy(lab.pod.folder / "kept", lab.pod.index_path)
        assert lab.changes() == found
        if record:
            lab.commit(allow_empty=True)
            assert lab.changes() == set()


# --- repositories in the working tree -------------------------------------------------------------------------------


def test_the_repository_is_never_taken_whatever_its_case(lab: Lab) -> None:
    lab.put_all({b"a": text(b"1"), b"d/.SOVR/x": text(b"1"), b"d/.Sovr": text(b"1"), b"d/.sovR": link(b"x")})
    lab.drop("d/.Sovr")
    lab.put(".SovR", b"1")
    lab.put("d/.sovr2", b"1")
    assert set(lab.changed()) == {"a", "d/.sovr2"}
    lab.commit()
    assert lab.committed().keys() == {b"a", b"d/.sovr2"}


def test_a_pod_inside_a_pod_is_taken_without_its_repository(lab: Lab) -> None:
    with Pod.create(lab.root / "inner") as inner:
        (inner.root / "recipe.json").write_bytes(b"{}")
        Lab(inner).commit()
        lab.commit()
        assert lab.committed() == {b"inner/recipe.json": text(b"{}")}
        (inner.root / "more").write_bytes(b"")
        assert lab.changed() == {"inner/more": "added"}
        assert Lab(inner).changed() == {"more": "added"}
    assert Pod.find(inner.root).root == inner.root
    assert Pod.find(lab.root).root == lab.root


# --- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        b"\xff\xfe",
        b"a\nb",
        b'"',
        b"'",
        b"\\",
        b" ",
        b"-rf",
        b"\x01",
        b"\xed\xa0\x80",
        b"caf\xc3\xa9",
        b"cafe\xcc\x81",
        b"~",
    ],
)
def test_any_name_that_the_file_system_takes(lab: Lab, name: bytes) -> None:
    files = {name: text(b"1"), b"d/" + name: script(b"2"), name + b"d/" + name: link(name), b"e/" + name: EMPTY}
    lab.put_all(files)
    lab.commit()
    assert lab.committed() == files
    assert lab.changed() == {}
    lab.put(b"d/" + name, b"3")
    assert lab.changed() == {os.fsdecode(b"d/" + name): "type"}


# --- stamps of folders ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("trusting")
def test_a_new_name_in_a_folder_whose_time_was_put_back_is_seen(lab: Lab) -> None:
    """As programs do that unpack an archive once more, or synchronise folders."""
    lab.put("d/a", b"1")
    os.utime(lab.path("d"), (1, 1))
    lab.commit()
    lab.tick()
    lab.put("d/b", b"1")
    os.utime(lab.path("d"), (1, 1))
    assert lab.changed() == {"d/b": "added"}


@pytest.mark.usefixtures("trusting")
def test_only_folders_that_changed_are_read(lab: Lab) -> None:
    lab.put_all({b"%d/%d/x" % (left, right): text(b"") for left in range(3) for right in range(3)})
    lab.commit()
    assert WorkingTree.look(lab.pod).found.changed == set()
    lab.tick()
    lab.put("1/1/y", b"")
    lab.drop("2/2")
    found = WorkingTree.look(lab.pod).found
    assert found.changed == {"1/1", "2"}
    assert found.removed == {"2/2"}
    kept = {path for path, folder in found.folders.items() if folder.tree}
    assert kept == {"0", "0/0", "0/1", "0/2", "1/0", "1/2", "2/0", "2/1"}


def test_folders_that_come_and_go(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.put("d/e/a", b"1")
    lab.put("b", b"1")
    original = os.open
    gone: list[int] = []

    def open_later(path: Any, *rest: Any, **options: Any) -> int:
        if os.fsdecode(path).endswith("d/e") and len(gone) < times:
            gone.append(1)
            raise FileNotFoundError(2, "No such file or directory", path)
        return original(path, *rest, **options)

    monkeypatch.setattr(os, "open", open_later)
    times = 3
    assert set(lab.changed()) == {"b", "d/e/a"}
    times = 1000
    lab.drop(".sovr/index")
    gone.clear()
    with pytest.raises(FileUnstable, match="`d/e`"):
        status(lab.pod)


# --- two processes --------------------------------------------------------------------------------------------------


@pytest.fixture
def wide(lab: Lab, trusting: None) -> Lab:
    """A pod of many folders, clean, whose stamps are trusted."""
    lab.put_all({b"%02d/%d" % (folder, number): text(b"1") for folder in range(30) for number in range(5)})
    lab.commit()
    lab.tick()
    return lab


def _change_a_little(lab: Lab) -> None:
    for folder in (0, 7, 28, 29):
        lab.put(f"{folder:02}/1", b"2")
    lab.put("15/new", b"2")
    lab.drop("03")
    lab.drop("27")
    lab.put("26", link(b"25"))


def _look(lab: Lab) -> tuple[set[str], set[str]]:
    found = WorkingTree.look(lab.pod).found
    return found.changed, found.removed


def test_two_processes_see_what_one_sees(wide: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    forks: list[int] = []
    original = os.fork
    monkeypatch.setattr(os, "fork", lambda: forks.append(1) or original())
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    _change_a_little(wide)
    alone = _look(wide)
    expected = naive_diff(wide.committed(), wide.on_disk())
    index = wide.pod.index_path.read_bytes()
    assert not forks
    monkeypatch.setattr(scan_module, "_FORK_FROM", 1)
    assert _look(wide) == alone
    assert forks
    assert wide.changes() == expected
    wide.pod.index_path.write_bytes(index)
    monkeypatch.setattr(scan_module, "_FORK_FROM", 10**9)
    assert wide.changes() == expected


@pytest.mark.parametrize("failing", ["fork", "pipe", "child"])
def test_without_a_second_process_one_does_it_all(wide: Lab, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    _change_a_little(wide)
    alone = _look(wide)
    monkeypatch.setattr(scan_module, "_FORK_FROM", 1)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(threading, "active_count", lambda: 1)

    def refuse(*_: object) -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    if failing == "child":
        parent, original = os.getpid(), scan_module._check

        def check(*arguments: Any) -> set[str]:
            if os.getpid() != parent:
                os._exit(1)
            return original(*arguments)

        monkeypatch.setattr(scan_module, "_check", check)
    else:
        monkeypatch.setattr(os, failing, refuse)
    before = len(os.listdir("/proc/self/fd"))
    assert _look(wide) == alone
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_child_is_not_waited_for_while_it_waits_for_us(wide: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """It could write more than a pipe holds, to a parent that has failed."""
    monkeypatch.setattr(scan_module, "_FORK_FROM", 1)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    parent = os.getpid()

    def check(*_: Any) -> set[str]:
        if os.getpid() == parent:
            raise KeyboardInterrupt
        return {f"{number}" for number in range(100_000)}

    monkeypatch.setattr(scan_module, "_check", check)
    with pytest.raises(KeyboardInterrupt):
        _look(wide)


def test_the_index_survives_being_written_and_read(wide: Lab) -> None:
    index = Index.load(wide.pod.index_path)
    assert index.head == wide.pod.head_tree()
    assert index.commit == wide.head
    assert set(index.folders) == {"", *(f"{folder:02}" for folder in range(30))}
