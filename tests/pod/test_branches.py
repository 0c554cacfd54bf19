"""Branches and tags: made, moved, removed, checked out, and what is refused."""

from __future__ import annotations

import pytest
from pod_lab import Lab, text

from sovrgit.errors import LocalChanges, NameTaken, NotMerged, RevisionNotFound, UnsafeName
from sovrgit.objects.ids import Kind
from sovrgit.pod import branches
from sovrgit.pod.refs import DETACHED
from sovrgit.pod.tags import create_tag, delete_tag, tags


@pytest.fixture
def begun(lab: Lab) -> Lab:
    lab.put_all({b"a": text(b"1"), b"d/x": text(b"1")})
    lab.commit("First")
    return lab


def names(lab: Lab) -> dict[str, bool]:
    return {branch.name: branch.current for branch in branches.branches(lab.pod)}


def test_before_the_first_commit(lab: Lab) -> None:
    assert branches.branches(lab.pod) == []
    switched = branches.switch_new(lab.pod, "side", None, time_ns=1)
    assert (switched.branch, switched.commit, switched.made) == ("side", None, True)
    lab.put(b"a", b"1")
    lab.commit()
    assert names(lab) == {"side": True}


def test_made_and_checked_out(begun: Lab) -> None:
    first = begun.head
    branches.create_branch(begun.pod, "side", first, time_ns=1)
    assert names(begun) == {"main": True, "side": False}
    begun.put(b"a", b"2")
    second = begun.commit("Second").id
    switched = branches.switch_branch(begun.pod, "side", time_ns=2)
    assert (switched.branch, switched.commit, switched.changed, switched.made) == ("side", first, 1, False)
    assert begun.on_disk()[b"a"] == text(b"1") and begun.changed() == {}
    assert branches.switch_branch(begun.pod, "main", time_ns=3).commit == second
    assert begun.on_disk()[b"a"] == text(b"2")


def test_a_commit_moves_the_branch_that_is_checked_out(begun: Lab) -> None:
    first = begun.head
    branches.switch_new(begun.pod, "side", None, time_ns=1)
    begun.put(b"a", b"2")
    second = begun.commit().id
    values = begun.pod.refs.read().values
    assert (values["refs/heads/main"], values["refs/heads/side"]) == (first, second)


def test_local_changes_come_along_or_stop_it(begun: Lab) -> None:
    branches.switch_new(begun.pod, "side", None, time_ns=1)
    begun.put(b"a", b"2")
    begun.commit()
    begun.put(b"d/x", b"local")
    branches.switch_branch(begun.pod, "main", time_ns=2)
    assert begun.changed() == {"d/x": "modified"}
    begun.put(b"a", b"local")
    with pytest.raises(LocalChanges):
        branches.switch_branch(begun.pod, "side", time_ns=3)
    assert names(begun) == {"main": True, "side": False}
    assert begun.on_disk()[b"a"] == text(b"local")


def test_a_commit_itself(begun: Lab) -> None:
    first = begun.head
    begun.put(b"a", b"2")
    second = begun.commit().id
    switched = branches.switch_detached(begun.pod, first, time_ns=1)
    assert (switched.branch, switched.commit, switched.left) == ("HEAD", first, None)
    assert begun.pod.refs.read().head == DETACHED and names(begun) == {"main": False}
    begun.put(b"b", b"1")
    loose = begun.commit("On no branch").id
    assert begun.pod.refs.read().values["refs/heads/main"] == second
    switched = branches.switch_branch(begun.pod, "main", time_ns=2)
    assert switched.left == loose
    assert DETACHED not in begun.pod.refs.read().values


def test_leaving_a_commit_that_a_branch_has_says_nothing(begun: Lab) -> None:
    branches.switch_detached(begun.pod, begun.head, time_ns=1)
    assert branches.switch_new(begun.pod, "side", None, time_ns=2).left is None


def test_one_of_a_remote_is_made_here(begun: Lab) -> None:
    begun.point("refs/remotes/origin/side", begun.head)
    switched = branches.switch_branch(begun.pod, "side", time_ns=1)
    assert (switched.branch, switched.made) == ("side", True)


def test_two_remotes_differ(begun: Lab) -> None:
    first = begun.head
    begun.put(b"a", b"2")
    begun.point("refs/remotes/one/side", begun.commit().id)
    begun.point("refs/remotes/two/side", first)
    with pytest.raises(RevisionNotFound, match="side") as caught:
        branches.switch_branch(begun.pod, "side", time_ns=1)
    assert "`one/side`, `two/side` differ" in caught.value.hint


