"""How payload stands, changing what is locked, and adding to the recipe."""

from __future__ import annotations

import json
import shutil

import pytest
from payload_lab import Taker, recipe_of
from run_lab import Lab

from sovrgit.actions import moved_payload
from sovrgit.errors import PathNotFound, PayloadUnavailable, RecipeInvalid, ReferenceUnknown
from sovrgit.pod.pod import Pod

A_FILE, A_FOLDER, AN_ARCHIVE = ("../data", "output/model.bin"), ("../data", "output/set"), ("../data", "images.zip")


def test_nothing_is_wanted(taker: Taker) -> None:
    assert taker.states() == [] and taker.update().changes == () and not taker.update().written
    assert not (taker.pod.root / "recipe.lock").exists()


def test_how_payload_stands(taker: Taker, giver: Lab) -> None:
    taker.wants(A_FILE, A_FOLDER)
    assert [(state.standing, state.here) for state in taker.states()] == [("unlocked", False), ("unlocked", False)]
    assert all(state.now is not None and state.now.commit == giver.pod.head() for state in taker.states())
    taker.update()
    assert [(state.standing, state.here) for state in taker.states()] == [("same", False), ("same", False)]
    taker.run()
    assert [(state.standing, state.here) for state in taker.states()] == [("same", True), ("same", True)]
    giver.write("output/model.bin", "better\n")
    giver.commit()
    assert taker.standings == ["moved", "newer"]
    shutil.rmtree(giver.root / "output/set")
    giver.commit()
    assert taker.standings == ["moved", "gone"]
    assert not any(state.is_settled for state in taker.states())
    shutil.rmtree(giver.root)
    states = taker.states()
    assert [state.standing for state in states] == ["unreachable"] * 2 and "no such folder" in states[0].reason
    assert all(state.here and state.is_settled for state in states)


def test_looking_fetches_no_content_and_writes_nothing(taker: Taker) -> None:
    taker.wants(A_FILE, AN_ARCHIVE)
    before = taker.lab.on_disk()
    packs = len(taker.pod.store.packs())
    taker.states()
    assert taker.lab.on_disk() == before and len(taker.pod.store.packs()) == packs and taker.leftovers == []


