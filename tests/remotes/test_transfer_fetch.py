"""Fetching: only what is missing, only what is right, and never a step back unasked."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from faulty import FaultyRemote, answers, cut_off, does_nothing, garbled, in_turn, stores_garbage, unreachable
from memory import MemoryRemote
from partial_lab import Partial
from transfer_lab import MAIN, Counter, Lab, cloned, forward, manifest_of

from sovrgit.errors import (
    HistoryDiverged,
    LocalChanges,
    ObjectInvalid,
    RemoteDamaged,
    RemoteDiverged,
    RemoteStale,
    RemoteUnavailable,
    RevisionNotFound,
    StorageFull,
)
from sovrgit.objects.codec import encode
from sovrgit.objects.commit import Commit
from sovrgit.objects.ids import Kind, ObjectId, blob_id
from sovrgit.objects.tag import Tag
from sovrgit.objects.tree import EntryKind, Tree, TreeEntry
from sovrgit.remotes.base import Transient
from sovrgit.remotes.clone import clone
from sovrgit.remotes.manifest import Manifest, PackEntry
from sovrgit.remotes.state import RemoteState
from sovrgit.store.compress import compress
from sovrgit.store.format import MAX_PACK, ChunkRecord, Codec, PackClass, chunk_list
from sovrgit.store.packwriter import NewEntry, PackWriter

REPOSITORY = bytes(16)


@pytest.fixture
def pair(lab: Lab, remote: MemoryRemote, tmp_path: Path) -> tuple[Lab, Lab]:
    """A pod that was pushed, and a clone."""
    lab.commit({"a": b"1", "folder/b": b"2"})
    lab.push(remote)
    return lab, cloned(remote, tmp_path / "clone")


# --- what arrives -----------------------------------------------------------------------------------------------------


def test_fetch_brings_what_is_new(pair: tuple[Lab, Lab], remote: MemoryRemote) -> None:
    lab, copy = pair
    before = copy.head
    new = lab.commit({"a": b"3"})
    size = lab.push(remote).sent_bytes
    counter = Counter()
    fetched = copy.fetch(remote, progress=counter)
    assert (fetched.received_bytes, fetched.received_packs) == (size, 1)
    assert counter.done == counter.total == size
    assert [(move.name, move.old, move.new) for move in fetched.moved] == [("refs/remotes/origin/main", before, new)]
    assert copy.head == before
    assert copy.files(new) == {"a": b"3", "folder/b": b"2"}


def test_second_fetch_receives_nothing(pair: tuple[Lab, Lab], remote: MemoryRemote) -> None:
    lab, copy = pair
    lab.commit({"a": b"3"})
    lab.push(remote)
    copy.fetch(remote)
    watched = FaultyRemote(remote)
    fetched = copy.fetch(watched)
    assert (fetched.moved, fetched.received_packs) == ((), 0)
    assert watched.calls == ["read_manifest"]


def test_own_push_is_not_received_again(pair: tuple[Lab, Lab], remote: MemoryRemote) -> None:
    lab, _ = pair
    assert lab.fetch(remote).received_packs == 0


def test_pull_moves_the_files(pair: tuple[Lab, Lab], remote: MemoryRemote) -> None:
    lab, copy = pair
    new = lab.commit({"a": b"3", "c": b"4"})
    lab.push(remote)
    copy.fetch(remote)
    assert forward(copy.pod, "origin") == 2
    assert copy.head == new
    assert copy.working() == lab.working()
    assert forward(copy.pod, "origin") == 0


def test_pull_of_what_is_behind_changes_nothing(pair: tuple[Lab, Lab], remote: MemoryRemote) -> None:
    _, copy = pair
    ahead = copy.commit({"a": b"mine"})
    copy.fetch(remote)
    assert forward(copy.pod, "origin") == 0
    assert copy.head == ahead


def test_pull_of_both_sides_moved(pair: tuple[Lab, Lab], remote: MemoryRemote) -> None:
    lab, copy = pair
    lab.commit({"a": b"theirs"})
    lab.push(remote)
    ours = copy.commit({"a": b"ours"})
    copy.fetch(remote)
    with pytest.raises(HistoryDiverged):
        forward(copy.pod, "origin")
    assert copy.head == ours
    assert copy.working()["a"] == b"ours"


def test_pull_over_local_changes(pair: tuple[Lab, Lab], remote: MemoryRemote) -> None:
    lab, copy = pair
    lab.commit({"a": b"theirs"})
    lab.push(remote)
    copy.write("a", b"not committed")
    copy.fetch(remote)
    with pytest.raises(LocalChanges):
        forward(copy.pod, "origin")
    assert copy.working()["a"] == b"not committed"


def test_pull_of_a_branch_that_is_not_there(pair: tuple[Lab, Lab]) -> None:
    _, copy = pair
    with pytest.raises(RevisionNotFound):
        forward(copy.pod, "elsewhere")


def test_history_is_checked_only_as_far_as_it_is_new(
    pair: tuple[Lab, Lab], remote: MemoryRemote, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab, copy = pair
    parents: list[ObjectId] = [lab.head]
    for number in range(40):
        parents = [lab.add_commit({"a": b"%d" % number}, parents)]
    lab.move(MAIN, parents[0])
    lab.push(remote)
    copy.fetch(remote)
    lab.move(MAIN, lab.add_commit({"a": b"new"}, parents))
    lab.push(remote)
    read: list[ObjectId] = []
    commit = copy.pod.store.commit
    monkeypatch.setattr(copy.pod.store, "commit", lambda item: read.append(item) or commit(item))
    copy.fetch(remote)
    assert 0 < len(read) < 12


def test_tags_do_not_move_here(pair: tuple[Lab, Lab], remote: MemoryRemote) -> None:
    lab, copy = pair
    ours = copy.commit({"a": b"mine"})
    copy.move("refs/tags/v1", ours)
    lab.push(remote, lab.move("refs/tags/v1", lab.head), lab.move("refs/tags/v2", lab.head))
    copy.fetch(remote)
    assert (copy.refs["refs/tags/v1"], copy.refs["refs/tags/v2"]) == (ours, lab.head)


def test_packs_that_were_known_and_are_gone_come_again(pair: tuple[Lab, Lab], remote: MemoryRemote) -> None:
    lab, copy = pair
    lab.commit({"a": b"3"})
    lab.push(remote)
    new = manifest_of(remote).packs[-1]
    state = RemoteState.load(copy.pod.folder, "origin")
    replace(state, known=state.known | {new.id}).save(copy.pod.folder, "origin")
    assert copy.fetch(remote).received_packs == 1
    assert copy.problems() == ()


def test_lost_state_costs_time_only(pair: tuple[Lab, Lab], remote: MemoryRemote) -> None:
    lab, copy = pair
    RemoteState.forget(copy.pod.folder, "origin")
    assert copy.fetch(remote).received_packs == 0
    (lab.pod.folder / "remotes/origin").write_bytes(b"rubbish")
    assert lab.push(remote).moved == ()


# --- a remote that went another way -----------------------------------------------------------------------------------


def _earlier(lab: Lab, remote: MemoryRemote) -> bytes:
    earlier = remote.manifest
    lab.commit({"a": b"later"})
    lab.push(remote)
    assert earlier is not None
    return earlier


def test_older_generation_is_divergence(pair: tuple[Lab, Lab], remote: MemoryRemote) -> None:
    lab, copy = pair
    remote.manifest = _earlier(lab, remote)
    with pytest.raises(RemoteDiverged, match="generation 1"):
        lab.push(remote)
    with pytest.raises(RemoteDiverged, match="generation 1"):
        lab.fetch(remote)
    assert copy.fetch(remote).moved == ()


def test_stale_read_is_asked_again(pair: tuple[Lab, Lab], remote: MemoryRemote) -> None:
    lab, _ = pair
    stale = _earlier(lab, remote)
    lagging = FaultyRemote(remote, answers_vary=True).on("read_manifest", in_turn(answers(stale), answers(None)))
    assert lab.fetch(lagging).moved == ()
    assert lagging.calls == ["read_manifest"] * 3
    with pytest.raises(RemoteDiverged):
        lab.fetch(FaultyRemote(remote, answers_vary=True).on("read_manifest", answers(stale)))


def test_emptied_remote_is_not_taken_for_a_new_one(pair: tuple[Lab, Lab], remote: MemoryRemote) -> None:
    lab, _ = pair
    remote.manifest = None
    lab.commit({"a": b"2"})
    with pytest.raises(RemoteDiverged, match="empty") as caught:
        lab.push(remote)
    assert "sovr remote remove" in caught.value.hint
    assert remote.manifest is None


def test_other_repository_in_the_same_place(pair: tuple[Lab, Lab], remote: MemoryRemote, tmp_path: Path) -> None:
    lab, _ = pair
    other = Lab.create(tmp_path / "other")
    other.commit({"x": b"x"})
    elsewhere = MemoryRemote()
    other.push(elsewhere)
    with pytest.raises(RemoteDiverged, match="another repository"):
        lab.fetch(elsewhere)
    with pytest.raises(RemoteDiverged, match="another repository"):
        lab.push(elsewhere)


def _forked(pair: tuple[Lab, Lab], remote: MemoryRemote) -> tuple[ObjectId, ObjectId]:
    """Two writers that a network let both win: ours was seen, and then theirs stood there."""
    lab, copy = pair
    before = remote.manifest
    ours = lab.commit({"a": b"ours"})
    lab.push(remote)
    remote.manifest = before
    theirs = copy.commit({"b": b"theirs"})
    copy.push(remote)
    return ours, theirs


def test_forked_chain_is_divergence(pair: tuple[Lab, Lab], remote: MemoryRemote) -> None:
    lab, _ = pair
    ours, _ = _forked(pair, remote)
    refs = lab.refs
    for transfer in (lab.fetch, lab.push):
        with pytest.raises(RemoteDiverged, match="chain"):
            transfer(remote)
    assert lab.refs == refs
    assert lab.head == ours


def test_accepted_divergence_keeps_both_sides(pair: tuple[Lab, Lab], remote: MemoryRemote) -> None:
    lab, _ = pair
    ours, theirs = _forked(pair, remote)
    lab.fetch(remote, accept=True)
    assert (lab.head, lab.refs["refs/remotes/origin/main"]) == (ours, theirs)
    assert lab.files(ours)["a"] == b"ours"
    assert lab.files(theirs)["b"] == b"theirs"
    # From here on it is a divergence of histories, like any other.
    with pytest.raises(HistoryDiverged):
        lab.push(remote)
    merged = lab.add_commit({**lab.files(ours), "b": b"theirs"}, [ours, theirs])
    lab.move(MAIN, merged)
    lab.push(remote)
    assert manifest_of(remote).refs == {MAIN: merged}


def test_accepted_step_back_can_be_pushed_again(pair: tuple[Lab, Lab], remote: MemoryRemote) -> None:
    lab, _ = pair
    remote.manifest = _earlier(lab, remote)
    lab.fetch(remote, accept=True)
    lab.push(remote)
    assert manifest_of(remote).refs == {MAIN: lab.head}


def test_reader_who_missed_many_generations(pair: tuple[Lab, Lab], remote: MemoryRemote) -> None:
    lab, copy = pair
    for number in range(70):
        lab.push(remote, lab.move(f"refs/heads/b{number}", lab.head))
    assert manifest_of(remote).generation == 71
    assert len(copy.fetch(remote).moved) == 70


def test_nothing_pushed_yet(lab: Lab, remote: MemoryRemote) -> None:
    with pytest.raises(RemoteUnavailable, match="nothing has been pushed"):
        lab.fetch(remote)


# --- packs that are not right -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [cut_off, garbled])
def test_broken_download_is_damage(pair: tuple[Lab, Lab], remote: MemoryRemote, fault: Callable[..., object]) -> None:
    lab, copy = pair
    lab.commit({"a": b"new"})
    lab.push(remote)
    before = copy.packs(), copy.refs
    with pytest.raises(RemoteDamaged):
        copy.fetch(FaultyRemote(remote).on("get_pack", fault))
    assert (copy.packs(), copy.refs) == before
    assert copy.stray() == []
    assert copy.fetch(remote).received_packs == 1


@pytest.mark.parametrize("fault", [cut_off, garbled, unreachable])
def test_broken_download_is_repeated_where_that_may_help(
    pair: tuple[Lab, Lab], remote: MemoryRemote, fault: Callable[..., object]
) -> None:
    lab, copy = pair
    lab.commit({"a": b"new"})
    lab.push(remote)
    counter = Counter()
    network = FaultyRemote(remote, answers_vary=True).on("get_pack", in_turn(fault, fault, fault))
    assert copy.fetch(network, progress=counter).received_packs == 1
    assert network.calls.count("get_pack") == 4
    assert counter.done == counter.total
    assert copy.problems() == ()


def test_garbled_for_good_is_damage_everywhere(pair: tuple[Lab, Lab], remote: MemoryRemote) -> None:
    lab, copy = pair
    lab.commit({"a": b"new"})
    lab.push(remote)
    network = FaultyRemote(remote, answers_vary=True).on("get_pack", garbled)
    with pytest.raises(RemoteDamaged):
        copy.fetch(network)
    assert network.calls.count("get_pack") == 5


def test_unreachable_for_good(pair: tuple[Lab, Lab], remote: MemoryRemote) -> None:
    _, copy = pair
    place = FaultyRemote(remote).on("read_manifest", unreachable)
    with pytest.raises(Transient):
        copy.fetch(place)
    assert len(place.calls) == 5


def test_put_that_stores_garbage_publishes_nothing(lab: Lab, remote: MemoryRemote) -> None:
    lab.commit({"a": b"1"})
    for fault in (stores_garbage, does_nothing):
        with pytest.raises(RemoteDamaged, match="not there as it was sent"):
            lab.push(FaultyRemote(remote).on("put_pack", fault))
        assert remote.manifest is None
    lab.push(remote)
    assert remote.manifest is not None


def test_put_that_lost_data_once_is_repeated_where_that_may_help(lab: Lab, remote: MemoryRemote) -> None:
    lab.commit({"a": b"1"})
    counter = Counter()
    network = FaultyRemote(remote, answers_vary=True).on("put_pack", in_turn(stores_garbage, does_nothing, unreachable))
    lab.push(network, progress=counter)
    assert network.calls.count("put_pack") == 4
    assert counter.done == counter.total


def test_lie_about_a_pack_is_found_by_the_reader(lab: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    lab.commit({"a": b"1"})
    lab.push(FaultyRemote(remote).on("put_pack", does_nothing).on("has_pack", answers(True)))
    with pytest.raises(RemoteDamaged):
        cloned(remote, tmp_path / "clone")
    assert not (tmp_path / "clone").exists()
    assert lab.problems() == ()


def test_full_disk_leaves_the_pod_as_it_was(
    pair: tuple[Lab, Lab], remote: MemoryRemote, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab, copy = pair
    lab.commit({"a": b"new"})
    lab.push(remote)
    before = copy.packs(), copy.refs

    def full(call: object) -> None:
        raise StorageFull(path="there")

    with pytest.raises(StorageFull):
        copy.fetch(FaultyRemote(remote).on("get_pack", full))
    assert (copy.packs(), copy.refs, copy.stray()) == (*before, [])


# --- hostile manifests ------------------------------------------------------------------------------------------------


class Hostile:
    """A remote in the hands of somebody who means ill: any objects, any manifest."""

    def __init__(self, folder: Path) -> None:
        self.remote = MemoryRemote()
        self._folder = folder
        self._packs: list[PackEntry] = []

    def pack(self, *entries: NewEntry, kind: PackClass = PackClass.METADATA) -> None:
        """Store a pack whose entries say what they like."""
        writer = PackWriter(self._folder, kind)
        for entry in entries:
            writer.add(entry)
        made = writer.finish()
        self.remote.packs[made.id] = made.path.read_bytes()
        made.path.unlink()
        self._packs.append(PackEntry(made.id, made.size, kind, len(made.toc)))

    def publish(self, refs: dict[str, ObjectId], **fields: object) -> MemoryRemote:
        values = {"repository": REPOSITORY, "generation": 1, "chain": (), "writer": "w", "time": 0, "head": MAIN}
        values |= {"refs": refs, "packs": tuple(self._packs)} | fields
        self.remote.manifest = Manifest(**values).encode()  # type: ignore[arg-type]
        return self.remote


@pytest.fixture
def hostile(tmp_path: Path) -> Hostile:
    return Hostile(tmp_path)


def entry(kind: Kind, data: bytes, identity: ObjectId | None = None) -> NewEntry:
    from sovrgit.objects.ids import hash_object

    codec, payload = compress(data)
    return NewEntry(kind, codec, 0, len(data), identity or hash_object(kind, data), payload)


def commit_of(lab: Lab, tree: ObjectId, *parents: ObjectId, run: ObjectId | None = None) -> NewEntry:
    return entry(Kind.COMMIT, Commit(tree, parents, lab.who(), "Evil", run=run).encode())


def tree_of(*rows: tuple[bytes, EntryKind, ObjectId], size: int = 1) -> NewEntry:
    return entry(Kind.TREE, Tree.of(TreeEntry(*row, size) for row in rows).encode())


def refused(lab: Lab, remote: MemoryRemote, match: str | None = None) -> None:
    """A fetch is refused as damage, and the pod names nothing of it."""
    before = lab.refs
    with pytest.raises(RemoteDamaged, match=match):
        lab.fetch(remote)
    assert lab.refs == before
    assert lab.stray() == []


@pytest.mark.parametrize("raw", [b"", b"rubbish", b"\xc0", b"\x80", bytes(1000), b"\xdf\xff\xff\xff\xff"])
def test_manifest_that_is_none(lab: Lab, remote: MemoryRemote, raw: bytes) -> None:
    remote.manifest = raw
    refused(lab, remote)
    with pytest.raises(RemoteDamaged):
        lab.commit({"a": b"1"})
        lab.push(remote)
    assert remote.manifest == raw


@pytest.mark.parametrize("name", ["refs/heads/../x", "heads/main", "refs/heads/a b", "refs/heads/x.lock", "refs/\n"])
def test_ref_with_an_impossible_name(lab: Lab, hostile: Hostile, name: str) -> None:
    refused(lab, hostile.publish({name: blob_id(b"x")}), "impossible name")


def test_ref_whose_name_is_too_long_here(lab: Lab, hostile: Hostile) -> None:
    refused(lab, hostile.publish({"refs/heads/" + "x" * 1010: blob_id(b"x")}), "name")


@pytest.mark.parametrize("size", [0, MAX_PACK + 1, 1 << 30, 1 << 62])
def test_pack_of_an_impossible_size(lab: Lab, hostile: Hostile, size: int) -> None:
    packs = [{"id": blob_id(b"p"), "size": size, "class": 1, "objects": 1}]
    fields = {"repository": REPOSITORY, "generation": 1, "writer": "w", "time": 0, "head": MAIN, "packs": packs}
    hostile.remote.manifest = encode(fields, kind=Kind.MANIFEST)
    refused(lab, hostile.remote)


def test_pack_that_claims_to_be_larger_than_it_is(lab: Lab, hostile: Hostile) -> None:
    tree = tree_of()
    hostile.pack(tree, commit_of(lab, tree.id))
    hostile._packs = [pack._replace(size=MAX_PACK) for pack in hostile._packs]
    refused(lab, hostile.publish({}), "instead of")


def test_download_is_bounded_by_the_manifest(lab: Lab, hostile: Hostile) -> None:
    tree = tree_of()
    hostile.pack(tree)
    hostile._packs = [pack._replace(size=pack.size - 1) for pack in hostile._packs]
    refused(lab, hostile.publish({}))


def test_pack_of_another_pod_under_this_name(lab: Lab, hostile: Hostile) -> None:
    hostile.pack(tree_of())
    hostile.pack(entry(Kind.BLOB, b"other"))
    first, second = hostile._packs
    hostile.remote.packs[first.id] = hostile.remote.packs[second.id]
    refused(lab, hostile.publish({}))


def test_missing_pack(lab: Lab, hostile: Hostile) -> None:
    hostile.pack(tree_of())
    hostile.remote.packs.clear()
    refused(lab, hostile.publish({}), "not there")


def test_object_under_a_wrong_id(lab: Lab, hostile: Hostile) -> None:
    hostile.pack(entry(Kind.BLOB, b"poison", blob_id(b"what you will add tomorrow")))
    refused(lab, hostile.publish({}), "another hash")
    assert not lab.pod.store.has(blob_id(b"what you will add tomorrow"))


@pytest.mark.parametrize("kind", [Kind.BLOB, Kind.TREE, Kind.COMMIT])
def test_chunk_list_that_lies(lab: Lab, hostile: Hostile, kind: Kind) -> None:
    wanted = blob_id(b"what you will add tomorrow")
    piece = entry(Kind.BLOB, b"poison")
    lie = NewEntry(kind, Codec.CHUNKS, 1, 6, wanted, chunk_list([ChunkRecord(piece.id, 6)]))
    hostile.pack(piece, lie)
    refused(lab, hostile.publish({}))
    assert not lab.pod.store.has(wanted)
    assert lab.packs() == set()
    # What the user adds then is stored.
    lab.commit({"f": b"what you will add tomorrow"})
    assert lab.files(lab.head) == {"f": b"what you will add tomorrow"}


def test_chunk_list_that_lies_to_a_partial_clone(lab: Lab, hostile: Hostile, tmp_path: Path) -> None:
    wanted = blob_id(b"what you will add tomorrow")
    piece = entry(Kind.BLOB, b"poison")
    tree = tree_of((b"f", EntryKind.FILE, wanted), (b"g", EntryKind.FILE, piece.id), size=6)
    commit = commit_of(lab, tree.id)
    lie = NewEntry(Kind.BLOB, Codec.CHUNKS, 1, 6, wanted, chunk_list([ChunkRecord(piece.id, 6)]))
    hostile.pack(piece, lie, tree, commit)
    made = Partial.only(hostile.publish({MAIN: commit.id}), tmp_path / "copy", "g")
    assert not made.pod.store.has(wanted)
    with pytest.raises(RemoteDamaged, match="do not make the whole"):
        made.get("f")
    assert made.absent() == ["f"] and not made.pod.store.has(wanted)
    made.commit({"f": b"what you will add tomorrow"})
    assert made.files(made.head)["f"] == b"what you will add tomorrow"


def test_chunk_list_that_lies_is_found_by_a_clone_that_does_not_check_it_out(
    lab: Lab, hostile: Hostile, tmp_path: Path
) -> None:
    wanted = blob_id(b"what you will add tomorrow")
    piece, tree = entry(Kind.BLOB, b"poison"), tree_of()
    commit = commit_of(lab, tree.id)
    lie = NewEntry(Kind.BLOB, Codec.CHUNKS, 1, 6, wanted, chunk_list([ChunkRecord(piece.id, 6)]))
    hostile.pack(piece, lie, tree, commit)
    with pytest.raises(RemoteDamaged):
        clone(hostile.publish({MAIN: commit.id}), tmp_path / "copy", time_ns=1)
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("where", ["checkout", "history", "nowhere", "chunk"])
def test_blob_that_lies_to_a_clone(lab: Lab, hostile: Hostile, tmp_path: Path, where: str) -> None:
    """A clone reads blobs when it writes them out, and those that it does not write out after that."""
    wanted = blob_id(b"what you will add tomorrow")
    lie = entry(Kind.BLOB, b"poison", wanted)
    named = tree_of((b"f", EntryKind.FILE, wanted), size=6)
    whole = NewEntry(Kind.BLOB, Codec.CHUNKS, 1, 6, blob_id(b"poison"), chunk_list([ChunkRecord(wanted, 6)]))
    file = tree_of((b"f", EntryKind.FILE, whole.id), size=6)
    old = commit_of(lab, named.id if where == "history" else tree_of().id)
    new = commit_of(lab, {"checkout": named, "chunk": file}.get(where, tree_of()).id, old.id)
    hostile.pack(lie, whole, named, file, tree_of(), old, new)
    with pytest.raises(RemoteDamaged, match="hash is another"):
        clone(hostile.publish({MAIN: new.id}), tmp_path / "copy", time_ns=1)
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("leave", [False, True])
def test_chunk_list_that_is_longer_than_the_file(lab: Lab, hostile: Hostile, tmp_path: Path, leave: bool) -> None:
    """A few records that name the same piece over and over would keep a reader busy for hours."""
    piece = entry(Kind.BLOB, bytes(1 << 16))
    records = [ChunkRecord(piece.id, 1 << 16)] * 1000
    lie = NewEntry(Kind.BLOB, Codec.CHUNKS, 1, 1000 << 16, blob_id(b"small"), chunk_list(records))
    tree = tree_of((b"f", EntryKind.FILE, lie.id), size=5)
    commit = commit_of(lab, tree.id)
    hostile.pack(piece, lie, tree, commit)
    remote = hostile.publish({MAIN: commit.id})
    with pytest.raises(RemoteDamaged, match="has 65536000 bytes, and not 5"):
        if leave:
            clone(remote, tmp_path / "copy", time_ns=1)
        else:
            lab.fetch(remote)
    assert not (tmp_path / "copy").exists()


def test_chunk_list_that_lies_in_an_interrupted_fetch(lab: Lab, hostile: Hostile) -> None:
    wanted = blob_id(b"what you will add tomorrow")
    piece = entry(Kind.BLOB, b"poison")
    hostile.pack(piece, NewEntry(Kind.BLOB, Codec.CHUNKS, 1, 6, wanted, chunk_list([ChunkRecord(piece.id, 6)])))
    hostile.pack(tree_of())
    remote = hostile.publish({})
    with pytest.raises(Transient):
        lab.fetch(FaultyRemote(remote).on("get_pack", unreachable, range(1, 100)))
    refused(lab, remote)
    assert not lab.pod.store.has(wanted)


def test_chunk_list_without_its_pieces(lab: Lab, hostile: Hostile) -> None:
    lie = NewEntry(Kind.BLOB, Codec.CHUNKS, 1, 6, blob_id(b"w"), chunk_list([ChunkRecord(blob_id(b"absent"), 6)]))
    hostile.pack(lie)
    refused(lab, hostile.publish({}), "missing")
    assert not lab.pod.store.has(blob_id(b"w"))


def test_refs_to_wrong_kinds(lab: Lab, hostile: Hostile) -> None:
    tree, blob = tree_of(), entry(Kind.BLOB, b"x")
    commit = commit_of(lab, tree.id)
    hostile.pack(tree, blob, commit)
    for name in (MAIN, "refs/tags/v1"):
        refused(lab, hostile.publish({name: tree.id}), "leads to a tree")
        refused(lab, hostile.publish({name: blob.id}), "leads to a blob")
    for prefix in ("refs/runs", "refs/verdicts"):
        refused(lab, hostile.publish({f"{prefix}/{commit.id}": commit.id}), "leads to a commit")
        refused(lab, hostile.publish({f"{prefix}/{blob.id}": commit.id}), "another one's name")
        refused(lab, hostile.publish({f"{prefix}/latest": commit.id}), "another one's name")


def test_links_to_wrong_kinds(lab: Lab, hostile: Hostile) -> None:
    tree, blob = tree_of(), entry(Kind.BLOB, b"x")
    good = commit_of(lab, tree.id)
    evil = [
        commit_of(lab, blob.id),
        commit_of(lab, tree.id, tree.id),
        commit_of(lab, tree.id, run=good.id),
    ]
    for row in (
        (b"f", EntryKind.FILE, tree.id),
        (b"d", EntryKind.DIRECTORY, blob.id),
        (b"s", EntryKind.SYMLINK, good.id),
    ):
        wrong = tree_of(row)
        hostile.pack(wrong)
        evil.append(commit_of(lab, wrong.id))
    hostile.pack(tree, blob, good, *evil)
    for commit in evil:
        refused(lab, hostile.publish({MAIN: commit.id}))
    lab.fetch(hostile.publish({MAIN: good.id}))


def test_missing_objects(lab: Lab, hostile: Hostile) -> None:
    absent = blob_id(b"absent")
    tree, file = tree_of(), tree_of((b"f", EntryKind.FILE, absent))
    evil = [
        commit_of(lab, absent),
        commit_of(lab, tree.id, absent),
        commit_of(lab, file.id),
        commit_of(lab, tree.id, run=absent),
    ]
    hostile.pack(tree, file, *evil)
    for identity in (absent, *(commit.id for commit in evil)):
        refused(lab, hostile.publish({MAIN: identity}), "missing")


@pytest.mark.parametrize("name", [b"..", b".sovr", b"a/b"])
def test_tree_with_an_unsafe_name(lab: Lab, hostile: Hostile, name: bytes) -> None:
    import msgpack

    blob = entry(Kind.BLOB, b"x")
    tree = entry(Kind.TREE, msgpack.packb({"entries": [[name, 1, blob.id, 1]]}))
    commit = commit_of(lab, tree.id)
    hostile.pack(blob, tree, commit)
    refused(lab, hostile.publish({MAIN: commit.id}), "refusing")


def test_object_that_means_nothing(lab: Lab, hostile: Hostile) -> None:
    rubbish = entry(Kind.COMMIT, b"rubbish")
    hostile.pack(rubbish)
    refused(lab, hostile.publish({MAIN: rubbish.id}))


def test_ways_without_end(lab: Lab, hostile: Hostile) -> None:
    """Chains longer than the interpreter's stack are followed, not fallen over."""
    tree = tree_of()
    commit = commit_of(lab, tree.id)
    entries = [tree, commit]
    below = tree
    for _ in range(1500):
        below = tree_of((b"d", EntryKind.DIRECTORY, below.id))
        entries.append(below)
    deep = commit_of(lab, below.id)
    entries.append(deep)
    last, kind = commit.id, Kind.COMMIT
    for number in range(1500):
        made = entry(Kind.TAG, Tag(f"t{number}", last, kind, lab.who(), "On").encode())
        entries.append(made)
        last, kind = made.id, Kind.TAG
    hostile.pack(*entries)
    lab.fetch(hostile.publish({MAIN: deep.id, "refs/tags/long": last}))
    assert lab.refs["refs/tags/long"] == last
    # And known the next time.
    more = commit_of(lab, tree.id, deep.id)
    hostile.pack(more)
    lab.fetch(
        hostile.publish(
            {MAIN: more.id, "refs/tags/long": last}, generation=2, chain=(manifest_of(hostile.remote).id(),)
        )
    )