def test_not_there(begun: Lab) -> None:
    begun.point("refs/tags/v1", begun.head)
    with pytest.raises(RevisionNotFound) as caught:
        branches.switch_branch(begun.pod, "v1", time_ns=1)
    assert "--detach v1" in caught.value.hint
    with pytest.raises(RevisionNotFound) as caught:
        branches.switch_branch(begun.pod, "sdie", time_ns=1)
    assert "sovr switch -c sdie" in caught.value.hint


@pytest.mark.parametrize(
    "name", ["", "HEAD", "@", "-x", "a b", "a..b", "a~1", "x/", ".x", "x.lock", "f" * 64, "refs/heads/x"]
)
def test_names_that_mean_something_else(begun: Lab, name: str) -> None:
    with pytest.raises(UnsafeName):
        branches.create_branch(begun.pod, name, begun.head, time_ns=1)
    assert names(begun) == {"main": True}


def test_names_that_are_taken(begun: Lab) -> None:
    branches.create_branch(begun.pod, "a/b", begun.head, time_ns=1)
    for name in ("main", "a/b", "a", "a/b/c", "main/x"):
        with pytest.raises(NameTaken):
            branches.create_branch(begun.pod, name, begun.head, time_ns=2)
    with pytest.raises(NameTaken):
        branches.create_branch(begun.pod, "main", begun.head, time_ns=2, force=True)
    first = begun.head
    begun.put(b"a", b"2")
    begun.commit()
    branches.create_branch(begun.pod, "a/b", begun.head, time_ns=3, force=True)
    assert begun.pod.refs.read().values["refs/heads/a/b"] == begun.head != first


def test_renaming(begun: Lab) -> None:
    branches.rename_branch(begun.pod, "main", "trunk", time_ns=1)
    assert names(begun) == {"trunk": True}
    branches.create_branch(begun.pod, "side", begun.head, time_ns=2)
    branches.rename_branch(begun.pod, "side", "side/way", time_ns=3)
    assert names(begun) == {"trunk": True, "side/way": False}
    with pytest.raises(NameTaken):
        branches.rename_branch(begun.pod, "side/way", "trunk", time_ns=4)
    with pytest.raises(RevisionNotFound):
        branches.rename_branch(begun.pod, "main", "x", time_ns=4)


def test_removing(begun: Lab) -> None:
    branches.create_branch(begun.pod, "merged", begun.head, time_ns=1)
    branches.delete_branch(begun.pod, "merged", time_ns=2)
    branches.switch_new(begun.pod, "side", None, time_ns=3)
    begun.put(b"a", b"2")
    tip = begun.commit().id
    with pytest.raises(NameTaken):
        branches.delete_branch(begun.pod, "side", time_ns=4, force=True)
    branches.switch_branch(begun.pod, "main", time_ns=5)
    with pytest.raises(NotMerged):
        branches.delete_branch(begun.pod, "side", time_ns=6)
    begun.point("refs/remotes/origin/side", tip)
    branches.delete_branch(begun.pod, "side", time_ns=7)
    assert names(begun) == {"main": True}


# --- tags -----------------------------------------------------------------------------------------------------------


def test_tags(begun: Lab) -> None:
    first = begun.head
    light = create_tag(begun.pod, "v1", first, time_ns=1)
    assert (light.id, light.target, light.kind, light.tag) == (first, first, Kind.COMMIT, None)
    full = create_tag(begun.pod, "v2", first, time_ns=2, message="The second", tagger=begun.who())
    assert full.tag is not None and (full.target, full.tag.message) == (first, "The second")
    assert begun.pod.store.kind(full.id) is Kind.TAG
    nested = create_tag(begun.pod, "v3", full.id, time_ns=3)
    assert (nested.target, nested.tag) == (first, full.tag)
    assert [tag.name for tag in tags(begun.pod)] == ["v1", "v2", "v3"]
    with pytest.raises(NameTaken):
        create_tag(begun.pod, "v1", begun.pod.head_tree(), time_ns=4)
    moved = create_tag(begun.pod, "v1", begun.pod.head_tree(), time_ns=4, force=True)
    assert moved.kind is Kind.TREE
    assert delete_tag(begun.pod, "v1", time_ns=5).target == moved.target
    with pytest.raises(RevisionNotFound):
        delete_tag(begun.pod, "v1", time_ns=6)
    with pytest.raises(UnsafeName):
        create_tag(begun.pod, "-v", first, time_ns=7)