def test_a_run_says_what_has_moved(taker: Taker, giver: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    taker.wants(A_FILE, A_FOLDER)
    first = taker.run()
    assert taker.moved == [] and moved_payload(taker.pod, time_ns=1) == []
    giver.write("output/model.bin", "better\n")
    giver.commit()
    assert [state.path for state in moved_payload(taker.pod, time_ns=1)] == ["output/model.bin"]
    # Nobody is asked for a known result.
    assert taker.run().reused and taker.moved == []
    taker.run(force=True)
    (state,) = taker.moved
    assert (state.path, state.standing, state.now and state.now.commit) == (
        "output/model.bin",
        "moved",
        giver.pod.head(),
    )
    (giver.root / "output/model.bin").unlink()
    giver.commit()
    assert [state.standing for state in moved_payload(taker.pod, time_ns=1)] == ["gone"]
    assert first.run.external == taker.run(force=True).run.external
    with monkeypatch.context() as patch:
        # Nobody has agreed to look where a recipe of somebody else says.
        taker.pod.config.set("pod.foreign", "true")
        patch.setattr("sovrgit.payloads.reference.open_location", pytest.fail)
        assert moved_payload(taker.pod, time_ns=1) == []


def test_what_cannot_be_asked_has_not_moved(taker: Taker, giver: Lab) -> None:
    taker.wants(A_FILE, A_FOLDER)
    taker.run()
    shutil.rmtree(giver.root)
    assert taker.run(force=True).run.succeeded and taker.moved == []
    assert taker.standings == ["unreachable", "unreachable"]


def test_updating_one_reference(taker: Taker, giver: Lab) -> None:
    other = Lab(Pod.create(giver.root.with_name("other")))
    with other.pod:
        other.recipe()
        other.write("x", "1\n")
        other.commit()
        taker.wants(A_FILE, ("../other@main", "x"))
        taker.update()
        giver.write("output/model.bin", "better\n")
        giver.commit()
        other.write("x", "2\n")
        other.commit()
        assert [change.path for change in taker.update("../other").changes] == ["x"]
        assert taker.standings == ["moved", "same"]
        with pytest.raises(PathNotFound, match="`third`"):
            taker.update("third")
        assert [change.state for change in taker.update().changes] == ["moved", "same"]
        assert not taker.update().written


def test_the_same_content_in_a_newer_commit_makes_no_run_anew(taker: Taker, giver: Lab) -> None:
    taker.wants(A_FILE, A_FOLDER)
    first = taker.run()
    giver.write("notes", "new\n")
    giver.commit()
    changed = taker.update()
    assert [change.state for change in changed.changes] == ["newer", "newer"] and not changed.written
    assert all(change.old == change.new for change in changed.changes)
    assert taker.run().id == first.id
    assert taker.update("../data").written and taker.standings == ["same", "same"]
    # All that comes from one pod comes from one commit.
    giver.write("output/model.bin", "better\n")
    giver.commit()
    assert [change.state for change in taker.update().changes] == ["moved", "newer"]
    assert {entry.commit for entry in taker.lock.payload} == {giver.pod.head()}


def test_a_commit_that_is_gone_is_not_kept(taker: Taker, giver: Lab) -> None:
    taker.wants(A_FILE)
    taker.update()
    place = giver.root.with_name("elsewhere")
    giver.root.rename(place)
    with Pod.create(giver.root) as pod:
        other = Lab(pod)
        other.recipe()
        other.write("output/model.bin", "model\n")
        other.commit("The same, made anew")
        changed = taker.update()
        assert [change.state for change in changed.changes] == ["newer"] and changed.written
        assert taker.lock.payload[0].commit == pod.head()


def test_an_update_that_fails_leaves_the_lock(taker: Taker, giver: Lab) -> None:
    taker.wants(A_FILE, A_FOLDER)
    taker.update()
    before = taker.lab.read("recipe.lock")
    shutil.rmtree(giver.root / "output/set")
    giver.write("output/model.bin", "better\n")
    giver.commit()
    with pytest.raises(PathNotFound):
        taker.update()
    shutil.rmtree(giver.root)
    with pytest.raises(PayloadUnavailable):
        taker.update()
    assert taker.lab.read("recipe.lock") == before


def test_the_rest_of_the_lock_stays(taker: Taker) -> None:
    images = {"a/b:c": {"sha3_224": "0" * 56, "url": "https://x/y"}}
    taker.lab.write("recipe.lock", json.dumps({"version": 1, "images": images, "mine": [1]}))
    taker.wants(A_FILE)
    taker.update()
    assert list(taker.lock.images) == ["a/b:c"] and taker.lock.rest == {"mine": [1]}
    assert len(taker.lock.payload) == 1


def test_adding(taker: Taker, giver: Lab) -> None:
    taker.add("../data", "output/model.bin")
    taker.add("../data", "/output/set")
    assert recipe_of(taker.lab)["golem"]["payload"] == [
        {"ref": "../data", "data": "output/model.bin"},
        {"ref": "../data", "data": "/output/set"},
    ]
    assert [entry.path for entry in taker.lock.payload] == ["output/model.bin", "output/set"]
    assert taker.run().run.succeeded and taker.told == []


def test_what_is_added_comes_from_the_commit_that_is_locked(taker: Taker, giver: Lab) -> None:
    taker.add("../data", "output/model.bin")
    giver.write("later.txt", "later\n")
    giver.commit()
    taker.add("../data", "output/set")
    assert len({entry.commit for entry in taker.lock.payload}) == 1
    with pytest.raises(PathNotFound) as caught:
        taker.add("../data", "later.txt")
    assert "`sovr payload update ../data` locks the newest" in caught.value.hint
    taker.update("../data")
    taker.add("../data", "later.txt")


@pytest.mark.parametrize(
    ("reference", "path", "error"),
    [
        ("../data", "nothing", PathNotFound),
        ("../data", "../x", PathNotFound),
        ("../data", "", PathNotFound),
        ("../nowhere", "x", PayloadUnavailable),
        ("", "x", ReferenceUnknown),
        ("a\0b", "x", ReferenceUnknown),
        ("f" * 60 + "!", "x", ReferenceUnknown),
    ],
)
def test_what_cannot_be_added_changes_nothing(taker: Taker, reference: str, path: str, error: type[Exception]) -> None:
    before = taker.lab.on_disk()
    with pytest.raises(error):
        taker.add(reference, path)
    assert taker.lab.on_disk() == before and taker.leftovers == []


def test_the_same_is_not_added_twice(taker: Taker) -> None:
    taker.add("../data", "output/model.bin")
    before = taker.lab.on_disk()
    with pytest.raises(RecipeInvalid, match="already"):
        taker.add("../data", "/output/model.bin")
    assert taker.lab.on_disk() == before
