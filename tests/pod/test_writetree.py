"""Writing a tree with two processes: the same files and index as with one, whatever happens to the second."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from pod_lab import EMPTY, Lab, files_on_disk, link, script, text

from sovrgit.errors import IntegrityFailure, ObjectInvalid, StorageFull, UnsafeName
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import EntryKind, Tree, TreeEntry
from sovrgit.pod import repeats, secondprocess, writetree
from sovrgit.pod.index import NO_STAMP, Index
from sovrgit.pod.writetree import write_tree

FILES = {
    **{f"d{folder}/{name}".encode(): text(b"%d %d" % (folder, name)) for folder in range(7) for name in range(20)},
    b"run": script(b"#!/bin/sh\n"),
    b"again": text(b"3 7"),
    b"to": link(b"d1"),
    b"none": EMPTY,
    b"large": text(bytes(range(256)) * 30_000),
}


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    monkeypatch.setattr(writetree, "WORTHWHILE", 1)
    monkeypatch.setattr(secondprocess, "can_fork", lambda: True)
    children: list[int] = []
    fork = os.fork

    def remembered() -> int:
        children.append(fork())
        return children[-1]

    monkeypatch.setattr(os, "fork", remembered)
    return children


@pytest.fixture
def tree(lab: Lab) -> ObjectId:
    return lab.add_tree(FILES)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def in_child(monkeypatch: pytest.MonkeyPatch, action: Callable[[], None], *, after: int = 0) -> None:
    """Do something when the child writes a file, having written some."""
    parent, original = os.getpid(), writetree.write_new
    written = 0

    def hooked(*arguments: object) -> object:
        nonlocal written
        if os.getpid() != parent:
            if written == after:
                action()
            written += 1
        return original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(writetree, "write_new", hooked)


def described(index: Index) -> dict[str, set[tuple[str, int, int, bytes]]]:
    return {
        path: set(zip(folder.names, folder.kinds, folder.sizes, map(bytes, folder.all_ids()), strict=True))
        for path, folder in index.folders.items()
    }


def test_two_processes_write_what_one_writes(lab: Lab, tree: ObjectId, out: Path, forked: list[int]) -> None:
    told: list[tuple[int, int]] = []
    write_tree(lab.pod.store, tree, out, lambda files, size: told.append((files, size)))
    assert len(forked) == 1
    assert files_on_disk(out) == FILES
    assert sum(files for files, _ in told) == len(FILES) - 1
    assert sum(size for _, size in told) == lab.pod.store.tree(tree).size
    assert not [pair for pair in told if min(pair) < 0]


def test_the_index_is_the_same(
    lab: Lab, tree: ObjectId, tmp_path: Path, out: Path, forked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    index = write_tree(lab.pod.store, tree, out)
    monkeypatch.setattr(secondprocess, "can_fork", lambda: False)
    (tmp_path / "alone").mkdir()
    assert described(index) == described(write_tree(lab.pod.store, tree, tmp_path / "alone"))
    assert len(forked) == 1


def test_the_index_says_of_each_file_what_the_system_does(
    lab: Lab, tree: ObjectId, out: Path, forked: list[int]
) -> None:
    index = write_tree(lab.pod.store, tree, out)
    assert len(forked) == 1
    seen = 0
    for path, folder in index.folders.items():
        for at, name in enumerate(folder.names):
            if not folder.inodes[at]:
                continue
            found = os.lstat(out / path / name)
            assert (folder.sizes[at], folder.ctimes[at]) == (found.st_size, found.st_ctime_ns)
            assert folder.inodes[at] == found.st_ino
            assert folder.mtimes[at] in (found.st_mtime_ns, NO_STAMP)
            seen += 1
    assert seen == sum(node != EMPTY for node in FILES.values())


@pytest.mark.parametrize("after", [0, 1, 30])
def test_a_child_that_is_killed_costs_time_only(
    lab: Lab, tree: ObjectId, out: Path, forked: list[int], monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    in_child(monkeypatch, lambda: os.kill(os.getpid(), signal.SIGKILL), after=after)
    told: list[tuple[int, int]] = []
    index = write_tree(lab.pod.store, tree, out, lambda files, size: told.append((files, size)))
    assert files_on_disk(out) == FILES
    assert sum(files for files, _ in told) == len(FILES) - 1
    assert set(index.folders) == {"", "none", *(f"d{number}" for number in range(7))}


@pytest.mark.parametrize("error", [StorageFull(path="there"), UnsafeName(name="a", reason="it is not safe")])
def test_an_error_in_the_child_is_the_callers(
    lab: Lab, tree: ObjectId, out: Path, forked: list[int], monkeypatch: pytest.MonkeyPatch, error: StorageFull
) -> None:
    def fail() -> None:
        raise error

    in_child(monkeypatch, fail, after=3)
    with pytest.raises(type(error), match=str(error)):
        write_tree(lab.pod.store, tree, out)


def test_a_full_disk_in_the_child(
    lab: Lab, tree: ObjectId, out: Path, forked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    in_child(monkeypatch, full, after=3)
    with pytest.raises(StorageFull):
        write_tree(lab.pod.store, tree, out)


def test_a_failure_here_ends_the_child(
    lab: Lab, tree: ObjectId, out: Path, forked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    release, hold = os.pipe()
    in_child(monkeypatch, lambda: os.read(release, 1) and None)

    def interrupt(files: int, size: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_tree(lab.pod.store, tree, out, interrupt)
    with pytest.raises(ChildProcessError):
        os.waitpid(forked[0], os.WNOHANG)
    os.close(release)
    os.close(hold)


def test_damage_in_the_childs_half_is_found_by_the_parent(
    lab: Lab, tree: ObjectId, out: Path, forked: list[int]
) -> None:
    """The child cannot look for another copy, since it cannot ask the catalogue."""
    victim = max(
        (lab.pod.store.location(content.entry(b"x").id) for content in FILES.values() if content != EMPTY),
        key=lambda place: place.offset if place.size < 100 else 0,
    )
    path = lab.pod.store.pack_path(victim.pack)
    data = bytearray(path.read_bytes())
    data[victim.offset + 54] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    with pytest.raises(IntegrityFailure):
        write_tree(lab.pod.store, tree, out)


# --- trees that cannot be written ----------------------------------------------------------------------------------


def _bomb(lab: Lab, levels: int, copies: int) -> ObjectId:
    """A tree in which every folder has the next one many times."""
    with lab.pod.store.session() as session:
        entry = text(b"1").entry(b"f")
        session.add(Kind.BLOB, b"1")
        for _ in range(levels):
            tree = Tree.of(entry._replace(name=b"%d" % number) for number in range(copies))
            entry = TreeEntry(b"d", EntryKind.DIRECTORY, session.add(Kind.TREE, tree.encode()), tree.size)
        session.commit()
    return entry.id


def test_a_few_trees_that_would_be_more_files_than_any_disk_holds(lab: Lab, out: Path) -> None:
    bomb = _bomb(lab, levels=12, copies=10)
    with pytest.raises(ObjectInvalid, match="repeat more than 50 names"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(repeats, "MAX_REPEATED", 50)
        patch.setattr(repeats, "SUSPECT_FROM", 20)
        write_tree(lab.pod.store, bomb, out)
    assert os.listdir(out) == []


def test_folders_may_repeat_within_measure(lab: Lab, out: Path) -> None:
    write_tree(lab.pod.store, _bomb(lab, levels=3, copies=3), out)
    assert len(files_on_disk(out)) == 27


def test_more_than_there_is_room_for(lab: Lab, tree: ObjectId, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = os.statvfs(out)
    nearly_full = os.statvfs_result((*found[:4], 1, *found[5:]))
    monkeypatch.setattr(os, "statvfs", lambda _: nearly_full)
    with pytest.raises(StorageFull):
        write_tree(lab.pod.store, tree, out)
    assert os.listdir(out) == []


@pytest.mark.parametrize("where", ["file", "folder"])
def test_sizes_that_are_not_so(lab: Lab, out: Path, where: str) -> None:
    with lab.pod.store.session() as session:
        session.add(Kind.BLOB, b"12")
        entry = text(b"12").entry(b"f")._replace(size=1 if where == "file" else 2)
        inner = Tree.of([entry])
        folder = TreeEntry(b"d", EntryKind.DIRECTORY, session.add(Kind.TREE, inner.encode()), 1)
        tree = session.add(Kind.TREE, Tree.of([folder]).encode())
        session.commit()
    with pytest.raises(ObjectInvalid, match="has 2 bytes, and not 1"):
        write_tree(lab.pod.store, tree, out)
    assert os.listdir(out) == []
