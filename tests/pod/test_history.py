"""Walking the history."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pod_lab import EMPTY, Lab, text

from sovrgit.errors import ObjectMissing
from sovrgit.objects.commit import Commit
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import EMPTY_TREE_ID
from sovrgit.pod.history import ancestors, is_ancestor, touching, walk
from sovrgit.store.store import ObjectStore


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[ObjectId]:
    """The commits that were read."""
    asked: list[ObjectId] = []
    original: Callable[[ObjectStore, ObjectId], Commit] = ObjectStore.commit

    def counting(store: ObjectStore, wanted: ObjectId) -> Commit:
        asked.append(wanted)
        return original(store, wanted)

    monkeypatch.setattr(ObjectStore, "commit", counting)
    return asked


def _line(lab: Lab, length: int, start: ObjectId | None = None, step: int = 60) -> list[ObjectId]:
    """Commits that follow one after the other, the last one last."""
    made = [] if start is None else [start]
    for number in range(length):
        made.append(lab.add_commit(EMPTY_TREE_ID, *made[-1:], time=1_000_000 + number * step, message=f"{number}"))
    return made


def _messages(lab: Lab, *tips: ObjectId, without: tuple[ObjectId, ...] = ()) -> str:
    return " ".join(commit.message for _, commit in walk(lab.pod.store, tips, without))


def _commit(lab: Lab, message: str, time: int, *parents: ObjectId) -> ObjectId:
    return lab.add_commit(EMPTY_TREE_ID, *parents, time=time, message=message)


# --- order ----------------------------------------------------------------------------------------------------------


def test_the_newest_comes_first(lab: Lab) -> None:
    a = _commit(lab, "a", 1)
    b = _commit(lab, "b", 2, a)
    c = _commit(lab, "c", 3, a)
    d = _commit(lab, "d", 4, b)
    e = _commit(lab, "e", 5, c, d)
    assert _messages(lab, e) == "e d c b a"
    assert _messages(lab, c, d) == "d c b a"
    assert _messages(lab, d, c, d, a) == "d c b a"
    assert _messages(lab, a) == "a"
    assert _messages(lab) == ""


@pytest.mark.parametrize("step", [0, -100, 60])
def test_children_come_before_parents_whatever_the_clocks_say(lab: Lab, step: int) -> None:
    line = _line(lab, 5, step=step)
    side = _commit(lab, "side", 10**9 if step < 0 else 0, line[1])
    merge = _commit(lab, "merge", 0, line[4], side)
    top = _commit(lab, "top", -5, merge)
    order = [identity for identity, _ in walk(lab.pod.store, [top])]
    assert len(order) == len(set(order)) == 8
    for position, (_, commit) in enumerate(walk(lab.pod.store, [top])):
        assert all(order.index(parent) > position for parent in commit.parents)


def test_commits_of_the_same_second_keep_one_order(lab: Lab) -> None:
    root = _commit(lab, "root", 5)
    sides = [_commit(lab, f"s{number}", 5, root) for number in range(4)]
    first = _messages(lab, *sides)
    assert first == _messages(lab, *reversed(sides))
    assert first.endswith(" root")


def test_a_parent_that_is_named_twice_comes_once(lab: Lab) -> None:
    a = _commit(lab, "a", 1)
    b = _commit(lab, "b", 2, a, a)
    c = _commit(lab, "c", 3, b)
    assert _messages(lab, b) == "b a"
    assert _messages(lab, c, b) == "c b a"


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=60
)
@given(
    shape=st.lists(st.tuples(st.sets(st.integers(1, 6), max_size=3), st.integers(0, 4)), min_size=1, max_size=12),
    data=st.data(),
)
def test_any_history(lab: Lab, shape: list[tuple[set[int], int]], data: st.DataObject) -> None:
    made: list[ObjectId] = []
    above: dict[ObjectId, set[ObjectId]] = {}
    for number, (back, time) in enumerate(shape):
        parents = [made[number - step] for step in sorted(back) if step <= number]
        identity = _commit(lab, f"{number}", time, *parents)
        made.append(identity)
        above[identity] = {identity}.union(*(above[parent] for parent in parents))
    tips = data.draw(st.lists(st.sampled_from(made), max_size=3))
    without = data.draw(st.lists(st.sampled_from(made), max_size=2))
    wanted = set().union(*(above[tip] for tip in tips)) - set().union(*(above[tip] for tip in without))
    found = list(walk(lab.pod.store, tips, without))
    order = [identity for identity, _ in found]
    assert set(order) == wanted
    assert len(order) == len(wanted)
    for position, (_, commit) in enumerate(found):
        assert all(parent not in wanted or order.index(parent) > position for parent in commit.parents)
    assert ancestors(lab.pod.store, tips) == set().union(*(above[tip] for tip in tips))
    for old in made:
        assert is_ancestor(lab.pod.store, old, made[-1]) == (old in above[made[-1]])


# --- ranges ---------------------------------------------------------------------------------------------------------


def test_ranges(lab: Lab) -> None:
    line = _line(lab, 5)
    side = _commit(lab, "side", 1_000_100, line[1])
    assert _messages(lab, line[4], without=(line[2],)) == "4 3"
    assert _messages(lab, line[4], without=(side,)) == "4 3 2"
    assert _messages(lab, side, without=(line[4],)) == "side"
    assert _messages(lab, line[4], without=(line[4],)) == ""
    assert _messages(lab, line[1], without=(line[4],)) == ""
    assert _messages(lab, line[4], side, without=(line[0], ObjectId(bytes(32)))) == "4 3 2 side 1"


# --- cost -----------------------------------------------------------------------------------------------------------


def test_a_straight_history_is_read_as_far_as_it_is_wanted(lab: Lab, reads: list[ObjectId]) -> None:
    line = _line(lab, 50)
    reads.clear()
    commits = walk(lab.pod.store, [line[-1]])
    assert [next(commits)[0] for _ in range(3)] == line[:-4:-1]
    assert len(reads) == 3


def test_the_search_for_an_ancestor_ends_when_it_is_found(lab: Lab, reads: list[ObjectId]) -> None:
    old = _line(lab, 40)
    line = _line(lab, 5, old[-1])
    side = _commit(lab, "side", 10**9 - 1, old[0])
    merge = _commit(lab, "merge", 10**9, side, line[-1])
    reads.clear()
    assert is_ancestor(lab.pod.store, old[-1], line[-1])
    assert len(reads) == 5
    reads.clear()
    assert is_ancestor(lab.pod.store, old[-1], merge)
    assert len(reads) < 10
    reads.clear()
    assert is_ancestor(lab.pod.store, merge, merge)
    assert reads == []
    assert not is_ancestor(lab.pod.store, merge, line[-1])


def test_ancestors_that_are_not_here(lab: Lab) -> None:
    line = _line(lab, 2)
    gone = ObjectId(bytes(32))
    broken = _commit(lab, "broken", 1, gone)
    assert not is_ancestor(lab.pod.store, gone, line[-1])
    assert not is_ancestor(lab.pod.store, line[0], gone)
    # What a commit names as its parent is its parent, here or not.
    assert is_ancestor(lab.pod.store, gone, broken)
    assert ancestors(lab.pod.store, [gone, line[0]]) == {line[0]}
    with pytest.raises(ObjectMissing):
        ancestors(lab.pod.store, [broken])
    with pytest.raises(ObjectMissing):
        is_ancestor(lab.pod.store, line[0], broken)


# --- paths ----------------------------------------------------------------------------------------------------------


def _touching(lab: Lab, tip: ObjectId, *paths: bytes) -> str:
    return " ".join(made.message for _, made in touching(lab.pod.store, walk(lab.pod.store, [tip]), paths))


def test_commits_that_touched_a_path(lab: Lab) -> None:
    steps = [
        {b"a": text(b"1"), b"d/x": text(b"1")},
        {b"a": text(b"1"), b"d/x": text(b"2")},
        {b"a": text(b"2"), b"d/x": text(b"2")},
        {b"d/x": text(b"2")},
        {b"d/x": text(b"2"), b"a": EMPTY},
        {b"d/x": text(b"2"), b"a": EMPTY},
    ]
    tip: tuple[ObjectId, ...] = ()
    for number, files in enumerate(steps):
        tip = (lab.add_commit(files, *tip, message=f"{number}"),)
    assert _touching(lab, *tip, b"a") == "4 3 2 0"
    assert _touching(lab, *tip, b"d/x") == "1 0"
    assert _touching(lab, *tip, b"d") == "1 0"
    assert _touching(lab, *tip, b"a", b"d") == "4 3 2 1 0"
    assert _touching(lab, *tip, b"none") == ""
    # The root of the pod: whatever changed anything.
    assert _touching(lab, *tip, b"") == "4 3 2 1 0"
    assert _touching(lab, *tip) == ""


def test_a_merge_touches_what_differs_from_every_parent(lab: Lab) -> None:
    root = lab.add_commit({b"a": text(b"1"), b"b": text(b"1")}, message="root")
    left = lab.add_commit({b"a": text(b"2"), b"b": text(b"1")}, root, message="left")
    right = lab.add_commit({b"a": text(b"1"), b"b": text(b"2")}, root, message="right")
    plain = lab.add_commit({b"a": text(b"2"), b"b": text(b"2")}, left, right, message="plain")
    evil = lab.add_commit({b"a": text(b"3"), b"b": text(b"2")}, left, right, message="evil")
    assert _touching(lab, plain, b"a") == "left root"
    assert _touching(lab, evil, b"a") == "evil left root"
    assert _touching(lab, plain, b"") == "plain right left root"
