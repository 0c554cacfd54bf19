"""Copying between the stores of two pods."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from run_lab import Lab

from sovrgit.errors import IntegrityFailure, ObjectMissing
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import EMPTY_TREE_ID, EntryKind, Tree, TreeEntry
from sovrgit.payloads.bring import bring, is_here
from sovrgit.pod.pod import Pod
from sovrgit.pod.treediff import find
from sovrgit.store.format import CHUNK_FROM, PackClass


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Pod]:
    with Pod.create(tmp_path / "target") as pod:
        yield pod


def _committed(lab: Lab, path: str) -> TreeEntry:
    lab.commit()
    entry = find(lab.pod.store, lab.pod.head_tree(), path.encode())
    assert entry is not None
    return entry


def test_a_folder_comes_whole_and_alone(lab: Lab, target: Pod) -> None:
    lab.write("data/deep/a.txt", "a\n")
    lab.write("data/b.txt", "b\n")
    (lab.root / "data" / "empty").mkdir()
    (lab.root / "data" / "link").symlink_to("b.txt")
    entry = _committed(lab, "data")
    assert not is_here(target.store, entry)
    bring(lab.pod.store, target, entry)
    assert is_here(target.store, entry)
    there = Lab(target)
    assert there.files(entry.id) == {"deep/a.txt": b"a\n", "b.txt": b"b\n", "link": b"b.txt"}
    # Nothing else of the other pod came along.
    assert target.store.of_kind(Kind.COMMIT) == [] and not target.store.has(lab.pod.head_tree())
    packs = len(target.store.packs())
    bring(lab.pod.store, target, entry)
    assert len(target.store.packs()) == packs


def test_large_files_come_in_pieces_and_only_new_ones(lab: Lab, target: Pod) -> None:
    data = os.urandom(CHUNK_FROM * 3)
    (lab.root / "big").write_bytes(data)
    first = _committed(lab, "big")
    bring(lab.pod.store, target, first)
    assert b"".join(map(bytes, target.store.stream(first.id))) == data
    (lab.root / "big").write_bytes(data + b"more")
    second = _committed(lab, "big")
    before = sum(pack.size for pack in target.store.packs())
    bring(lab.pod.store, target, second)
    assert b"".join(map(bytes, target.store.stream(second.id))) == data + b"more"
    assert sum(pack.size for pack in target.store.packs()) - before < len(data) / 2


def test_what_came_is_there_for_the_next_process(lab: Lab, target: Pod) -> None:
    entry = _committed(lab, "payload")
    bring(lab.pod.store, target, entry)
    with Pod(target.root) as again:
        again.store.rebuild()
        assert Lab(again).files(entry.id) == {"in.txt": b"one\n"}


def test_the_empty_folder_needs_nothing(lab: Lab, target: Pod) -> None:
    entry = TreeEntry(b"", EntryKind.DIRECTORY, EMPTY_TREE_ID, 0)
    bring(lab.pod.store, target, entry)
    assert is_here(target.store, entry) and target.store.packs() == []


def test_what_is_not_there_cannot_come(lab: Lab, target: Pod) -> None:
    with pytest.raises(ObjectMissing):
        bring(lab.pod.store, target, TreeEntry(b"x", EntryKind.FILE, ObjectId(b"x" * 32), 1))
    assert target.store.packs() == []


def test_a_tree_that_calls_itself_a_file_is_refused(lab: Lab, target: Pod) -> None:
    tree = lab.pod.head_tree()
    with pytest.raises(IntegrityFailure, match="tree"):
        bring(lab.pod.store, target, TreeEntry(b"x", EntryKind.FILE, tree, 1))
    assert target.store.packs() == []


def test_damage_does_not_spread(lab: Lab, target: Pod) -> None:
    (lab.root / "big").write_bytes(os.urandom(CHUNK_FROM * 2))
    entry = _committed(lab, "big")
    pack = next(pack for pack in lab.pod.store.packs() if pack.kind is PackClass.CONTENT)
    path = lab.pod.store.pack_path(pack.id)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    with Pod(lab.root) as damaged, pytest.raises(IntegrityFailure):
        bring(damaged.store, target, entry)
    assert target.store.packs() == [] and list(target.temporary.iterdir()) == []


def test_folders_that_repeat_themselves_are_copied_once(lab: Lab, target: Pod) -> None:
    """Sixty folders, each with the next one in it ten times, would be more files than there are atoms."""
    with lab.pod.store.session() as session:
        below = TreeEntry(b"f", EntryKind.FILE, session.add(Kind.BLOB, b""), 0)
        for _ in range(60):
            tree = Tree.of(below._replace(name=b"%d" % number) for number in range(10))
            below = TreeEntry(b"d", EntryKind.DIRECTORY, session.add(Kind.TREE, tree.encode()), 0)
        session.commit()
    bring(lab.pod.store, target, below)
    assert target.store.counts()[Kind.TREE] == 60
