"""Runs with payload of other pods: looked up, locked, fetched, verified, placed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from payload_lab import Taker, zipped
from run_lab import Lab

from sovrgit.errors import (
    Locked,
    PathNotFound,
    PayloadChanged,
    PayloadClash,
    PayloadUnavailable,
    RecipeInvalid,
    RemoteDamaged,
    RunNotTrusted,
    UnsafeName,
)
from sovrgit.lockfile import Lock
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import EntryKind
from sovrgit.objects.verdict import Finding
from sovrgit.payloads import opening
from sovrgit.payloads.locking import wanted_by
from sovrgit.payloads.supplying import supply
from sovrgit.pod.gc import GcRequest, collect
from sovrgit.pod.pod import Pod
from sovrgit.pod.recipe import parse_recipe
from sovrgit.pod.status import status
from sovrgit.remotes.clone import clone
from sovrgit.remotes.directory import DirectoryRemote
from sovrgit.remotes.locations import add_remote
from sovrgit.remotes.ranges import read_entries
from sovrgit.remotes.selection import Selection

A_ROW = b'{"ref": "../data", "data": "output/set"}'
A_FILE, A_FOLDER, AN_ARCHIVE = ("../data", "output/model.bin"), ("../data", "/output/set"), ("../data", "images.zip")


def test_files_folders_and_archives(taker: Taker, giver: Lab) -> None:
    taker.wants(A_FILE, A_FOLDER, AN_ARCHIVE, ("../data", "bin/solve"))
    result = taker.run()
    assert taker.given == {
        "images/deep/two.txt": "im2",
        "images/one.txt": "im1",
        "model.bin": "model",
        "set/b.csv": "3,4",
        "set/train/a.csv": "1,2",
        "solve": "#!/bin/sh",
    }
    assert os.access(taker.pod.root / "payload/external/solve", os.X_OK)
    head = giver.pod.head()
    assert [(item.path, item.place, item.commit, item.executable) for item in result.run.external] == [
        ("output/model.bin", "model.bin", head, False),
        ("output/set", "set", head, False),
        ("images.zip", "", head, False),
        ("bin/solve", "solve", head, True),
    ]
    assert {item.reference for item in result.run.external} == {str(giver.root)}
    assert taker.leftovers == []


def test_what_was_looked_up_is_locked_and_told(taker: Taker, giver: Lab) -> None:
    taker.wants(A_FILE, AN_ARCHIVE)
    taker.run()
    assert [entry.path for entry in taker.told] == ["output/model.bin", "images.zip"]
    assert [(entry.reference, entry.path, entry.commit) for entry in taker.lock.payload] == [
        ("../data", "images.zip", giver.pod.head()),
        ("../data", "output/model.bin", giver.pod.head()),
    ]
    taker.told.clear()
    taker.run(force=True)
    assert taker.told == []


def test_it_is_never_committed_here(taker: Taker) -> None:
    taker.wants(A_FOLDER)
    result = taker.run()
    assert result.committed is not None and status(taker.pod).is_clean
    names = taker.lab.files(taker.pod.head_tree())
    assert "recipe.lock" in names and not any(name.startswith("payload/external") for name in names)


def test_a_moved_reference_changes_nothing_before_it_is_asked_for(taker: Taker, giver: Lab) -> None:
    taker.wants(A_FILE)
    first = taker.run()
    giver.write("output/model.bin", "better\n")
    giver.commit()
    assert taker.run().reused
    again = taker.run(force=True)
    assert taker.given == {"model.bin": "model"} and again.run.key == first.run.key
    assert taker.standings == ["moved"]
    changed = taker.update()
    assert [change.state for change in changed.changes] == ["moved"] and changed.written
    second = taker.run()
    assert taker.given == {"model.bin": "better"} and second.run.key != first.run.key


def test_what_is_gone_here_is_fetched_as_it_was_locked(taker: Taker, giver: Lab) -> None:
    taker.wants(A_FILE, A_FOLDER, AN_ARCHIVE)
    first = taker.run()
    giver.write("output/model.bin", "better\n")
    shutil.rmtree(giver.root / "output/set")
    (giver.root / "images.zip").unlink()
    giver.commit()
    taker.forget()
    again = taker.run(force=True)
    assert again.run.output == first.run.output


def test_a_known_result_needs_no_other_pod(taker: Taker, giver: Lab, tmp_path: Path) -> None:
    taker.wants(A_FILE, AN_ARCHIVE)
    first = taker.run()
    copy = taker.lab.clone(tmp_path / "copies")
    shutil.rmtree(giver.root)
    with copy.pod:
        stranger = Taker(copy)
        result = stranger.run()
        assert result.reused and result.id == first.id
        with pytest.raises(PayloadUnavailable, match="no such folder"):
            stranger.run(force=True)


def test_a_stranger_runs_a_clone(taker: Taker, tmp_path: Path, giver: Lab) -> None:
    place = tmp_path / "published"
    giver.push(place)
    taker.wants((place.as_uri(), "output/set"), (str(place), "images.zip"))
    first = taker.run()
    copy = taker.lab.clone(tmp_path / "copies")
    giver.write("output/set/b.csv", "5,6\n")
    giver.commit()
    giver.push(place)
    with copy.pod:
        stranger = Taker(copy)
        assert not any(copy.pod.store.has(item.id) for item in first.run.external)
        result = stranger.run(force=True)
        assert result.run.output == first.run.output
        assert len(stranger.asked) == 1
        # The lock was in what was approved.
        assert stranger.told == [] and [state.path for state in stranger.moved] == ["output/set"]


def test_nothing_is_asked_of_others_before_the_recipe_is_approved(
    taker: Taker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taker.wants(A_FILE)
    taker.lab.commit("Without a lock")
    copy = taker.lab.clone(tmp_path)
    with copy.pod, monkeypatch.context() as patch:
        patch.setattr("sovrgit.payloads.reference.open_location", pytest.fail)
        copy.answer = False
        with pytest.raises(RunNotTrusted):
            Taker(copy).run()
        assert not (copy.root / "recipe.lock").exists()
    with Pod(copy.root) as pod:
        again = Taker(Lab(pod, copy.clock))
        assert again.run().run.succeeded
        # Once: the lock that was written is the user's own.
        assert len(again.asked) == 1


def test_repeats_are_given_the_same(taker: Taker, giver: Lab) -> None:
    taker.wants(A_FILE, A_FOLDER, AN_ARCHIVE, ("../data", "bin/solve"))
    first = taker.run()
    assert taker.again(first.id).run.output == first.run.output
    giver.write("output/model.bin", "better\n")
    giver.commit()
    taker.update()
    taker.run()
    taker.forget()
    repeated = taker.again(first.id)
    assert repeated.run.output == first.run.output and repeated.run.external == first.run.external
    assert taker.verify(first.id).verdict.finding is Finding.IDENTICAL


def test_a_repeat_whose_payload_cannot_be_had(taker: Taker, giver: Lab) -> None:
    taker.wants(A_FILE)
    first = taker.run()
    taker.forget()
    shutil.rmtree(giver.root)
    with pytest.raises(PayloadUnavailable, match=r"`output/model\.bin`"):
        taker.again(first.id)


def test_a_repeat_finds_what_is_here_though_its_origin_is_gone(taker: Taker, giver: Lab) -> None:
    taker.wants(A_FILE, AN_ARCHIVE, A_FOLDER)
    first = taker.run()
    shutil.rmtree(giver.root)
    assert taker.again(first.id).run.output == first.run.output


@pytest.mark.parametrize(
    "form", ["path", "file address", "pushed folder", "remote", "branch", "tag", "commit", "itself"]
)
def test_every_form_of_reference(taker: Taker, giver: Lab, tmp_path: Path, form: str) -> None:
    first = giver.pod.head()
    assert first is not None
    with giver.pod.lock():
        from sovrgit.pod.refs import RefChange

        changes = [RefChange("refs/heads/older", None, first), RefChange("refs/tags/v1.0", None, first)]
        giver.pod.refs.update(changes, command="test", time_ns=1)
    remote = tmp_path / "pushed"
    giver.push(remote)
    add_remote(taker.pod, "shelf", str(remote), taker.pod.root)
    giver.write("output/model.bin", "better\n")
    giver.commit()
    taker.lab.write("output/own.bin", "own\n")
    own = taker.lab.commit("With output of its own")
    ref, path, content = {
        "path": (str(giver.root), "output/model.bin", "better"),
        "file address": (giver.root.as_uri(), "output/model.bin", "better"),
        "pushed folder": ("../pushed", "output/model.bin", "model"),
        "remote": ("shelf", "output/model.bin", "model"),
        "branch": ("../data@older", "output/model.bin", "model"),
        "tag": ("../data@v1.0", "output/model.bin", "model"),
        "commit": (f"../data@{first.short}", "output/model.bin", "model"),
        "itself": (f".@{own.short}", "output/own.bin", "own"),
    }[form]
    taker.wants((ref, path))
    assert taker.run().run.succeeded
    assert taker.given == {path.rpartition("/")[2]: content}
    assert taker.standings == ["same"]


def test_all_of_a_pod(taker: Taker, giver: Lab) -> None:
    taker.wants(("../data", "/"))
    result = taker.run()
    assert (taker.pod.root / "payload/external/output/model.bin").exists()
    assert [(item.path, item.place) for item in result.run.external] == [(".", "")]
    assert taker.again(result.id).run.output == result.run.output


def test_the_object_form(taker: Taker) -> None:
    taker.lab.recipe("sh script/run.sh", payload={"pod": "../data", "files": ["/output/model.bin", "images.zip"]})
    taker.run()
    assert sorted(taker.given) == ["images/deep/two.txt", "images/one.txt", "model.bin"]


def test_only_what_is_named_is_fetched(taker: Taker, giver: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    (giver.root / "output/big.bin").write_bytes(os.urandom(3 << 20))
    giver.commit()
    giver.push(giver.root.parent / "pushed")
    read = 0

    def counted(self: DirectoryRemote, pack: ObjectId, size: int, offset: int, length: int) -> bytes:
        nonlocal read
        read += length
        return original(self, pack, size, offset, length)

    original = DirectoryRemote.get_range
    monkeypatch.setattr(DirectoryRemote, "get_range", counted)
    monkeypatch.setattr(DirectoryRemote, "get_pack", pytest.fail)
    taker.wants(("../pushed", "output/model.bin"))
    taker.run()
    assert taker.given == {"model.bin": "model"}
    assert 0 < read < 1 << 20
    # Neither commits nor trees of the other pod are in this one.
    assert giver.pod.head() not in taker.pod.store.of_kind(Kind.COMMIT)


def test_a_partial_clone_gives_what_it_has(taker: Taker, giver: Lab, tmp_path: Path) -> None:
    giver.write("payload/left.bin", os.urandom(50_000).hex())
    giver.commit()
    remote = DirectoryRemote(tmp_path / "pushed")
    giver.push(tmp_path / "pushed")
    clone(remote, tmp_path / "part", time_ns=1, selection=Selection(payload=False)).pod.close()
    taker.wants(("../part", "output/set"), ("../part", "payload/left.bin"))
    with pytest.raises(
        PayloadUnavailable, match=r"`payload/left\.bin` .*: in `\.\./part` a file of it is not there"
    ) as caught:
        taker.run()
    assert "partial clone" in caught.value.hint
    taker.wants(("../part", "output/set"))
    assert taker.run().run.succeeded


def test_pushing_does_not_push_it(taker: Taker, giver: Lab, tmp_path: Path) -> None:
    (giver.root / "output/big.bin").write_bytes(os.urandom(3 << 20))
    giver.commit()
    taker.wants(("../data", "output/big.bin"))
    taker.lab.script("wc -c < payload/external/big.bin > output/list")
    result = taker.run()
    taker.lab.push(tmp_path / "pushed")
    assert sum(path.stat().st_size for path in (tmp_path / "pushed").rglob("*") if path.is_file()) < 100_000
    with clone(DirectoryRemote(tmp_path / "pushed"), tmp_path / "copy", time_ns=1).pod as copy:
        assert not copy.store.has(result.run.external[0].id)


# --- locks ------------------------------------------------------------------------------------------------------


def test_a_path_more_comes_from_the_commit_that_is_locked(taker: Taker, giver: Lab) -> None:
    taker.wants(A_FILE)
    taker.run()
    giver.write("output/set/b.csv", "other\n")
    giver.commit()
    taker.wants(A_FILE, A_FOLDER)
    taker.run()
    assert taker.given["set/b.csv"] == "3,4"
    assert len({entry.commit for entry in taker.lock.payload}) == 1


def test_what_the_lock_names_beyond_the_recipe_is_left_alone(taker: Taker) -> None:
    taker.wants(A_FILE, A_FOLDER)
    taker.run()
    taker.wants(A_FOLDER)
    taker.run()
    assert set(taker.given) == {"set/b.csv", "set/train/a.csv"}
    assert len(taker.lock.payload) == 2
    assert taker.standings == ["same", "unused"]
    assert [change.state for change in taker.update().changes] == ["same", "gone"]
    assert len(taker.lock.payload) == 1


@pytest.mark.parametrize("fetched", [True, False])
def test_a_lock_that_lies_is_found_out(taker: Taker, fetched: bool) -> None:
    """Somebody gives out a file of this very pod for what another one has."""
    taker.wants(A_FILE)
    taker.run()
    (entry,) = taker.lock.payload
    script = taker.lab.pod.store.tree(taker.pod.head_tree()).get(b"recipe.json")
    assert script is not None
    if not fetched:
        taker.forget()
    before = taker.lab.read("output/list")
    taker.relock(entry._replace(id=script.id))
    with pytest.raises(PayloadChanged, match=r"`output/model\.bin`"):
        taker.run()
    taker.relock(entry._replace(kind=EntryKind.EXECUTABLE))
    with pytest.raises(PayloadChanged):
        taker.run()
    assert taker.lab.read("output/list") == before


def test_a_lock_that_names_a_commit_that_is_not_there(taker: Taker) -> None:
    taker.wants(A_FILE)
    taker.run()
    (entry,) = taker.lock.payload
    taker.relock(entry._replace(commit=ObjectId(b"x" * 32)))
    with pytest.raises(
        PayloadUnavailable, match=r"`output/model\.bin` .*: in `\.\./data` commit 7878787878 is not there"
    ):
        taker.run()


@pytest.mark.parametrize(
    "payload",
    [
        b"[]",
        b'{"a": []}',
        b'{"a": {"b": {}}}',
        b'{"a": {"b": {"commit": "x", "id": "y", "kind": "file"}}}',
        b'{"a": {"../b": {"commit": "%s", "id": "%s", "kind": "file"}}}' % (b"0" * 64, b"0" * 64),
        b'{"a": {"/b": {"commit": "%s", "id": "%s", "kind": "file"}}}' % (b"0" * 64, b"0" * 64),
        b'{"a": {"b//c": {"commit": "%s", "id": "%s", "kind": "file"}}}' % (b"0" * 64, b"0" * 64),
        b'{"a": {"b": {"commit": "%s", "id": "%s", "kind": "link"}}}' % (b"0" * 64, b"0" * 64),
    ],
)
def test_a_damaged_lock(taker: Taker, payload: bytes) -> None:
    taker.wants(A_FILE)
    data = b'{"version": 1, "images": {}, "payload": ' + payload + b"}"
    (taker.pod.root / "recipe.lock").write_bytes(data)
    with pytest.raises(RecipeInvalid, match=r"recipe\.lock"):
        taker.run()
    with pytest.raises(RecipeInvalid):
        taker.states()
    assert (taker.pod.root / "recipe.lock").read_bytes() == data


def test_a_lock_is_read_as_it_was_written(taker: Taker) -> None:
    taker.wants(A_FILE, A_FOLDER, ("../data", "bin/solve"))
    taker.run()
    before = (taker.pod.root / "recipe.lock").read_bytes()
    assert Lock.parse(before).encode() == before
    assert [entry.kind for entry in Lock.parse(before).payload] == [
        EntryKind.EXECUTABLE,
        EntryKind.FILE,
        EntryKind.DIRECTORY,
    ]


# --- what cannot be had -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ref", ["../nowhere", "file:///nowhere/at/all", "nobody", "ftp://example.org/x", "../data@v9"])
def test_a_reference_that_leads_nowhere(taker: Taker, ref: str) -> None:
    taker.wants((ref, "x"))
    before = taker.lab.on_disk()
    with pytest.raises(PayloadUnavailable):
        taker.run()
    assert taker.lab.on_disk() == before and taker.leftovers == []


@pytest.mark.parametrize("content", ["empty", "files", "unborn"])
def test_a_folder_that_is_no_pod(taker: Taker, tmp_path: Path, content: str) -> None:
    place = tmp_path / "other"
    place.mkdir()
    if content == "files":
        (place / "x").write_text("x")
    if content == "unborn":
        Pod.create(place).close()
    taker.wants(("../other", "x"))
    with pytest.raises(PayloadUnavailable):
        taker.run()


def test_a_path_that_is_not_there(taker: Taker, giver: Lab) -> None:
    (giver.root / "link").symlink_to("output")
    giver.commit()
    for path in ("output/other.bin", "output/model.bin/x", "link", "link/model.bin"):
        taker.wants(("../data", path))
        with pytest.raises(PathNotFound, match=f"no `{path}` in commit"):
            taker.run()
    assert not (taker.pod.root / "recipe.lock").exists()


def test_two_payloads_that_want_one_place(taker: Taker, giver: Lab) -> None:
    giver.write("old/model.bin", "old\n")
    giver.commit()
    taker.wants(A_FILE, ("../data", "old/model.bin"))
    before = taker.lab.on_disk()
    with pytest.raises(PayloadClash, match=r"`model\.bin`"):
        taker.run()
    assert {path: data for path, data in taker.lab.on_disk().items() if path != "recipe.lock"} == before


def test_what_was_put_there_by_hand_and_committed_is_enough(taker: Taker, giver: Lab) -> None:
    shutil.rmtree(giver.root)
    taker.wants(A_FILE)
    taker.lab.write("payload/external/model.bin", "by hand\n")
    taker.lab.commit()
    result = taker.run()
    assert taker.given == {"model.bin": "by hand"} and result.run.external == ()


def test_content_that_is_not_what_it_should_be(taker: Taker, giver: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    giver.push(giver.root.parent / "pushed")
    taker.wants(("../pushed", "output/model.bin"))
    original = DirectoryRemote.get_range

    def other(self: DirectoryRemote, pack: ObjectId, size: int, offset: int, length: int) -> bytes:
        data = original(self, pack, size, offset, length)
        return data.replace(b"model\n", b"other\n")

    monkeypatch.setattr(DirectoryRemote, "get_range", other)
    with pytest.raises(RemoteDamaged):
        taker.run()
    assert not (taker.pod.root / "payload/external/model.bin").exists() and taker.leftovers == []


def test_pods_that_take_from_each_other(taker: Taker, giver: Lab) -> None:
    """Each is what it was when it was locked, so that nothing goes round in circles."""
    taker.wants(A_FILE)
    first = taker.run()
    other = Taker(giver)
    giver.script("cat payload/external/list > output/back")
    giver.recipe("sh script/run.sh", payload=[{"ref": "../taker", "data": "output/list"}])
    second = other.run()
    assert giver.read("output/back") == "model.bin model\n"
    assert second.run.external[0].commit == first.committed.id  # type: ignore[union-attr]
    taker.wants(("../data", "output/back"))
    third = taker.run()
    assert taker.given == {"back": "model.bin model"}
    assert taker.again(third.id).run.output == third.run.output


def test_a_kill_while_payload_is_fetched_leaves_nothing_that_counts(
    taker: Taker, monkeypatch: pytest.MonkeyPatch
) -> None:
    taker.wants(A_FOLDER, AN_ARCHIVE)
    for number in range(1, 5):
        calls = 0

        def dying(*arguments: object, limit: int = number, **named: object) -> object:
            nonlocal calls
            calls += 1
            if calls == limit:
                raise KeyboardInterrupt
            return read_entries(*arguments, **named)  # type: ignore[arg-type]

        with monkeypatch.context() as patch:
            patch.setattr("sovrgit.remotes.obtain.read_entries", dying)
            patch.setattr(opening, "_clear", lambda _: None)
            with pytest.raises(KeyboardInterrupt):
                taker.run(force=True)
        assert not (taker.pod.root / "payload" / "external").exists()
    taker.run(force=True)
    assert sorted(taker.given) == ["images/deep/two.txt", "images/one.txt", "set/b.csv", "set/train/a.csv"]


def test_gc_takes_nothing_away_from_somebody_who_looks(taker: Taker) -> None:
    (item,) = wanted_by(taker.pod, parse_recipe(b'{"name": "x", "golem": {"exec": "x", "payload": [%s]}}' % A_ROW))
    taker.pod.close()
    taker.lab.pod = Pod(taker.lab.root)
    with opening.opened(taker.access, item.reference) as source:
        with Pod(taker.pod.root) as other, pytest.raises(Locked):
            collect(other, GcRequest(now_ns=10**19, grace_ns=0, patience=0))
        source.get(source.find(item.path))
    assert taker.leftovers == []


def test_gc_keeps_what_the_lock_needs_and_removes_the_rest(taker: Taker, giver: Lab) -> None:
    def tidy() -> None:
        taker.pod.close()
        taker.lab.pod = Pod(taker.lab.root)
        collect(taker.pod, GcRequest(now_ns=10**19, grace_ns=0, kept_moves_ns=0))

    taker.wants(A_FILE, A_FOLDER)
    first = taker.run()
    old = first.run.external[1].id
    tidy()
    assert taker.pod.store.has(old)
    giver.write("output/set/b.csv", "other\n")
    giver.commit()
    taker.update()
    second = taker.run()
    tidy()
    assert not taker.pod.store.has(old) and taker.pod.store.has(second.run.external[1].id)


def test_a_task_has_payload_too(taker: Taker) -> None:
    taker.lab.write(
        "recipe.json", '{"name": "t", "pods": ["../x"], "payload": [{"ref": "../data", "data": "images.zip"}]}'
    )
    found = supply(taker.access)
    assert [item.name for item in found.fetch()] == [b""]
    assert [entry.path for entry in taker.lock.payload] == ["images.zip"]


# --- archives ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.TGZ", "a.bin"])
def test_archives_by_their_names(taker: Taker, giver: Lab, tmp_path: Path, name: str) -> None:
    kind = {"zip": "zip", "tar": "tar"}.get(name.rpartition(".")[2], "gztar")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.txt").write_text("x\n")
    made = shutil.make_archive(str(tmp_path / "made"), kind, tmp_path / "in")
    shutil.copy(made, giver.root / name)
    giver.commit()
    taker.lab.script("ls payload/external > output/list")
    taker.wants(("../data", name))
    taker.run()
    assert taker.lab.read("output/list").split() == (["a.bin"] if name == "a.bin" else ["x.txt"])


def test_an_archive_that_leads_out_is_refused_and_leaves_nothing(taker: Taker, giver: Lab, tmp_path: Path) -> None:
    (giver.root / "evil.zip").write_bytes(zipped({"../../../../evil.txt": "x"}))
    giver.commit()
    taker.wants(("../data", "evil.zip"))
    with pytest.raises(UnsafeName):
        taker.run()
    assert not list(tmp_path.rglob("evil.txt")) and taker.leftovers == []
    assert not (taker.pod.root / "payload" / "external").exists()
