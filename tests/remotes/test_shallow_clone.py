"""Clones of the newest commits only: where history was cut, and what goes on behind that."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from memory import MemoryRemote
from partial_lab import Partial, changes_of
from transfer_lab import Lab, cloned, forward

from sovrgit.errors import IntegrityFailure, NotFetched
from sovrgit.objects.commit import Stamp
from sovrgit.objects.ids import ObjectId
from sovrgit.pod.gc import GcRequest, collect
from sovrgit.pod.history import walk
from sovrgit.pod.merge import MergeRequest, merge
from sovrgit.pod.shallow import read_shallow
from sovrgit.remotes.fetch import FetchRequest, fetch
from sovrgit.remotes.selection import Selection

pytestmark = pytest.mark.usefixtures("small")


@pytest.fixture
def pushed(lab: Lab, remote: MemoryRemote) -> Lab:
    for number in range(6):
        lab.commit({"a": b"%d" % number, f"d{number}/x": bytes([number, 255 - number]) * 400})
        lab.push(remote)
    return lab


def commits(lab: Lab) -> list[ObjectId]:
    return [identity for identity, _ in walk(lab.pod.store, [lab.head])]


def unshallow(lab: Lab, remote: MemoryRemote) -> None:
    fetch(lab.pod, remote, FetchRequest("origin", 1, unshallow=True))


@pytest.mark.parametrize("ranges", [True, False])
def test_only_the_newest_commits_come(pushed: Lab, remote: MemoryRemote, tmp_path: Path, ranges: bool) -> None:
    remote.has_ranges = ranges
    made = Partial.clone(remote, tmp_path / "clone", Selection(depth=2))
    assert commits(made) == commits(pushed)[:2]
    assert read_shallow(made.pod.folder) == {commits(pushed)[1]}
    assert made.working() == pushed.working() and made.changes() == {}
    assert made.check().is_sound
    assert made.pod.store.has(commits(pushed)[3]) is not ranges
    assert made.stray() == []


def test_a_depth_beyond_the_beginning_is_all_of_it(pushed: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    made = Partial.clone(remote, tmp_path / "clone", Selection(depth=100))
    assert commits(made) == commits(pushed)
    assert read_shallow(made.pod.folder) == set()


def test_work_goes_on_in_both_directions(pushed: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    made = Partial.clone(remote, tmp_path / "clone", Selection(depth=1))
    whole = cloned(remote, tmp_path / "whole")
    assert made.commit({"new": b"1"}) == whole.commit({"new": b"1"})
    made.push(remote)
    whole.push(remote)
    pushed.fetch(remote)
    forward(pushed.pod, "origin")
    pushed.commit({"newer": b"2"})
    pushed.push(remote)
    made.fetch(remote)
    forward(made.pod, "origin")
    assert made.working() == pushed.working() and changes_of(made) == {}
    assert commits(made) == commits(pushed)[:3]
    assert pushed.problems() == ()
    collect(made.pod, GcRequest(2**62, grace_ns=0))
    assert made.check().is_sound


def test_an_amended_commit_keeps_the_parents_that_are_not_here(
    pushed: Lab, remote: MemoryRemote, tmp_path: Path
) -> None:
    made = Partial.clone(remote, tmp_path / "clone", Selection(depth=1))
    made.commit({"a": b"amended"}, amend=True)
    assert made.pod.store.recorded_commit(made.head).parents == (commits(pushed)[1],)


def test_the_rest_can_be_got(pushed: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    made = Partial.clone(remote, tmp_path / "clone", Selection(depth=2))
    unshallow(made, remote)
    assert commits(made) == commits(pushed)
    assert read_shallow(made.pod.folder) == set()
    made.get_all()
    assert made.files(commits(made)[-1]) == pushed.files(commits(pushed)[-1])
    assert made.problems() == ()


def test_everything_is_history_too(pushed: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    made = Partial.clone(remote, tmp_path / "clone", Selection(depth=1))
    made.get_all()
    assert commits(made) == commits(pushed)
    assert made.problems() == ()


def test_cut_history_is_not_pushed_elsewhere(pushed: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    made, other = Partial.clone(remote, tmp_path / "clone", Selection(depth=2)), MemoryRemote()
    with pytest.raises(NotFetched) as caught:
        made.push(other, remote_name="other")
    assert "--unshallow" in caught.value.hint
    assert other.manifest is None
    unshallow(made, remote)
    made.push(other, remote_name="other")
    assert commits(cloned(other, tmp_path / "again")) == commits(pushed)


def test_a_branch_from_before_the_cut(pushed: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    made = Partial.clone(remote, tmp_path / "clone", Selection(depth=1))
    base = commits(pushed)[4]
    old = pushed.add_commit({**pushed.files(base), "side": b"1"}, [base])
    pushed.push(remote, pushed.move("refs/heads/side", old))
    made.fetch(remote)
    assert made.refs["refs/remotes/origin/side"] == old
    assert made.check().is_sound
    ann = Stamp("Ann", "ann@example.org", 1)
    with pytest.raises(NotFetched, match="older commits"):
        merge(made.pod, MergeRequest(old, "side", ann), time_ns=1)
    unshallow(made, remote)
    assert merge(made.pod, MergeRequest(old, "side", ann), time_ns=1).outcome == "merged"


def test_records_of_runs_come_with_their_commits(lab: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    inputs = {"recipe.json": b"{}", "in": b"i" * 300}
    run = lab.add_run(inputs, {"out": b"o" * 300})
    first = lab.add_commit(inputs)
    lab.move("refs/heads/main", lab.add_commit({**inputs, "out": b"o" * 300}, [first], run=run))
    lab.push(remote)
    made = Partial.clone(remote, tmp_path / "clone", Selection(depth=1))
    assert made.pod.store.run(run).pod == "lab"
    assert not made.pod.store.has(first)
    assert made.check().is_sound


def test_a_damaged_file_is_no_file(pushed: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    made = Partial.clone(remote, tmp_path / "clone", Selection(depth=1))
    made.pod.close()
    (made.pod.folder / "shallow").write_text("x\n")
    with pytest.raises(IntegrityFailure, match="shallow"):
        read_shallow(made.pod.folder)


def test_both_cuts_together(pushed: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    selection = replace(Selection(only=[b"d1"]), depth=1)
    made = Partial.clone(remote, tmp_path / "clone", selection)
    assert set(made.working()) == {"d1/x"} and made.changes() == {}
    assert len(commits(made)) == 1
    made.get_all()
    assert made.working() == pushed.working()
