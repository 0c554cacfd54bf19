"""Pushing: what travels, what does not, and what is refused."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from faulty import FaultyRemote
from memory import MemoryRemote
from transfer_lab import MAIN, Counter, Lab, cloned, manifest_of

from sovrgit.errors import (
    HistoryDiverged,
    IntegrityFailure,
    ObjectInvalid,
    ObjectMissing,
    RemoteStale,
    RevisionNotFound,
    SovrError,
)
from sovrgit.objects.commit import Stamp
from sovrgit.objects.ids import Kind, ObjectId, blob_id
from sovrgit.objects.tag import Tag
from sovrgit.objects.tree import EMPTY_TREE_ID
from sovrgit.remotes.directory import DirectoryRemote
from sovrgit.store import store as store_module
from sovrgit.store.format import PackClass, Toc
from sovrgit.store.packreader import PackReader, verified


def stored(remote: MemoryRemote, folder: Path) -> set[ObjectId]:
    """The ids of everything in the packs of a remote."""
    found: set[ObjectId] = set()
    for pack, data in remote.packs.items():
        path = folder / f"{pack.short}.pack"
        path.write_bytes(data)
        with PackReader(path, pack) as reader:
            found |= {ObjectId(row[0]) for row in reader.toc().rows()}
        path.unlink()
    return found


# --- what travels -----------------------------------------------------------------------------------------------------


def test_first_push_makes_the_remote(lab: Lab, remote: MemoryRemote) -> None:
    head = lab.commit({"a": b"1", "folder/b": b"2"})
    pushed = lab.push(remote)
    manifest = manifest_of(remote)
    assert [(move.name, move.old, move.new) for move in pushed.moved] == [(MAIN, None, head)]
    assert (manifest.generation, manifest.chain, manifest.head) == (1, (), MAIN)
    assert manifest.refs == {MAIN: head}
    assert manifest.recipe == {"name": "lab"}
    assert {entry.id: entry.size for entry in manifest.packs} == {
        pack: len(data) for pack, data in remote.packs.items()
    }
    assert pushed.sent_bytes == sum(map(len, remote.packs.values()))
    assert lab.refs["refs/remotes/origin/main"] == head


def test_second_push_sends_nothing(lab: Lab, remote: MemoryRemote) -> None:
    lab.commit({"a": b"1"})
    lab.push(remote)
    watched = FaultyRemote(remote)
    before = remote.manifest
    pushed = lab.push(watched)
    assert (pushed.moved, pushed.sent_packs, pushed.sent_bytes, pushed.generation) == ((), 0, 0, 1)
    assert watched.calls == ["read_manifest"]
    assert remote.manifest == before


def test_a_commit_sends_what_is_new_in_one_pack(lab: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    lab.commit({f"folder{number // 10}/{number}": b"%d" % number for number in range(100)})
    lab.push(remote)
    before = stored(remote, tmp_path)
    lab.commit({"folder3/35": b"edited"})
    pushed = lab.push(remote)
    # The blob, its folder, the root and the commit.
    assert pushed.sent_objects == 4
    assert pushed.sent_packs == len(remote.sent) - len(manifest_of(remote).packs) + 1 == 1
    assert len(stored(remote, tmp_path) - before) == 4
    assert manifest_of(remote).generation == 2


def test_edit_of_a_large_file_sends_its_chunks(
    lab: Lab, remote: MemoryRemote, noise: random.Random, small: None
) -> None:
    data = bytearray(noise.randbytes(200_000))
    lab.commit({"large": bytes(data)})
    assert lab.push(remote).sent_bytes > 200_000
    data[100_000:100_010] = b"0123456789"
    lab.commit({"large": bytes(data)})
    # The new list of chunks, some eight hundred records of 36 bytes, does not shrink; of the data a few chunks go.
    assert lab.push(remote).sent_bytes < 50_000


def test_renamed_files_and_folders_are_not_sent_again(lab: Lab, remote: MemoryRemote, noise: random.Random) -> None:
    lab.commit({"old/a": noise.randbytes(50_000), "old/b": noise.randbytes(50_000), "z": noise.randbytes(50_000)})
    lab.push(remote)
    (lab.root / "old").rename(lab.root / "new")
    (lab.root / "z").rename(lab.root / "a")
    lab.commit()
    assert lab.push(remote).sent_bytes < 2_000


def test_new_branch_at_a_commit_that_is_there_sends_no_pack(lab: Lab, remote: MemoryRemote) -> None:
    head = lab.commit({"a": b"1"})
    lab.push(remote)
    pushed = lab.push(remote, lab.move("refs/heads/other", head))
    assert (pushed.sent_packs, pushed.sent_objects) == (0, 0)
    assert manifest_of(remote).refs == {MAIN: head, "refs/heads/other": head}


def test_branch_that_others_moved_keeps_its_place(lab: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    lab.commit({"a": b"1"})
    lab.move("refs/heads/side", lab.head)
    lab.push(remote, MAIN, "refs/heads/side")
    other = cloned(remote, tmp_path / "other")
    theirs = other.commit({"b": b"theirs"})
    other.push(remote)
    ours = lab.add_commit({"c": b"ours"}, [lab.refs["refs/heads/side"]])
    lab.push(remote, lab.move("refs/heads/side", ours))
    assert manifest_of(remote).refs == {MAIN: theirs, "refs/heads/side": ours}
    # Of their commit not everything is here yet: it gets no name before it is fetched.
    assert lab.refs["refs/remotes/origin/main"] != theirs
    assert cloned(remote, tmp_path / "third").problems() == ()


def test_what_no_pushed_ref_reaches_stays_here(lab: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    secret, key = b"password" * 1000, b"small secret"
    lab.commit({"a": b"1", "creds": secret, "folder/key": key})
    amended_away = lab.head
    (lab.root / "creds").unlink()
    (lab.root / "folder/key").unlink()
    lab.commit(amend=True)
    other = lab.move("refs/heads/private", lab.add_commit({"diary": b"mine"}))
    failed = lab.add_run({"in": b"1"}, {"out": b"failed"})
    lab.move(f"refs/runs/{failed}", failed)
    lab.push(remote)
    there = stored(remote, tmp_path)
    assert lab.head in there
    assert not there & {blob_id(secret), blob_id(key), amended_away, lab.refs[other], blob_id(b"diary"), failed}
    assert not any(secret[:100] in data or key in data for data in remote.packs.values())
    assert set(manifest_of(remote).refs) == {MAIN}


def test_runs_travel_with_their_commits_and_verdicts(lab: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    base = lab.add_commit({"recipe.json": b"{}", "payload/x": b"1"})
    run = lab.add_run({"recipe.json": b"{}", "payload/x": b"1"}, {"output/y": b"2"}, base=base)
    files = {"recipe.json": b"{}", "payload/x": b"1", "output/y": b"2"}
    lab.move(MAIN, lab.add_commit(files, [base], run=run))
    repeat = lab.add_run({"recipe.json": b"{}", "payload/x": b"1"}, {"output/y": b"2"}, repeats=run)
    verdict = lab.add_verdict(run, repeat)
    lab.push(remote, MAIN, verdict)
    copy = cloned(remote, tmp_path / "copy")
    assert copy.problems() == ()
    assert copy.refs[verdict] == lab.refs[verdict]
    assert copy.pod.store.run(run).output == lab.pod.store.run(run).output
    # And what is pushed later takes the record for known.
    assert lab.push(remote, MAIN, lab.add_verdict(repeat, run)).sent_objects == 1


def test_run_whose_base_was_amended_away_is_whole(lab: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    base = lab.add_commit({"recipe.json": b"{}", "payload/x": b"first"})
    run = lab.add_run({"recipe.json": b"{}", "payload/x": b"first"}, {"out": b"2"}, base=base)
    lab.move(MAIN, lab.add_commit({"recipe.json": b"{}", "payload/x": b"second"}))
    name = lab.move(f"refs/runs/{run}", run)
    lab.push(remote, MAIN, name)
    copy = cloned(remote, tmp_path / "copy")
    assert copy.problems() == ()
    assert not copy.pod.store.has(base)


def test_recipe_outside_of_the_input_travels(lab: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    run = lab.add_run({"payload/x": b"1"}, {"out": b"2"})
    lab.move(MAIN, lab.add_commit({"a": b"1"}, run=run))
    lab.push(remote)
    assert cloned(remote, tmp_path / "copy").problems() == ()


def test_empty_tree_need_not_be_stored(lab: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    from sovrgit.objects.commit import Commit

    assert not lab.pod.store.has(EMPTY_TREE_ID)
    lab.move(MAIN, lab.add(Kind.COMMIT, Commit(EMPTY_TREE_ID, (), lab.who(), "Nothing").encode()))
    lab.push(remote)
    assert cloned(remote, tmp_path / "copy").working() == {}


def test_tags_travel_and_do_not_move(lab: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    first = lab.commit({"a": b"1"})
    tag = lab.add(Kind.TAG, Tag("v1", first, Kind.COMMIT, Stamp("A", "a", 1), "One").encode())
    lab.move("refs/tags/v1", tag)
    lab.push(remote, MAIN, "refs/tags/v1")
    copy = cloned(remote, tmp_path / "copy")
    assert copy.refs["refs/tags/v1"] == tag
    copy.move("refs/tags/v1", first)
    pushed = copy.push(remote, MAIN, "refs/tags/v1")
    assert (pushed.moved, pushed.kept) == ((), ("refs/tags/v1",))
    assert manifest_of(remote).refs["refs/tags/v1"] == tag


def test_only_a_tag(lab: Lab, remote: MemoryRemote) -> None:
    head = lab.commit({"a": b"1"})
    lab.push(remote, lab.move("refs/tags/v1", head))
    assert manifest_of(remote).refs == {"refs/tags/v1": head}
    lab.move("refs/heads/work", head)
    lab.push(remote, "refs/heads/work")
    assert manifest_of(remote).head == "refs/heads/work"


def test_clocks_that_go_backwards_cost_nothing_but_time(lab: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    times = [500, 100, 900, 1, 700, 300]
    parents: list[ObjectId] = []
    for number, time in enumerate(times):
        parents = [lab.add_commit({"a": b"%d" % number}, parents, time=time)]
        lab.move(MAIN, parents[0])
        lab.push(remote)
    copy = cloned(remote, tmp_path / "copy")
    assert copy.problems() == ()
    assert copy.head == lab.head


def test_trees_are_decoded_once_in_a_while(
    lab: Lab, remote: MemoryRemote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_KEPT_ENTRIES", 3)
    parents: list[ObjectId] = []
    for number in range(8):
        files = {f"f{n}/x": b"%d" % max(n, number) for n in range(5)}
        parents = [lab.add_commit(files, parents)]
    lab.move(MAIN, parents[0])
    lab.push(remote)
    assert cloned(remote, tmp_path / "copy").problems() == ()


def test_history_is_read_only_as_far_as_needed(lab: Lab, remote: MemoryRemote, monkeypatch: pytest.MonkeyPatch) -> None:
    parents: list[ObjectId] = []
    for number in range(40):
        parents = [lab.add_commit({"a": b"%d" % number}, parents)]
    lab.move(MAIN, parents[0])
    lab.push(remote)
    lab.move(MAIN, lab.add_commit({"a": b"new"}, parents))
    read: list[ObjectId] = []
    commit = lab.pod.store.commit
    monkeypatch.setattr(lab.pod.store, "commit", lambda item: read.append(item) or commit(item))
    lab.push(remote)
    assert 0 < len(read) < 12


def test_branch_from_far_back_sends_only_its_own(lab: Lab, remote: MemoryRemote) -> None:
    made: list[ObjectId] = []
    for number in range(30):
        made.append(lab.add_commit({"a": b"%d" % number, "d/b": b"same"}, made[-1:]))
    lab.move(MAIN, made[-1])
    lab.push(remote)
    # The blob, the root and the commit.
    branch = lab.move("refs/heads/side", lab.add_commit({"a": b"side", "d/b": b"same"}, [made[10]]))
    assert lab.push(remote, branch).sent_objects == 3
    # And one with another root, whose files are there.
    strange = lab.move("refs/heads/strange", lab.add_commit({"other": b"29", "d/b": b"same"}))
    assert lab.push(remote, strange).sent_objects == 2


def test_progress_adds_up(lab: Lab, remote: MemoryRemote, noise: random.Random, small: None) -> None:
    lab.commit({str(number): noise.randbytes(3000) for number in range(10)})
    counter = Counter()
    pushed = lab.push(remote, progress=counter)
    assert counter.done == counter.total == pushed.sent_bytes
    assert not counter.is_open


# --- packs ------------------------------------------------------------------------------------------------------------


def test_whole_packs_go_as_they_are_with_their_tables(
    lab: Lab, remote: MemoryRemote, tmp_path: Path, noise: random.Random, small: None
) -> None:
    lab.commit({"secret": b"s"})
    (lab.root / "secret").unlink()
    lab.commit({str(number): noise.randbytes(900) for number in range(30)}, amend=True)
    lab.push(remote)
    local = {info.id for info in lab.pod.store.packs() if info.kind is PackClass.CONTENT}
    content = {entry.id for entry in manifest_of(remote).packs if entry.kind is PackClass.CONTENT}
    assert content & local
    (metadata,) = (entry for entry in manifest_of(remote).packs if entry.kind is PackClass.METADATA)
    assert metadata.id not in lab.packs()
    assert tables(remote, metadata.id, tmp_path) == content


def tables(remote: MemoryRemote, pack: ObjectId, folder: Path) -> set[ObjectId | None]:
    """The packs whose tables of contents a metadata pack has."""
    path = folder / "metadata.pack"
    path.write_bytes(remote.packs[pack])
    found = set()
    with PackReader(path, pack) as reader:
        for digest, kind, _, _, offset, stored_size, _ in reader.toc().rows():
            if kind == Kind.TOC:
                data = verified(*reader.entry(offset, stored_size), ObjectId(digest), "pack")
                found.add(Toc.decode(bytes(data)).pack)
    return found


def test_small_packs_are_sent_as_one(lab: Lab, remote: MemoryRemote) -> None:
    for number in range(12):
        lab.commit({"a": b"%d" % number, "b": bytes([number]) * 5000})
    assert len(lab.packs()) == 24
    assert lab.push(remote).sent_packs == 2


def test_push_leaves_no_temporary_files(lab: Lab, remote: MemoryRemote) -> None:
    for number in range(3):
        lab.commit({"a": b"%d" % number})
    lab.push(remote)
    assert lab.stray() == []


# --- what is refused --------------------------------------------------------------------------------------------------


def test_ref_that_is_not_here(lab: Lab, remote: MemoryRemote) -> None:
    lab.commit({"a": b"1"})
    with pytest.raises(RevisionNotFound):
        lab.push(remote, "refs/heads/absent")
    assert remote.manifest is None


def test_remote_that_moved_on(lab: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    lab.commit({"a": b"1"})
    lab.push(remote)
    other = cloned(remote, tmp_path / "other")
    theirs = other.commit({"b": b"theirs"})
    other.push(remote)
    ours = lab.commit({"c": b"ours"})
    before = remote.manifest, dict(remote.packs)
    with pytest.raises(RemoteStale, match="fetch first"):
        lab.push(remote)
    assert (remote.manifest, remote.packs) == before
    assert lab.head == ours
    lab.fetch(remote)
    with pytest.raises(HistoryDiverged):
        lab.push(remote)
    assert (remote.manifest, remote.packs) == before
    assert lab.refs["refs/remotes/origin/main"] == theirs
    assert lab.files(theirs) == {"a": b"1", "b": b"theirs"}
    assert lab.problems() == ()


def test_amended_commit_does_not_replace_the_pushed_one(lab: Lab, remote: MemoryRemote) -> None:
    pushed = lab.commit({"a": b"1"})
    lab.push(remote)
    lab.commit({"a": b"2"}, amend=True)
    with pytest.raises(HistoryDiverged):
        lab.push(remote)
    assert manifest_of(remote).refs == {MAIN: pushed}


def test_ref_to_a_tree(lab: Lab, remote: MemoryRemote) -> None:
    lab.move("refs/tags/tree", lab.tree({"a": b"1"}))
    with pytest.raises(IntegrityFailure):
        lab.push(remote, "refs/tags/tree")
    assert remote.manifest is None


@pytest.mark.parametrize("kind", [PackClass.CONTENT, PackClass.METADATA])
@pytest.mark.parametrize("as_it_is", [True, False])
def test_damage_here_is_not_spread(
    lab: Lab, tmp_path: Path, noise: random.Random, small: None, kind: PackClass, as_it_is: bool
) -> None:
    lab.commit({"a": b"1", "b": noise.randbytes(700)})
    remote = DirectoryRemote(tmp_path / "remote")
    lab.push(remote)
    before = remote.read_manifest()
    packs = set((tmp_path / "remote/packs").iterdir())
    if not as_it_is:
        lab.commit({"secret": noise.randbytes(700), "c": b"2"})
        (lab.root / "secret").unlink()
    known = lab.packs()
    lab.commit({str(number): noise.randbytes(900) for number in range(20)}, amend=not as_it_is)
    for info in lab.pod.store.packs():
        path = lab.pod.store.pack_path(info.id)
        if info.kind is kind and path.name not in known:
            data = bytearray(path.read_bytes())
            for place in range(40, len(data), 300):
                data[place] ^= 0x10
            path.unlink()
            path.write_bytes(data)
    lab.pod.close()
    again = Lab(type(lab.pod)(lab.root))
    with pytest.raises((IntegrityFailure, ObjectMissing, ObjectInvalid)) as caught:
        again.push(remote)
    assert isinstance(caught.value, SovrError)
    assert remote.read_manifest() == before
    # Good packs may have arrived before the damage was found; no damaged one has.
    for path in set((tmp_path / "remote/packs").iterdir()) - packs:
        assert blob_id(path.read_bytes()).hex() == path.stem
    assert again.stray() == []


def test_undamaged_copy_is_used(lab: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    from sovrgit.store.repack import repack

    lab.commit({"a": b"some text that is long enough to be seen", "b": b"1"})
    lab.commit({"b": b"2"})
    store = lab.pod.store
    blob = blob_id(b"some text that is long enough to be seen")
    first = store.location(blob)
    (copy,) = repack(store, store.temporary, [(first, blob)])
    copy.path.rename(store.pack_path(copy.id))
    store.refresh()
    path = store.pack_path(first.pack)
    data = path.read_bytes().replace(b"long enough", b"LONG ENOUGH")
    path.unlink()
    path.write_bytes(data)
    lab.pod.close()
    again = Lab(type(lab.pod)(lab.root))
    again.push(remote)
    assert cloned(remote, tmp_path / "copy").working()["a"].count(b"long enough") == 1
