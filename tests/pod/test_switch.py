"""Moving to another commit and restoring, with changes in the working tree that must not be lost."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from pod_lab import EMPTY, Files, Lab, Node, files_on_disk, link, naive_diff, script, text
from test_treediff import FILES

from sovrgit.errors import LocalChanges, PathNotFound, StorageFull, UnsafeName
from sovrgit.objects.ids import ObjectId
from sovrgit.pod.switch import move_to, restore
from sovrgit.pod.treediff import find
from sovrgit.pod.worktree import WorkingTree

BASE: dict[bytes, Node] = {b"a": text(b"1"), b"d/x": text(b"1"), b"d/y": text(b"1"), b"e": EMPTY, b"l": link(b"a")}


def _move(lab: Lab, target: ObjectId) -> int:
    with lab.pod.lock():
        return move_to(lab.pod, target, command="test", time_ns=7)


def _begin(lab: Lab, base: Files, incoming: Files) -> ObjectId:
    """Check out one commit, and make its successor."""
    lab.put_all(base)
    return lab.add_commit(incoming, lab.commit(allow_empty=True).id)


def _without(*gone: bytes) -> dict[bytes, Node]:
    return {path: node for path, node in BASE.items() if path not in gone}


# --- moving ---------------------------------------------------------------------------------------------------------


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=60
)
@given(old=FILES, new=FILES)
def test_a_clean_pod_moves_there_and_back(lab: Lab, old: Files, new: Files) -> None:
    target = _begin(lab, old, new)
    start = lab.head
    assert _move(lab, target) == len(naive_diff(old, new))
    assert lab.on_disk() == new
    assert lab.changes() == set()
    assert lab.head == target
    _move(lab, start)
    assert lab.on_disk() == old
    assert lab.changes() == set()


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=150
)
@given(old=FILES, here=FILES, new=FILES)
def test_no_local_change_is_ever_lost(lab: Lab, old: Files, here: Files, new: Files) -> None:
    target = _begin(lab, old, new)
    start = lab.head
    lab.put_all(here)
    local = {change.path for change in naive_diff(old, here)}
    try:
        _move(lab, target)
    except LocalChanges:
        assert lab.on_disk() == here
        assert lab.head == start
    else:
        after = lab.on_disk()
        # What was changed here is as it was, and everything else as the commit has it.
        kept = {path: node for path, node in here.items() if path in local and node != EMPTY}
        assert {path: after.get(path) for path in kept} == kept
        rest = (after.keys() | new.keys()) - local
        for path in rest:
            if EMPTY not in (after.get(path), new.get(path)):
                assert after.get(path) == new.get(path)
        assert lab.changes() == naive_diff(new, after)
    assert lab.stray() == []
    lab.point("refs/heads/main", None)


def test_a_move_is_in_the_journal(lab: Lab) -> None:
    target = _begin(lab, BASE, {**BASE, b"a": text(b"2")})
    _move(lab, target)
    entry = lab.pod.refs.journal()[-1]
    assert (entry["command"], entry["time"]) == ("test", 7)


@pytest.mark.parametrize(
    "node", [text(b"22"), text(b"2"), script(b"1"), link(b"x"), EMPTY, None], ids=lambda node: str(node)[:40]
)
def test_a_path_that_is_changed_here_and_there(lab: Lab, node: Node | None) -> None:
    target = _begin(lab, BASE, {**BASE, b"a": text(b"3"), b"d/x": text(b"3")})
    if node is None:
        lab.drop("a")
    else:
        lab.put("a", node)
    before, start = lab.on_disk(), lab.head
    with pytest.raises(LocalChanges) as caught:
        _move(lab, target)
    assert caught.value.message == "local changes would be lost: `a`"
    assert lab.on_disk() == before
    assert lab.head == start


@pytest.mark.parametrize(
    "changed",
    [
        {b"a": text(b"222")},
        {b"a": text(b"2")},
        {b"a": script(b"1")},
        {b"new": text(b"anything")},
        {b"new/deep/er": link(b"x")},
        {b"a": EMPTY},
        {b"d": text(b"file")},
        {b"d": EMPTY},
        {b"l/x": text(b"1")},
        {b"d/x": None},
        {b"e": None},
        {b"e": text(b"file")},
    ],
    ids=str,
)
def test_a_change_that_was_made_here_too_is_accepted(lab: Lab, changed: dict[bytes, Node | None]) -> None:
    over = [path for path in BASE if any(path.startswith(new + b"/") or new.startswith(path + b"/") for new in changed)]
    merged: dict[bytes, Node | None] = {**_without(*over), **changed}
    after = {path: node for path, node in merged.items() if node is not None}
    target = _begin(lab, BASE, {**after, b"other": text(b"2")})
    lab.put_all(after)
    assert _move(lab, target) == 1
    assert lab.on_disk() == {**after, b"other": text(b"2")}
    assert lab.changes() == set()


def test_more_clashes_than_one_wants_to_read(lab: Lab) -> None:
    names = [b"f%d" % number for number in range(9)]
    target = _begin(lab, dict.fromkeys(names, text(b"1")), dict.fromkeys(names, text(b"2")))
    for name in names:
        lab.put(name, b"3")
    with pytest.raises(LocalChanges, match=r"`f0`, `f1`, `f2`, `f3`, `f4` and 4 more"):
        _move(lab, target)


@pytest.mark.parametrize(
    ("incoming", "here"),
    [
        ({b"new": text(b"2")}, {b"new": text(b"mine")}),
        ({b"new/x": text(b"2")}, {b"new": text(b"mine")}),
        ({b"new": text(b"2")}, {b"new/x": text(b"mine")}),
        ({b"new/x": text(b"2")}, {b"new": link(b"d")}),
        ({b"new": EMPTY}, {b"new": text(b"mine")}),
    ],
)
def test_untracked_files_in_the_way(lab: Lab, incoming: Files, here: Files) -> None:
    target = _begin(lab, BASE, {**BASE, b"a": text(b"2"), **incoming})
    for path, node in here.items():
        lab.put(path, node)
    before = lab.on_disk()
    with pytest.raises(LocalChanges, match="`new"):
        _move(lab, target)
    assert lab.on_disk() == before


@pytest.mark.parametrize(
    ("incoming", "here"),
    [
        # A folder that is to be empty, or to go, and has something of ours.
        ({**_without(b"d/x", b"d/y"), b"d": EMPTY}, {b"d/mine": text(b"m")}),
        (_without(b"d/x", b"d/y"), {b"d/mine": text(b"m")}),
        (_without(b"e"), {b"e/mine": text(b"m")}),
        ({**_without(b"e"), b"e/theirs": text(b"2")}, {b"e/mine": text(b"m")}),
        ({**BASE, b"n/theirs": text(b"2")}, {b"n/mine": text(b"m")}),
        ({**BASE, b"n/theirs": text(b"2")}, {b"n": EMPTY}),
        ({**BASE, b"a": text(b"2")}, {b"d/x": None}),
    ],
)
def test_changes_that_do_not_meet(lab: Lab, incoming: Files, here: dict[bytes, Node | None]) -> None:
    target = _begin(lab, BASE, incoming)
    for path, node in here.items():
        if node is None:
            lab.drop(path)
        else:
            lab.put(path, node)
    _move(lab, target)
    after = lab.on_disk()
    for path, node in here.items():
        if node != EMPTY:
            assert after.get(path) == node
    assert lab.changes() == naive_diff(incoming, after)


# --- what no look tells of ------------------------------------------------------------------------------------------


def test_ignored_files_in_the_way(lab: Lab) -> None:
    base = {**BASE, b".sovrignore": text(b"*.env\nbuild/\n")}
    for number, path in enumerate((b".env", b"x/.env", b"build/x", b"build", b"build/x/y")):
        target = _begin(lab, base, {**base, b"a": text(b"%d" % number), path: text(b"theirs")})
        lab.put(".env", b"mine")
        lab.put("x/.env", b"mine")
        lab.put("build/x", b"mine")
        before, start = lab.on_disk(), lab.head
        with pytest.raises((LocalChanges, UnsafeName)) as caught:
            _move(lab, target)
        assert "commit them first" not in caught.value.hint
        assert lab.on_disk() == before
        assert lab.head == start


def test_pipes_in_the_way(lab: Lab) -> None:
    target = _begin(lab, BASE, {**BASE, b"pipe": text(b"2")})
    os.mkfifo(lab.path("pipe"))
    with pytest.raises(LocalChanges, match="`pipe`"):
        _move(lab, target)


def test_a_folder_replaced_by_a_link_here(lab: Lab, tmp_path: Any) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x").write_bytes(b"theirs")
    target = _begin(lab, BASE, {**BASE, b"d/x": text(b"2"), b"d/new": text(b"2")})
    lab.put("d", link(os.fsencode(tmp_path / "outside")))
    before = lab.on_disk()
    with pytest.raises(LocalChanges):
        _move(lab, target)
    assert lab.on_disk() == before
    assert files_on_disk(tmp_path / "outside") == {b"x": text(b"theirs")}


def test_a_link_that_becomes_a_folder_is_not_looked_through(lab: Lab, tmp_path: Any) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x").write_bytes(b"theirs")
    target = _begin(lab, {b"p": link(os.fsencode(tmp_path / "outside"))}, {b"p/x": text(b"2")})
    _move(lab, target)
    assert lab.on_disk() == {b"p/x": text(b"2")}
    assert files_on_disk(tmp_path / "outside") == {b"x": text(b"theirs")}


def test_a_name_that_is_another_file_to_the_file_system(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    target = _begin(lab, BASE, {**BASE, b"README": text(b"theirs")})
    lab.put("readme", b"mine")
    original = os.path.lexists

    def lexists(path: bytes) -> bool:
        folder, name = os.path.split(path)
        return original(path) or name.lower() in {known.lower() for known in os.listdir(folder)}

    with monkeypatch.context() as patch:
        patch.setattr(os.path, "lexists", lexists)
        with pytest.raises(UnsafeName, match="`README`"):
            _move(lab, target)
        # A file that only gets another case is no clash.
        lab.drop("readme")
        renamed = lab.add_commit({**_without(b"a"), b"A": text(b"1")}, lab.head)
        _move(lab, renamed)
    assert lab.on_disk() == {**_without(b"a"), b"A": text(b"1")}


def test_a_full_disk_changes_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    target = _begin(lab, BASE, {**BASE, b"a": text(b"2"), b"new": text(b"2")})
    start = lab.head

    def write(*_: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        with pytest.raises(StorageFull):
            _move(lab, target)
    assert lab.on_disk() == BASE
    assert lab.head == start
    assert lab.stray() == []


def test_a_move_that_was_killed_half_way_is_completed_by_the_next(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    target = _begin(lab, BASE, {**_without(b"d/x"), b"a": text(b"2"), b"new": text(b"22")})

    def kill(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(lab.pod.refs, "update", kill)
        with pytest.raises(KeyboardInterrupt):
            _move(lab, target)
    assert lab.changed() == {"a": "modified", "d/x": "removed", "new": "added"}
    assert _move(lab, target) == 0
    assert lab.changed() == {}
    assert lab.head == target


# --- restoring ------------------------------------------------------------------------------------------------------


def _restore(lab: Lab, *paths: bytes, tree: ObjectId | None = None) -> list[bytes]:
    return [change.path for change in restore(lab.pod, tree or lab.pod.head_tree(), paths, time_ns=9)]


@pytest.mark.parametrize(
    ("here", "paths", "after"),
    [
        ({b"a": text(b"22")}, [b"a"], {}),
        ({b"a": script(b"1")}, [b"a"], {}),
        ({b"a": None, b"d": None}, [b"d"], {b"a": None}),
        ({b"a": None, b"d": None}, [b""], {}),
        ({b"d/x": text(b"2"), b"d/new": text(b"m")}, [b"d"], {b"d/new": text(b"m")}),
        ({b"d/x": text(b"2"), b"d/new": text(b"m")}, [b"d/new"], {b"d/x": text(b"2")}),
        ({b"d/x": text(b"2"), b"d/new": text(b"m")}, [b"d", b"d/new", b"d/x", b"d"], {}),
        # The folder that the commit has, empty, stays with the last file that was added to it.
        ({b"e/new": text(b"m")}, [b"e/new"], {}),
        ({b"e/f/g": text(b"m")}, [b"e/f/g"], {}),
        ({b"e": text(b"m")}, [b"e"], {}),
        ({b"e": None}, [b"e"], {}),
        # Where the commit has a folder, a file or link gives way.
        ({b"d": text(b"m")}, [b"d"], {}),
        ({b"d": link(b"/")}, [b""], {}),
        ({b"a": EMPTY}, [b""], {}),
        ({b"a": EMPTY}, [b"a"], {}),
        ({b"l": text(b"m")}, [b"l"], {}),
        ({b"new/x": text(b"m")}, [b"new/x"], {}),
        ({b"new/x": text(b"m")}, [b""], {b"new/x": text(b"m")}),
        ({}, [b"a", b"d", b"e", b""], {}),
    ],
)
def test_restoring(
    lab: Lab, here: dict[bytes, Node | None], paths: list[bytes], after: dict[bytes, Node | None]
) -> None:
    lab.put_all(BASE)
    lab.commit()
    for path, node in here.items():
        if node is None:
            lab.drop(path)
        else:
            lab.put(path, node)
    expected: dict[bytes, Node | None] = {**BASE, **after}
    _restore(lab, *paths)
    assert lab.on_disk() == {path: node for path, node in expected.items() if node is not None}
    assert lab.changes() == naive_diff(BASE, lab.on_disk())


def test_restoring_from_another_commit(lab: Lab) -> None:
    lab.put_all(BASE)
    old = lab.commit().commit.tree
    lab.put_all({b"a": text(b"22"), b"new": text(b"n"), b"d": text(b"file")})
    lab.commit()
    assert _restore(lab, b"a", tree=old) == [b"a"]
    assert lab.changed() == {"a": "modified"}
    _restore(lab, b"", tree=old)
    assert lab.on_disk() == {**BASE, b"new": text(b"n")}
    _restore(lab, b"new", tree=old)
    assert lab.on_disk() == BASE


def test_restoring_does_not_lose_what_is_not_named(lab: Lab) -> None:
    lab.put_all(BASE)
    lab.commit()
    lab.drop("a")
    lab.put("a/mine", b"m")
    lab.put("d/x", b"2")
    before = lab.on_disk()
    with pytest.raises(LocalChanges, match="`a/mine`"):
        _restore(lab, b"")
    assert lab.on_disk() == before


def test_restoring_below_a_file_that_is_not_named(lab: Lab) -> None:
    lab.put_all(BASE)
    lab.commit()
    lab.put("d", b"mine")
    before = lab.on_disk()
    with pytest.raises(UnsafeName, match="`d` on the way"):
        _restore(lab, b"d/x")
    assert lab.on_disk() == before


def test_restoring_what_is_nowhere(lab: Lab) -> None:
    lab.put_all(BASE)
    lab.commit()
    lab.put("a", b"2")
    for path in (b"none", b"d/none", b".sovr", b"l/x"):
        with pytest.raises(PathNotFound):
            _restore(lab, b"a", path)
    assert lab.changed() == {"a": "modified"}
    assert _restore(lab, b"d/x") == []


# --- cost follows the changes ---------------------------------------------------------------------------------------


def test_only_folders_near_the_changes_are_looked_at(lab: Lab) -> None:
    lab.put_all({b"a/b/x": text(b"1"), b"a/c/x": text(b"1"), b"e/x": text(b"1"), b"e/f/x": text(b"1")})
    lab.commit()
    assert WorkingTree.look(lab.pod, [b"a/b/x"]).near == {"", "a", "a/b"}
    assert WorkingTree.look(lab.pod, [b"e"]).near == {"", "e", "e/f"}
    assert WorkingTree.look(lab.pod, [b"new/folder/x"]).near == {"", "new", "new/folder"}
    assert WorkingTree.look(lab.pod, [b""]).near == {"", "a", "a/b", "a/c", "e", "e/f"}
    assert WorkingTree.look(lab.pod, []).near == {""}


def test_what_was_not_looked_at_is_not_taken_for_unchanged(lab: Lab) -> None:
    lab.put_all(BASE)
    target = lab.add_commit({**BASE, b"f/new": text(b"n")}, lab.commit().id)
    lab.put("d/x", b"mine")
    lab.put("d/more/y", b"mine")
    near = WorkingTree.look(lab.pod, [b"f/new"])
    assert near.changes() == []
    near.remember()
    assert lab.changed() == {"d/x": "modified", "d/more/y": "added"}
    _move(lab, target)
    assert lab.changed() == {"d/x": "modified", "d/more/y": "added"}
    made = lab.commit()
    assert find(lab.pod.store, made.commit.tree, b"d/more/y") is not None


def test_what_is_not_tracked_any_more_may_be_ignored_wherever_it_lies(lab: Lab) -> None:
    # The file stays, because it is changed; the commit that is moved to has given it up, and its rules ignore it.
    lab.put_all({b"a/x.log": text(b"1"), b"b/y": text(b"1")})
    base = lab.commit().id
    ignoring = {b".sovrignore": text(b"*.log\n"), b"b/y": text(b"1"), b"a/z": text(b"1")}
    target = lab.add_commit(ignoring, base)
    _move(lab, target)
    lab.put("a/x.log", b"2")
    assert lab.changed() == {}
    with pytest.raises(LocalChanges, match=r"a/x\.log"):
        _move(lab, base)
    lab.drop("a/x.log")
    _move(lab, base)
    assert lab.changed() == {}
    lab.put("a/x.log", b"3")
    assert lab.changed() == {"a/x.log": "modified"}
