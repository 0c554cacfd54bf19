"""Where refs were: by number, by time, by switch."""

from __future__ import annotations

import pytest
from pod_lab import Lab

from sovrgit.errors import RevisionNotFound
from sovrgit.objects.ids import ObjectId
from sovrgit.pod import branches
from sovrgit.pod.reflog import moves, positions
from sovrgit.pod.refs import DEFAULT_BRANCH
from sovrgit.pod.revisions import resolve_commit


@pytest.fixture
def three(lab: Lab) -> tuple[ObjectId, ObjectId, ObjectId]:
    """Three commits on main, at 2023-11-14T22:14:20Z and each a minute later."""
    made = []
    for content in (b"1", b"2", b"3"):
        lab.put(b"a", content)
        made.append(lab.commit(content.decode()).id)
    one, two, three = made
    return one, two, three


def at(lab: Lab, revision: str) -> ObjectId:
    return resolve_commit(lab.pod, revision)


def test_by_number(lab: Lab, three: tuple[ObjectId, ...]) -> None:
    one, two, last = three
    for name in ("main", "HEAD", "", "refs/heads/main", "@"):
        assert [at(lab, f"{name}@{{{number}}}") for number in range(3)] == [last, two, one]
        with pytest.raises(RevisionNotFound):
            at(lab, f"{name}@{{3}}")
    assert at(lab, "main@{1}~1") == one
    with pytest.raises(RevisionNotFound):
        at(lab, "other@{0}")


def test_by_time(lab: Lab, three: tuple[ObjectId, ...]) -> None:
    one, two, last = three
    assert at(lab, "main@{2023-11-14T22:14:20+00:00}") == one
    assert at(lab, "main@{2023-11-14T22:15:59+00:00}") == two
    assert at(lab, "HEAD@{2023-11-14T22:15:59+00:00}") == two
    assert at(lab, "main@{2023-12-31}") == last
    with pytest.raises(RevisionNotFound):
        at(lab, "main@{2023-11-14T22:14:19+00:00}")
    with pytest.raises(RevisionNotFound) as caught:
        at(lab, "main@{once upon a time}")
    assert "2026-01-31" in caught.value.hint


def test_an_amended_commit_is_found(lab: Lab, three: tuple[ObjectId, ...]) -> None:
    lab.commit("better", amend=True)
    assert at(lab, "main@{1}") == three[2]
    assert next(position.move.command for position in positions(lab.pod, DEFAULT_BRANCH)) == "amend"


def test_head_also_switches(lab: Lab, three: tuple[ObjectId, ...]) -> None:
    one, two, last = three
    branches.switch_new(lab.pod, "side", two, time_ns=1)
    branches.switch_branch(lab.pod, "main", time_ns=2)
    assert [at(lab, f"HEAD@{{{number}}}") for number in range(5)] == [last, two, last, two, one]
    assert at(lab, "main@{1}") == two
    assert (at(lab, "@{-1}"), at(lab, "@{-2}")) == (two, last)
    with pytest.raises(RevisionNotFound):
        at(lab, "@{-3}")
    branches.delete_branch(lab.pod, "side", time_ns=3)
    with pytest.raises(RevisionNotFound) as caught:
        at(lab, "@{-1}")
    assert caught.value.hint == "`side` is no more"


def test_where_a_removed_branch_was(lab: Lab, three: tuple[ObjectId, ...]) -> None:
    branches.create_branch(lab.pod, "side", three[0], time_ns=1)
    branches.delete_branch(lab.pod, "side", time_ns=2)
    assert [(place.id, place.before) for place in positions(lab.pod, "refs/heads/side")] == [
        (None, three[0]),
        (three[0], None),
    ]


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b'{"time": "x", "command": "c", "head": "refs/heads/main", "changes": []}',
        b'{"time": 1, "command": "c", "head": "refs/heads/main", "changes": [["a"]]}',
        b'{"time": 1, "command": "c", "head": "refs/heads/main", "changes": [["a", "zz", ""]]}',
        b'{"time": 1, "command": "c", "head": "refs/heads/main", "changes": [], "worktree": ["", ""]}',
        b'{"time": 1, "command": "c", "head": 5, "changes": []}',
    ],
)
def test_damaged_lines_are_left_out(lab: Lab, three: tuple[ObjectId, ...], line: bytes) -> None:
    known = moves(lab.pod)
    with (lab.pod.folder / "journal").open("ab") as file:
        file.write(line + b"\n")
    assert moves(lab.pod) == known