def test_refs_of_unknown_kinds_are_left_out(lab: Lab, hostile: Hostile) -> None:
    tree = tree_of()
    commit = commit_of(lab, tree.id)
    hostile.pack(tree, commit)
    lab.fetch(hostile.publish({MAIN: commit.id, "refs/remotes/x/main": commit.id, "refs/new/thing": commit.id}))
    assert set(lab.refs) == {"refs/remotes/origin/main"}


def test_manifest_cannot_vouch_for_what_is_not_here(lab: Lab, hostile: Hostile, tmp_path: Path) -> None:
    """A push remembers the refs that it saw. That does not make them complete here."""
    lab.commit({"a": b"1"})
    lab.push(hostile.remote)
    manifest = manifest_of(hostile.remote)
    hostile._packs = list(manifest.packs)
    file = tree_of((b"f", EntryKind.FILE, blob_id(b"absent")))
    evil = commit_of(lab, file.id)
    hostile.pack(file, evil)
    refs = {MAIN: lab.head, "refs/heads/evil": evil.id}
    hostile.publish(refs, repository=manifest.repository, generation=2, chain=(manifest.id(),))
    lab.push(hostile.remote)
    assert "refs/remotes/origin/evil" not in lab.refs
    refused(lab, hostile.remote, "missing")
    refused(lab, hostile.remote, "missing")
    lab.commit({"a": b"2"})
    lab.push(hostile.remote)
    assert "refs/remotes/origin/evil" not in lab.refs


def test_remote_refuses_nothing_that_a_push_made(
    lab: Lab, remote: MemoryRemote, noise: random.Random, small: None
) -> None:
    lab.commit({"large": noise.randbytes(30_000), "small": b"1"})
    lab.push(remote)
    manifest = manifest_of(remote)
    assert Manifest.decode(manifest.encode()) == manifest
    with pytest.raises(ObjectInvalid):
        Manifest.decode(replace(manifest, packs=manifest.packs * 2).encode())


def test_stale_is_not_the_same_as_diverged(pair: tuple[Lab, Lab], remote: MemoryRemote) -> None:
    lab, copy = pair
    lab.commit({"a": b"new"})
    lab.push(remote)
    copy.commit({"b": b"mine"})
    with pytest.raises(RemoteStale):
        copy.push(remote)
