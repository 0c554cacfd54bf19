"""Checking a pod: every kind of damage is found and named."""

from __future__ import annotations

import os

import pytest
from pod_lab import EMPTY, Lab, link, text

from sovrgit.objects.commit import Commit
from sovrgit.objects.ids import Kind, ObjectId, blob_id
from sovrgit.objects.tag import Tag
from sovrgit.objects.tree import EMPTY_TREE_ID, EntryKind, Tree, TreeEntry
from sovrgit.pod.check import Checked, check_pod
from sovrgit.progress import Progress

BIG = os.urandom(3 << 20) * 3


@pytest.fixture
def full(lab: Lab) -> Lab:
    """A pod with two commits, a chunked file, an empty folder and a link."""
    lab.put_all({b"a": text(b"1"), b"d/big": text(BIG), b"d/e": EMPTY, b"l": link(b"a")})
    lab.commit()
    lab.put("a", b"22")
    lab.commit()
    return lab


def _check(lab: Lab) -> Checked:
    again = lab.reopened()
    with again.pod:
        return check_pod(again.pod)


def _drop_packs_with(lab: Lab, item: ObjectId) -> None:
    for place in [lab.pod.store.location(item)]:
        lab.pod.store.pack_path(place.pack).unlink()


def test_a_sound_pod(full: Lab) -> None:
    found = _check(full)
    assert found.is_sound
    assert found.problems == ()
    # Two commits, two trees of the root, `d`, `e`, the two contents of `a`, `big`, and the target of `l`.
    assert found.objects == 10
    assert found.packs == len(list(full.pod.store.packs_folder.iterdir()))
    assert found.size == sum(path.stat().st_size for path in full.pod.store.packs_folder.iterdir())


def test_an_empty_pod(lab: Lab) -> None:
    assert _check(lab) == Checked((), 0, 0, 0)
    lab.point("refs/heads/main", lab.add_commit(EMPTY_TREE_ID))
    assert _check(lab).is_sound


def test_a_flipped_bit_anywhere(full: Lab) -> None:
    for path in full.pod.store.packs_folder.iterdir():
        data = path.read_bytes()
        for position in {0, 40, len(data) // 3, len(data) // 2, len(data) - 1}:
            damaged = bytearray(data)
            damaged[position] ^= 1
            path.chmod(0o644)
            path.write_bytes(damaged)
            assert any(f"pack {path.stem[:10]} is damaged" in problem for problem in _check(full).problems)
        path.write_bytes(data)
    assert _check(full).is_sound


def test_a_missing_pack(full: Lab) -> None:
    for path in sorted(full.pod.store.packs_folder.iterdir()):
        data = path.read_bytes()
        path.unlink()
        problems = _check(full).problems
        assert problems
        assert all(problem.startswith("refs/heads/main: ") and problem.endswith(" is missing") for problem in problems)
        path.write_bytes(data)
    assert _check(full).is_sound


def test_a_pack_that_goes_while_the_pod_is_open(full: Lab) -> None:
    _drop_packs_with(full, full.head)
    found = check_pod(full.pod)
    assert any("of pack" in problem for problem in found.problems)


def test_a_missing_parent(lab: Lab) -> None:
    gone = ObjectId(bytes(range(32)))
    identity = lab.add_commit({b"a": text(b"1")}, gone)
    lab.point("refs/heads/main", identity)
    assert _check(lab).problems == (f"refs/heads/main: {identity.short}: object {gone} is missing",)


def test_a_missing_file_tree_run_and_ref(lab: Lab) -> None:
    gone = [ObjectId(bytes([number]) * 32) for number in range(1, 5)]
    store = lab.pod.store
    with store.session() as session:
        entries = [TreeEntry(b"\xff", EntryKind.FILE, gone[0], 1), TreeEntry(b"d", EntryKind.DIRECTORY, gone[1], 1)]
        tree = session.add(Kind.TREE, Tree.of(entries).encode())
        identity = session.add(Kind.COMMIT, Commit(tree, (), lab.who(), "", run=gone[2]).encode())
        session.commit()
    lab.point("refs/heads/main", identity)
    lab.point("refs/tags/v1", gone[3])
    assert set(_check(lab).problems) == {
        f"refs/heads/main: `\\xff` in {tree.short}: object {gone[0]} is missing",
        f"refs/heads/main: `d` in {tree.short}: object {gone[1]} is missing",
        f"refs/heads/main: {identity.short}: object {gone[2]} is missing",
        f"refs/tags/v1: object {gone[3]} is missing",
    }


def test_a_missing_chunk(lab: Lab) -> None:
    lab.put("a", BIG)
    lab.commit()
    store = lab.pod.store
    chunks = store.chunks(blob_id(BIG))
    assert len(chunks) > 2
    # The same list of chunks, in a pod that has but the first of them.
    other = Lab(type(lab.pod).create(lab.root.parent / "other"))
    place = store.location(blob_id(BIG))
    from sovrgit.store.packwriter import NewEntry

    with other.pod, other.pod.store.session() as session:
        session.add(Kind.BLOB, bytes(store.read(chunks[0], Kind.BLOB)))
        payload = store.raw_entry(place, blob_id(BIG))
        session._write(NewEntry(Kind.BLOB, place.codec, place.depth, place.size, blob_id(BIG), payload))
        tree = session.add(Kind.TREE, Tree.of([text(BIG).entry(b"big")]).encode())
        session.commit()
        other.point("refs/heads/main", other.add_commit(tree))
        problems = check_pod(other.pod).problems
    assert len(problems) == 1
    assert problems[0].startswith(f"refs/heads/main: `big` in {tree.short}: ")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (EntryKind.FILE, "is a tree, which has no place here"),
        (EntryKind.DIRECTORY, "is a blob, which has no place here"),
    ],
)
def test_links_to_the_wrong_kind(lab: Lab, kind: EntryKind, said: str) -> None:
    with lab.pod.store.session() as session:
        blob = session.add(Kind.BLOB, b"1")
        inner = session.add(Kind.TREE, Tree.of([text(b"1").entry(b"x")]).encode())
        target = inner if kind is EntryKind.FILE else blob
        tree = session.add(Kind.TREE, Tree.of([TreeEntry(b"a", kind, target, 1)]).encode())
        session.commit()
    lab.point("refs/heads/main", lab.add_commit(tree))
    assert _check(lab).problems == (f"refs/heads/main: `a` in {tree.short}: {target.short} {said}",)


