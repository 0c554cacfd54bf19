"""Undo: everything that moved goes back, and nothing that nobody has committed is lost on the way."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from pod_lab import EMPTY, Lab, Node, link, script, text

from sovrgit.errors import LocalChanges, NothingToCommit, NothingToUndo
from sovrgit.pod import branches
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import DEFAULT_BRANCH, RefChange, Refs
from sovrgit.pod.switch import restore
from sovrgit.pod.tags import create_tag
from sovrgit.pod.undo import undo


def test_a_commit(lab: Lab) -> None:
    lab.put(b"a", b"1")
    lab.commit()
    lab.put(b"a", b"2")
    first = lab.head
    second = lab.commit().id
    (undone,) = undo(lab.pod, time_ns=1)
    assert (undone.move.command, undone.changed) == ("commit", 0)
    assert lab.head == first and lab.changed() == {"a": "modified"}
    undo(lab.pod, time_ns=2)
    assert lab.head == second and lab.changed() == {}


def test_the_first_commit(lab: Lab) -> None:
    lab.put(b"a", b"1")
    lab.commit()
    undo(lab.pod, time_ns=1)
    assert lab.pod.head() is None and lab.changed() == {"a": "added"}


def test_what_restore_has_overwritten(lab: Lab) -> None:
    files: dict[bytes, Node] = {b"a": text(b"1"), b"d/x": script(b"1"), b"l": link(b"a"), b"e": EMPTY}
    lab.put_all(files)
    lab.commit()
    local: dict[bytes, Node] = {
        b"a": text(b"local"),
        b"d/x": text(b"1"),
        b"l": text(b"file"),
        b"new": text(b"n"),
        b"e/y": text(b"y"),
    }
    lab.put_all(local)
    restore(lab.pod, lab.pod.head_tree(), [b"", b"new"], time_ns=1)
    assert lab.on_disk() != local
    undo(lab.pod, time_ns=2)
    assert lab.on_disk() == local
    undo(lab.pod, time_ns=3)
    after = lab.on_disk()
    assert after[b"a"] == text(b"1") and after[b"l"] == link(b"a") and after[b"d/x"] == script(b"1")


def test_a_switch_keeps_what_was_changed_since(lab: Lab) -> None:
    lab.put_all({b"a": text(b"1"), b"b": text(b"1")})
    lab.commit()
    branches.switch_new(lab.pod, "side", None, time_ns=1)
    lab.put(b"a", b"2")
    lab.commit()
    branches.switch_branch(lab.pod, "main", time_ns=2)
    lab.put(b"b", b"local")
    undo(lab.pod, time_ns=3)
    assert lab.pod.refs.read().head == "refs/heads/side"
    assert lab.on_disk() == {b"a": text(b"2"), b"b": text(b"local")}
    lab.put(b"a", b"local")
    with pytest.raises(LocalChanges):
        undo(lab.pod, time_ns=4)
    assert lab.pod.refs.read().head == "refs/heads/side"
    assert lab.on_disk() == {b"a": text(b"local"), b"b": text(b"local")}


def test_what_was_done_before_is_not_taken_back_with_a_switch(lab: Lab) -> None:
    """A file that was removed, or written, as the other branch has it, was so before."""
    lab.put_all({b"same": text(b"1"), b"d/gone": text(b"1")})
    lab.commit()
    branches.switch_new(lab.pod, "side", None, time_ns=1)
    lab.put(b"same", b"2")
    lab.drop(b"d/gone")
    lab.put(b"more", b"2")
    lab.commit()
    branches.switch_branch(lab.pod, "main", time_ns=2)
    lab.put(b"same", b"2")
    lab.drop(b"d/gone")
    before = lab.on_disk()
    branches.switch_branch(lab.pod, "side", time_ns=3)
    after = lab.on_disk()
    assert after == {**before, b"more": text(b"2")}
    undo(lab.pod, time_ns=4)
    assert lab.on_disk() == before
    undo(lab.pod, time_ns=5)
    assert lab.on_disk() == after


def test_several_at_once(lab: Lab) -> None:
    for content in (b"1", b"2", b"3"):
        lab.put(b"a", content)
        lab.commit(content.decode())
    create_tag(lab.pod, "v1", lab.head, time_ns=1)
    undone = undo(lab.pod, time_ns=2, steps=3)
    assert [done.move.command for done in undone] == ["tag", "commit", "commit"]
    assert set(lab.pod.refs.read().values) == {DEFAULT_BRANCH}
    assert lab.pod.store.commit(lab.head).message == "1"


def test_nothing_to_undo(lab: Lab) -> None:
    with pytest.raises(NothingToUndo):
        undo(lab.pod, time_ns=1)
    lab.put(b"a", b"1")
    lab.commit()
    with pytest.raises(NothingToUndo):
        undo(lab.pod, time_ns=1, steps=2)
    assert lab.head


def test_facts_about_remotes_and_runs_stay(lab: Lab) -> None:
    lab.put(b"a", b"1")
    made = lab.commit().id
    lab.point("refs/remotes/origin/main", made)
    lab.point("refs/runs/x", made)
    assert undo(lab.pod, time_ns=1)[0].move.command == "commit"
    assert set(lab.pod.refs.read().values) == {"refs/remotes/origin/main", "refs/runs/x"}


def test_a_clone_cannot_be_taken_back(lab: Lab) -> None:
    made = lab.add_commit({b"a": text(b"1")})
    lab.pod.refs.update([RefChange(DEFAULT_BRANCH, None, made)], command="clone", time_ns=1)
    with pytest.raises(NothingToUndo):
        undo(lab.pod, time_ns=2)


NAMES = st.sampled_from([b"a", b"b", b"d/x", b"d/y"])
CONTENTS = st.sampled_from([b"", b"1", b"2", b"longer than before"])


class Undoing(RuleBasedStateMachine):
    """Whatever was done, undo brings back refs and files as they were before, and again undo as they were after."""

    def __init__(self) -> None:
        super().__init__()
        import tempfile
        from pathlib import Path

        self.place = tempfile.TemporaryDirectory()
        self.lab = Lab(Pod.create(Path(self.place.name) / "pod"))
        self.lab.put(b"a", b"1")
        self.lab.commit()
        self.count = 0

    def teardown(self) -> None:
        self.lab.pod.close()
        self.place.cleanup()

    def state(self) -> tuple[Refs, dict[bytes, Node]]:
        return self.lab.pod.refs.read(), self.lab.on_disk()

    def there_and_back(self, before: tuple[Refs, dict[bytes, Node]]) -> None:
        after = self.state()
        if after[0] == before[0] and after[1] == before[1]:
            return
        undo(self.lab.pod, time_ns=1)
        assert self.state() == before
        undo(self.lab.pod, time_ns=1)
        assert self.state() == after

    @rule(name=NAMES, content=CONTENTS)
    def edit(self, name: bytes, content: bytes) -> None:
        self.lab.put(name, content)

    @rule(name=NAMES)
    def remove(self, name: bytes) -> None:
        self.lab.drop(name)

    @rule(amend=st.booleans())
    def commit(self, amend: bool) -> None:
        before = self.state()
        try:
            self.lab.commit(amend=amend)
        except NothingToCommit:
            return
        self.there_and_back(before)

    @rule()
    def branch(self) -> None:
        self.count += 1
        before = self.state()
        branches.switch_new(self.lab.pod, f"side-{self.count}", None, time_ns=1)
        self.there_and_back(before)

    @precondition(lambda self: self.count > 0)
    @rule(data=st.data())
    def switch(self, data: st.DataObject) -> None:
        found = sorted(branch.name for branch in branches.branches(self.lab.pod))
        name = data.draw(st.sampled_from(found))
        before = self.state()
        try:
            branches.switch_branch(self.lab.pod, name, time_ns=1)
        except LocalChanges:
            assert self.state() == before
            return
        self.there_and_back(before)

    @rule(paths=st.lists(NAMES, max_size=2, unique=True))
    def restore(self, paths: list[bytes]) -> None:
        before = self.state()
        known = [path for path in paths if path in self.lab.committed()] or [b""]
        restore(self.lab.pod, self.lab.pod.head_tree(), known, time_ns=1)
        self.there_and_back(before)


Undoing.TestCase.settings = settings(max_examples=25, stateful_step_count=12, deadline=None)
TestUndoing = Undoing.TestCase
