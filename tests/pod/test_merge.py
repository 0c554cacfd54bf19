"""Merging commits: common ancestors, trees, conflicts, what waits, and giving it up."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pod_lab import EMPTY, Files, Lab, Node, link, script, text
from test_treediff import FILES

from sovrgit.errors import (
    Conflicted,
    HistoryDiverged,
    IntegrityFailure,
    LocalChanges,
    MergeUnfinished,
    NoMerge,
    PathNotFound,
    RevisionNotFound,
    Unsupported,
)
from sovrgit.objects.ids import ObjectId
from sovrgit.pod import branches
from sovrgit.pod.history import ancestors, is_ancestor
from sovrgit.pod.merge import Merged, MergeRequest, cherry_pick, merge, revert
from sovrgit.pod.mergebase import merge_bases
from sovrgit.pod.mergestate import read_state
from sovrgit.pod.resolve import abort, resolve
from sovrgit.pod.status import status
from sovrgit.pod.undo import undo

BASE: dict[bytes, Node] = {b"a": text(b"1\n2\n3\n"), b"b": text(b"b\n"), b"d/x": text(b"x\n"), b"s": script(b"s\n")}


def fork(lab: Lab, ours: Files, theirs: Files, base: Files = BASE) -> ObjectId:
    """Check out one side of a history that has split; the tip of the other one."""
    lab.put_all(base)
    start = lab.commit(allow_empty=True).id
    other = lab.add_commit(theirs, start, message="Theirs")
    lab.put_all(ours)
    lab.commit("Ours", allow_empty=True)
    return other


def do(lab: Lab, other: ObjectId, **options: object) -> Merged:
    return merge(lab.pod, MergeRequest(other, "side", lab.who(), **options), time_ns=1)  # type: ignore[arg-type]


def with_(**changes: Node | None) -> dict[bytes, Node]:
    files = dict(BASE)
    for name, node in changes.items():
        path = name.replace("__", "/").encode()
        if node is None:
            files.pop(path, None)
        else:
            files[path] = node
    return files


# --- common ancestors -----------------------------------------------------------------------------------------------


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_common_ancestors_are_the_best_ones(lab: Lab, data: st.DataObject) -> None:
    made: list[ObjectId] = []
    for number in range(data.draw(st.integers(2, 9))):
        parents = data.draw(st.lists(st.sampled_from(made), max_size=2, unique=True)) if made else []
        # Clocks go wrong.
        time = data.draw(st.integers(1, 5))
        made.append(lab.add_commit({}, *parents, time=time, message=str(number)))
    ours, theirs = data.draw(st.sampled_from(made)), data.draw(st.sampled_from(made))
    common = ancestors(lab.pod.store, [ours]) & ancestors(lab.pod.store, [theirs])
    best = {
        item
        for item in common
        if not any(other != item and is_ancestor(lab.pod.store, item, other) for other in common)
    }
    assert set(merge_bases(lab.pod.store, ours, theirs)) == best


# --- what is merged -------------------------------------------------------------------------------------------------


def test_both_sides(lab: Lab) -> None:
    ours = with_(a=text(b"one\n2\n3\n"), new=text(b"n"))
    theirs = with_(a=text(b"1\n2\nthree\n"), b=None, d__y=link(b"x"), e=EMPTY)
    other = fork(lab, ours, theirs)
    head = lab.head
    merged = do(lab, other)
    assert (merged.outcome, merged.conflicts) == ("merged", ())
    files = {**with_(a=text(b"one\n2\nthree\n"), b=None, d__y=link(b"x"), e=EMPTY), b"new": text(b"n")}
    assert lab.on_disk() == lab.committed() == files
    assert lab.changed() == {}
    commit = lab.pod.store.commit(merged.commit)
    assert commit.parents == (head, other) and commit.message == "Merge side"
    undo(lab.pod, time_ns=2)
    assert lab.head == head and lab.on_disk() == ours


def test_forward_nothing_and_only(lab: Lab) -> None:
    lab.put_all(BASE)
    start = lab.commit().id
    other = lab.add_commit(with_(b=text(b"2")), start)
    assert do(lab, start).outcome == "nothing"
    assert do(lab, other).outcome == "forward" and lab.head == other
    assert do(lab, start).outcome == "nothing"
    beside = lab.add_commit(with_(a=text(b"2")), start)
    with pytest.raises(HistoryDiverged):
        do(lab, beside, fast_forward="only")
    ahead = lab.add_commit(with_(b=text(b"3")), other)
    merged = do(lab, ahead, fast_forward="never")
    assert merged.outcome == "merged" and lab.pod.store.commit(lab.head).parents == (other, ahead)


def test_into_nothing(lab: Lab) -> None:
    other = lab.add_commit(BASE)
    assert do(lab, other).outcome == "forward" and lab.on_disk() == BASE


def test_unrelated_histories(lab: Lab) -> None:
    lab.put(b"a", b"1")
    lab.commit()
    other = lab.add_commit({b"b": text(b"1")})
    with pytest.raises(Unsupported):
        do(lab, other)
    assert do(lab, other, unrelated=True).outcome == "merged"
    assert lab.on_disk() == {b"a": text(b"1"), b"b": text(b"1")}


def test_local_changes_stay_or_stop_it(lab: Lab) -> None:
    other = fork(lab, with_(new=text(b"n")), with_(a=text(b"2")))
    lab.put(b"b", b"local")
    lab.put(b"a", b"local")
    head, before = lab.head, lab.on_disk()
    with pytest.raises(LocalChanges):
        do(lab, other)
    assert (lab.head, lab.on_disk(), read_state(lab.pod)) == (head, before, None)
    lab.put(b"a", b"1\n2\n3\n")
    assert do(lab, other).outcome == "merged"
    assert lab.on_disk()[b"b"] == text(b"local") and lab.changed() == {"b": "modified"}


def test_crossed_histories(lab: Lab) -> None:
    """Two branches that have merged each other have two common ancestors; neither alone would do."""
    lab.put_all(BASE)
    start = lab.commit().id
    one = lab.add_commit(with_(a=text(b"one\n2\n3\n")), start)
    two = lab.add_commit(with_(b=text(b"two\n")), start)
    both = with_(a=text(b"one\n2\n3\n"), b=text(b"two\n"))
    left = lab.add_commit(both, one, two)
    right = lab.add_commit(both, two, one)
    assert set(merge_bases(lab.pod.store, left, right)) == {one, two}
    mine = lab.add_commit({**both, b"a": text(b"one\n2\nthree\n")}, left)
    theirs = lab.add_commit({**both, b"d/x": text(b"y\n")}, right)
    do(lab, mine)
    assert do(lab, theirs).outcome == "merged"
    assert lab.on_disk() == {**both, b"a": text(b"one\n2\nthree\n"), b"d/x": text(b"y\n")}


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(base=FILES, ours=FILES, theirs=FILES)
def test_every_path_is_as_three_sides_say(lab: Lab, base: Files, ours: Files, theirs: Files) -> None:
    other = fork(lab, ours, theirs, base)
    head = lab.head
    merged = do(lab, other)
    after = lab.on_disk()
    conflicting = {conflict.path for conflict in merged.conflicts}

    def told(path: bytes) -> bool:
        """Whether a conflict at the path, above or below speaks of it."""
        return any(path == at or path.startswith(at + b"/") or at.startswith(path + b"/") for at in conflicting)

    for path in base.keys() | ours.keys() | theirs.keys() | after.keys():
        sides = base.get(path), ours.get(path), theirs.get(path)
        if told(path) or EMPTY in sides or after.get(path) == EMPTY:
            continue
        old, mine, others = sides
        expected = others if mine == old else mine if others in (old, mine) else after.get(path)
        assert after.get(path) == expected, path
    if merged.outcome == "conflicts":
        assert lab.head == head
        abort(lab.pod, time_ns=2)
    elif lab.head != head:
        undo(lab.pod, time_ns=2)
    assert (lab.head, lab.on_disk(), lab.changes()) == (head, dict(ours), set())
    lab.point("refs/heads/main", None)
    (lab.pod.folder / "index").unlink(missing_ok=True)


# --- conflicts ------------------------------------------------------------------------------------------------------


def conflicts(merged: Merged) -> dict[bytes, str]:
    return {conflict.path: conflict.reason for conflict in merged.conflicts}


def test_every_kind_of_conflict(lab: Lab) -> None:
    ours = with_(a=text(b"ours\n"), b=None, d__x=link(b"y"), s=script(b"\0ours"), n=text(b"ours\n"))
    theirs = with_(
        a=text(b"theirs\n"), b=text(b"changed\n"), d__x=text(b"changed\n"), s=script(b"\0theirs"), n=text(b"n\n")
    )
    other = fork(lab, ours, theirs)
    head = lab.head
    merged = do(lab, other)
    assert conflicts(merged) == {b"a": "text", b"b": "removed", b"d/x": "kind", b"n": "added", b"s": "binary"}
    assert lab.head == head
    disk = lab.on_disk()
    assert disk[b"a"].content == b"<<<<<<< main\nours\n=======\ntheirs\n>>>>>>> side\n"
    assert (disk[b"b"], disk[b"d/x"], disk[b"s"]) == (text(b"changed\n"), link(b"y"), script(b"\0ours"))
    found = status(lab.pod).merge
    assert found is not None and len(found.open) == 5
    abort(lab.pod, time_ns=2)
    assert lab.on_disk() == ours and lab.changed() == {} and status(lab.pod).merge is None


def test_while_it_waits_nothing_else_moves(lab: Lab) -> None:
    other = fork(lab, with_(a=text(b"ours\n")), with_(a=text(b"theirs\n")))
    do(lab, other)
    with pytest.raises(Conflicted):
        lab.commit()
    for action in (
        lambda: do(lab, other),
        lambda: branches.switch_new(lab.pod, "side", None, time_ns=1),
        lambda: undo(lab.pod, time_ns=1),
        lambda: cherry_pick(lab.pod, other, lab.who(), time_ns=1),
    ):
        with pytest.raises(MergeUnfinished):
            action()
    resolve(lab.pod, [b"a"], "ours", time_ns=1)
    with pytest.raises(MergeUnfinished):
        lab.commit(amend=True)
    with pytest.raises(MergeUnfinished):
        lab.commit(paths=[b"a"])


def test_resolved_by_sides_and_by_hand(lab: Lab) -> None:
    ours = with_(a=text(b"ours\n"), b=None, s=script(b"\0ours"), d__x=text(b"ours\n"))
    theirs = with_(a=text(b"theirs\n"), b=text(b"changed\n"), s=script(b"\0theirs"), d__x=text(b"theirs\n"))
    other = fork(lab, ours, theirs)
    head = lab.head
    do(lab, other)
    resolve(lab.pod, [b"s"], "theirs", time_ns=1)
    resolve(lab.pod, [b"b"], "ours", time_ns=1)
    assert lab.on_disk()[b"s"] == script(b"\0theirs") and b"b" not in lab.on_disk()
    with pytest.raises(Conflicted, match="a"):
        resolve(lab.pod, [b"a"], "done", time_ns=1)
    lab.put(b"a", b"both\n")
    resolve(lab.pod, [b"a"], "done", time_ns=1)
    state = resolve(lab.pod, [b"d"], "done", time_ns=1, force=True)
    assert state.open == ()
    with pytest.raises(PathNotFound):
        resolve(lab.pod, [b"nothing"], "done", time_ns=1)
    made = lab.commit(None)
    assert made.commit.parents == (head, other) and made.commit.message == "Merge side"
    assert status(lab.pod).merge is None
    assert lab.committed()[b"a"] == text(b"both\n")
    before = lab.on_disk()
    undo(lab.pod, time_ns=2)
    assert lab.head == head and lab.on_disk() == ours
    undo(lab.pod, time_ns=3)
    assert lab.on_disk() == before


def test_what_runs_made_is_taken_from_one_side(lab: Lab) -> None:
    recipe = text(json.dumps({"name": "p", "golem": {"exec": "sh script/run.sh"}}).encode())
    base = {b"recipe.json": recipe, b"output/one": text(b"1\n"), b"output/two": text(b"1\n"), b"in": text(b"1\n")}
    ours = {**base, b"output/one": text(b"ours\n"), b"output/extra": text(b"e\n")}
    theirs = {**base, b"output/two": text(b"theirs\n"), b"in": text(b"2\n")}
    other = fork(lab, ours, theirs, base)
    merged = do(lab, other)
    assert conflicts(merged) == {b"output": "output"}
    assert {path: node for path, node in lab.on_disk().items() if path.startswith(b"output")} == {
        path: node for path, node in ours.items() if path.startswith(b"output")
    }
    resolve(lab.pod, [b"output"], "theirs", time_ns=1)
    assert lab.on_disk() == theirs
    resolve(lab.pod, [b"output/one"], "ours", time_ns=1)
    assert lab.on_disk() == {**ours, b"in": text(b"2\n")}
    lab.commit(None)


def test_output_of_one_side_is_no_conflict_but_told(lab: Lab) -> None:
    recipe = text(json.dumps({"name": "p", "golem": {"exec": "sh script/run.sh"}}).encode())
    base = {b"recipe.json": recipe, b"output/one": text(b"1\n"), b"in": text(b"1\n"), b"other": text(b"1\n")}
    other = fork(
        lab, {**base, b"other": text(b"2\n")}, {**base, b"in": text(b"2\n"), b"output/one": text(b"2\n")}, base
    )
    merged = do(lab, other)
    assert (merged.outcome, merged.mixed) == ("merged", True)


def test_giving_up_leaves_other_work_alone(lab: Lab) -> None:
    other = fork(lab, with_(a=text(b"ours\n")), with_(a=text(b"theirs\n"), new=text(b"n")))
    lab.put(b"b", b"local")
    before = lab.on_disk()
    do(lab, other)
    lab.put(b"a", b"half way\n")
    lab.put(b"mine", b"since then\n")
    abort(lab.pod, time_ns=1)
    assert lab.on_disk() == {**before, b"mine": text(b"since then\n")}
    undo(lab.pod, time_ns=2)
    assert lab.on_disk()[b"a"] == text(b"half way\n")


def test_there_is_none(lab: Lab) -> None:
    lab.put(b"a", b"1")
    lab.commit()
    with pytest.raises(NoMerge):
        abort(lab.pod, time_ns=1)
    with pytest.raises(NoMerge):
        resolve(lab.pod, [b"a"], "done", time_ns=1)


def test_a_damaged_state_is_told(lab: Lab) -> None:
    other = fork(lab, with_(a=text(b"ours\n")), with_(a=text(b"theirs\n")))
    do(lab, other)
    path = lab.pod.folder / "merge"
    whole = path.read_bytes()
    for damaged in (whole[:-20], b"{}", whole.replace(b'"version": 1', b'"version": 2')):
        path.write_bytes(damaged)
        with pytest.raises(IntegrityFailure):
            status(lab.pod)
    path.write_bytes(whole)
    abort(lab.pod, time_ns=1)


def test_a_state_whose_branch_has_moved_on_is_over(lab: Lab) -> None:
    other = fork(lab, with_(a=text(b"ours\n")), with_(a=text(b"theirs\n")))
    do(lab, other)
    lab.point("refs/heads/main", other)
    assert status(lab.pod).merge is None


def test_local_changes_of_what_would_conflict(lab: Lab) -> None:
    other = fork(lab, with_(a=text(b"ours\n")), with_(a=text(b"theirs\n")))
    lab.put(b"a", b"local")
    with pytest.raises(LocalChanges):
        do(lab, other)
    assert status(lab.pod).merge is None and lab.on_disk()[b"a"] == text(b"local")


# --- cherry-pick and revert -----------------------------------------------------------------------------------------


def test_picked(lab: Lab) -> None:
    lab.put_all(BASE)
    start = lab.commit().id
    skipped = lab.add_commit(with_(b=text(b"2")), start)
    picked = lab.add_commit(with_(b=text(b"2"), new=text(b"n")), skipped, message="Add new")
    ann = lab.pod.store.commit(picked).author
    bob = lab.who("Bob")
    done = cherry_pick(lab.pod, picked, bob, time_ns=1)
    made = lab.pod.store.commit(done.commit)
    assert lab.on_disk() == with_(new=text(b"n"))
    assert (made.parents, made.author, made.committer, made.message) == ((start,), ann, bob, "Add new")
    assert cherry_pick(lab.pod, picked, lab.who(), time_ns=1).outcome == "nothing"


def test_picked_with_a_conflict(lab: Lab) -> None:
    other = fork(lab, with_(a=text(b"ours\n")), with_(a=text(b"theirs\n")))
    head = lab.head
    assert cherry_pick(lab.pod, other, lab.who("Bob"), time_ns=1).outcome == "conflicts"
    resolve(lab.pod, [b""], "theirs", time_ns=1)
    made = lab.commit(None)
    assert made.commit.parents == (head,) and made.commit.message == "Theirs"
    assert made.commit.author.name == "Ann" and made.commit.author == lab.pod.store.commit(other).author


def test_reverted(lab: Lab) -> None:
    lab.put_all(BASE)
    lab.commit()
    lab.put(b"b", b"2")
    taken = lab.commit("Change b").id
    lab.put(b"new", b"n")
    lab.commit()
    done = revert(lab.pod, taken, lab.who(), time_ns=1)
    assert lab.on_disk() == with_(new=text(b"n"))
    assert lab.pod.store.commit(done.commit).message.startswith('Revert "Change b"\n\n')
    with pytest.raises(RevisionNotFound):
        revert(lab.pod, taken, lab.who(), parent=2, time_ns=1)


def test_of_a_merge_one_parent_is_named(lab: Lab) -> None:
    other = fork(lab, with_(a=text(b"ours\n")), with_(b=text(b"theirs\n")))
    merged = do(lab, other).commit
    assert revert(lab.pod, merged, lab.who(), time_ns=1).outcome == "merged"
    assert lab.on_disk() == with_(a=text(b"ours\n"))
    assert revert(lab.pod, merged, lab.who(), parent=2, time_ns=1).outcome == "merged"
    assert lab.on_disk() == BASE