@pytest.mark.parametrize("kind", [EntryKind.FILE, EntryKind.DIRECTORY])
def test_sizes_that_are_not_true(lab: Lab, kind: EntryKind) -> None:
    with lab.pod.store.session() as session:
        blob = session.add(Kind.BLOB, b"123")
        inner = session.add(Kind.TREE, Tree.of([text(b"123").entry(b"x")]).encode())
        target = blob if kind is EntryKind.FILE else inner
        tree = session.add(Kind.TREE, Tree.of([TreeEntry(b"a", kind, target, 4)]).encode())
        session.commit()
    lab.point("refs/heads/main", lab.add_commit(tree))
    assert _check(lab).problems == (f"refs/heads/main: `a` in {tree.short}: {target.short} has 3 bytes, not 4",)


def test_refs_to_the_wrong_kind(lab: Lab) -> None:
    tree = lab.add_tree({b"a": text(b"1")})
    commit = lab.add_commit(tree)
    with lab.pod.store.session() as session:
        tag = session.add(Kind.TAG, Tag("v1", tree, Kind.TREE, lab.who(), "").encode())
        lying = session.add(Kind.TAG, Tag("v2", tree, Kind.COMMIT, lab.who(), "").encode())
        session.commit()
    lab.point("refs/heads/main", tree)
    lab.point(f"refs/runs/{commit}", commit)
    lab.point("refs/tags/v1", tag)
    lab.point("refs/tags/v2", lying)
    assert set(_check(lab).problems) == {
        f"refs/tags/v2: {lying.short}: {tree.short} is a tree, which has no place here",
        f"refs/heads/main: {tree.short} is a tree, which has no place here",
        f"refs/runs/{commit}: {commit.short} is a commit, which has no place here",
    }


def test_trees_that_are_no_trees(lab: Lab) -> None:
    with lab.pod.store.session() as session:
        bad = session.add(Kind.TREE, b"\x81\xa7entries\x91\x94\xc4\x02..\x01\xc4\x20" + bytes(32) + b"\x00")
        session.commit()
    lab.point("refs/heads/main", lab.add_commit(bad))
    (problem,) = _check(lab).problems
    assert "refusing `..`" in problem


def test_damaged_refs_are_a_problem_and_not_the_end(full: Lab) -> None:
    path = full.pod.folder / "refs"
    path.write_bytes(path.read_bytes()[:-10])
    found = _check(full)
    assert found.problems == ("the file of refs is damaged: it is cut off or was edited",)
    assert found.packs


def test_what_several_refs_share_is_told_once(lab: Lab) -> None:
    gone = ObjectId(bytes(range(32)))
    first = lab.add_commit({b"a": text(b"1")}, gone)
    for name in ("main", "one", "two"):
        lab.point(f"refs/heads/{name}", lab.add_commit({b"a": text(b"1")}, first))
    assert len(_check(lab).problems) == 1


def test_progress_is_told_in_bytes_and_ends(full: Lab) -> None:
    class Told(Progress):
        total = done = ended = 0

        def begin(self, what: str, total: int | None = None, unit: str = "") -> None:
            self.total = total or 0

        def advance(self, amount: int = 1) -> None:
            self.done += amount

        def end(self) -> None:
            self.ended += 1

    told = Told()
    found = check_pod(full.pod, told)
    assert told.total == told.done == found.size
    assert told.ended == 1
