"""Writing trees out: hostile ones, damaged ones, and disks that are full."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from pod_lab import EMPTY, Files, Lab, files_on_disk, link, script, store_tree, text
from test_treediff import FILES

from sovrgit.errors import (
    IntegrityFailure,
    LocalChanges,
    ObjectMissing,
    SovrError,
    StorageFailure,
    StorageFull,
    UnsafeName,
)
from sovrgit.objects.ids import Kind, ObjectId, blob_id
from sovrgit.objects.tree import EntryKind, Tree, TreeEntry
from sovrgit.pod import checkout as checkout_module
from sovrgit.pod.checkout import apply_changes
from sovrgit.pod.index import NO_STAMP
from sovrgit.pod.treediff import Change, diff_trees
from sovrgit.pod.writetree import write_tree

FOLDER = EntryKind.DIRECTORY


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """A folder that nothing may be written to."""
    place = tmp_path / "outside"
    place.mkdir()
    (place / "x").write_bytes(b"theirs")
    yield place
    assert files_on_disk(place) == {b"x": text(b"theirs")}


def _apply(lab: Lab, old: Files | list[Change], new: Files | None = None) -> None:
    if new is not None:
        changes = list(diff_trees(lab.pod.store, lab.add_tree(old), lab.add_tree(new)))
    else:
        changes = list(old)
    apply_changes(lab.pod.store, lab.root, lab.pod.temporary, changes)


def _added(lab: Lab, path: bytes, content: bytes = b"1") -> Change:
    with lab.pod.store.session() as session:
        session.add(Kind.BLOB, content)
        session.commit()
    return Change(path, None, text(content).entry(path))


def _refuse_names(monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    """A file system below `folder` that does not tell upper from lower case."""
    taken: set[bytes] = set()

    def check(path: Any, dir_fd: int | None = None, **_: Any) -> None:
        above = b"" if dir_fd is None else os.fsencode(os.readlink(f"/proc/self/fd/{dir_fd}")) + b"/"
        name = above + os.fsencode(path)
        if folder.encode() in name:
            if name.lower() in taken:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
            taken.add(name.lower())

    def open_new(path: Any, flags: int, *rest: Any, **options: Any) -> int:
        if flags & os.O_EXCL:
            check(path, **options)
        return original_open(path, flags, *rest, **options)

    def mkdir(path: Any, *rest: Any, **options: Any) -> None:
        check(path, **options)
        original_mkdir(path, *rest, **options)

    def symlink(target: Any, path: Any, **options: Any) -> None:
        check(path, **options)
        original_symlink(target, path, **options)

    original_open, original_mkdir, original_symlink = os.open, os.mkdir, os.symlink
    monkeypatch.setattr(os, "open", open_new)
    monkeypatch.setattr(os, "mkdir", mkdir)
    monkeypatch.setattr(os, "symlink", symlink)


# --- a whole tree ---------------------------------------------------------------------------------------------------

GALLERY = {
    b"file": text(b"1"),
    b"empty": text(b""),
    b"tool": script(b"#!/bin/sh\n"),
    b"to file": link(b"file"),
    b"dangling": link(b"none"),
    b"outwards": link(b"../../../etc"),
    b"\xff\n\"'": text(b"odd"),
    b"deep/er/\xfe": script(b"2"),
    b"deep/empty": EMPTY,
    b"empty folder": EMPTY,
    b"same": text(b"1"),
    b"large": text(bytes(range(256)) * 40_000),
}


def test_everything_that_a_tree_holds_is_written(lab: Lab, tmp_path: Path) -> None:
    tree = lab.add_tree(GALLERY)
    told: list[tuple[int, int]] = []
    (tmp_path / "out").mkdir()
    write_tree(lab.pod.store, tree, tmp_path / "out", lambda files, size: told.append((files, size)))
    assert files_on_disk(tmp_path / "out") == GALLERY
    assert sum(files for files, _ in told) == 10
    assert sum(size for _, size in told) == lab.pod.store.tree(tree).size


def test_the_index_that_is_given_describes_what_was_written(lab: Lab) -> None:
    lab.point("refs/heads/main", lab.add_commit(GALLERY))
    index = write_tree(lab.pod.store, lab.pod.head_tree(), lab.root)
    index.save(lab.pod.index_path)
    assert lab.changed() == {}
    lab.put("file", b"2")
    lab.put("deep/er/new", b"2")
    assert lab.changed() == {"file": "modified", "deep/er/new": "added"}


def test_what_was_just_written_is_looked_at_once_more(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sovrgit.pod.stamps._TICK", 10**15)
    index = write_tree(lab.pod.store, lab.add_tree({b"d/a": text(b"1")}), lab.root)
    assert index.folders["d"].modified == NO_STAMP
    assert list(index.folders["d"].mtimes) == [NO_STAMP]


def test_two_names_that_are_one_to_the_file_system(
    lab: Lab, tmp_path: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = lab.pod.store
    trees = [
        store_tree(store, {b"A": text(b"1"), b"a": text(b"2")}),
        store_tree(store, {b"A/x": text(b"1"), b"a/x": text(b"2")}),
        # The way out: a link and a folder of the same name, and a file in the folder.
        store_tree(store, {b"A": link(os.fsencode(outside)), b"a/x": text(b"mine")}),
        store_tree(store, {b"a": link(os.fsencode(outside)), b"A/x": text(b"mine")}),
    ]
    for number, tree in enumerate(trees):
        out = tmp_path / f"out{number}"
        out.mkdir()
        with monkeypatch.context() as patch:
            _refuse_names(patch, f"out{number}")
            with pytest.raises(UnsafeName) as caught:
                write_tree(store, tree, out)
        assert str(caught.value.fields["name"]).lower() == "a"
        assert "upper from lower case" in caught.value.hint


def test_nothing_that_exists_is_overwritten_or_followed(lab: Lab, tmp_path: Path, outside: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    tree = lab.add_tree({b"d/x": text(b"mine"), b"x": text(b"mine")})
    (out / "d").symlink_to(outside)
    with pytest.raises(UnsafeName):
        write_tree(lab.pod.store, tree, out)
    (out / "d").unlink()
    (out / "x").symlink_to(outside / "x")
    with pytest.raises(UnsafeName):
        write_tree(lab.pod.store, tree, out)


@pytest.mark.parametrize("target", [b"", b"a\0b", b"x" * 5000, b"x" * (9 << 20)])
def test_links_that_cannot_be(lab: Lab, tmp_path: Path, target: bytes) -> None:
    tree = lab.add_tree({b"bad link": link(target)})
    (tmp_path / "out").mkdir()
    with pytest.raises(UnsafeName, match="refusing `bad link`: it is a link"):
        write_tree(lab.pod.store, tree, tmp_path / "out")
    lab.put("a", b"1")
    with pytest.raises(UnsafeName, match="bad link"):
        _apply(lab, {b"a": text(b"1")}, {b"bad link": link(target)})
    assert lab.on_disk() == {b"a": text(b"1")}


@pytest.mark.parametrize("kind", [EntryKind.FILE, EntryKind.SYMLINK, EntryKind.DIRECTORY])
def test_trees_that_lead_to_the_wrong_kind_of_object(lab: Lab, tmp_path: Path, kind: EntryKind) -> None:
    with lab.pod.store.session() as session:
        blob = session.add(Kind.BLOB, b"1")
        inner = session.add(Kind.TREE, Tree.of([text(b"1").entry(b"x")]).encode())
        entry = TreeEntry(b"wrong", kind, blob if kind is FOLDER else inner, 1)
        tree = session.add(Kind.TREE, Tree.of([entry]).encode())
        session.commit()
    (tmp_path / "out").mkdir()
    with pytest.raises(IntegrityFailure):
        write_tree(lab.pod.store, tree, tmp_path / "out")


def test_folders_of_any_depth(lab: Lab, tmp_path: Path) -> None:
    deep = b"/".join([b"d"] * 1200)
    with lab.pod.store.session() as session:
        session.add(Kind.BLOB, b"1")
        entry = text(b"1").entry(b"d")
        for _ in range(1200):
            entry = TreeEntry(b"d", FOLDER, session.add(Kind.TREE, Tree.of([entry]).encode()), 1)
        session.commit()
    (tmp_path / "out").mkdir()
    try:
        write_tree(lab.pod.store, entry.id, tmp_path / "out")
        assert os.path.isfile(os.path.join(os.fsencode(tmp_path / "out"), deep))
    finally:
        # Python's own way to remove folders is recursive.
        subprocess.run(["rm", "-rf", tmp_path / "out"], check=True)


# --- differences ----------------------------------------------------------------------------------------------------


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=100
)
@given(old=FILES, new=FILES)
def test_differences_bring_one_state_to_the_other(lab: Lab, old: Files, new: Files) -> None:
    lab.put_all(old)
    _apply(lab, old, new)
    assert lab.on_disk() == new
    assert lab.stray() == []


def test_other_files_are_left_alone(lab: Lab) -> None:
    lab.put_all({b"d/a": text(b"1"), b"d/mine": text(b"m"), b"e/a": text(b"1"), b"f": EMPTY, b"f/mine": text(b"m")})
    _apply(lab, {b"d/a": text(b"1"), b"e/a": text(b"1"), b"f": EMPTY}, {b"g": text(b"2"), b"d": EMPTY})
    assert lab.on_disk() == {b"d/mine": text(b"m"), b"f/mine": text(b"m"), b"g": text(b"2")}


@pytest.mark.parametrize("other", ["link", "file"])
@pytest.mark.parametrize("removing", [False, True])
def test_a_folder_that_became_a_link_or_a_file_here(lab: Lab, outside: Path, other: str, removing: bool) -> None:
    before = {b"d/e/x": text(b"1"), b"z": text(b"1")}
    lab.put_all(before)
    lab.put("d/e", link(os.fsencode(outside)) if other == "link" else text(b"in the way"))
    state = lab.on_disk()
    after = {b"z": text(b"2")} if removing else {b"d/e/x": text(b"2"), b"z": text(b"2")}
    with pytest.raises(UnsafeName, match="`d/e` on the way is a link or a file"):
        _apply(lab, before, after)
    assert lab.on_disk() == state
    assert lab.stray() == []


def test_links_are_not_followed_even_if_they_come_after_the_check(
    lab: Lab, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkout_module, "_check_way", lambda *_: None)
    lab.put("d", link(os.fsencode(outside)))
    for changes in (
        [_added(lab, b"d/x", b"mine")],
        [Change(b"d/x", text(b"theirs").entry(b"x"), None)],
        [Change(b"d/new", None, EMPTY.entry(b"new"))],
    ):
        with pytest.raises(SovrError):
            _apply(lab, changes)
    assert lab.stray() == []


def test_changes_that_no_tree_could_give_lead_nowhere(lab: Lab, outside: Path) -> None:
    out = link(os.fsencode(outside))
    with lab.pod.store.session() as session:
        session.add(Kind.BLOB, out.content)
        session.commit()
    for changes in ([Change(b"a", None, out.entry(b"a"))], [_added(lab, b"b")]):
        both = [*changes, _added(lab, b"a/x", b"mine"), Change(b"a", None, out.entry(b"a"))]
        with pytest.raises(UnsafeName):
            _apply(lab, both)
    assert lab.on_disk() == {}


def test_two_changes_whose_names_are_one_to_the_file_system(
    lab: Lab, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.put("z", b"1")
    before = {b"z": text(b"1")}
    for after in (
        {b"A": text(b"1"), b"a": text(b"2")},
        {b"A/x": text(b"1"), b"a/y": text(b"2")},
        {b"A": link(os.fsencode(outside)), b"a/x": text(b"mine")},
        {b"d/A": EMPTY, b"d/a": text(b"1")},
    ):
        with monkeypatch.context() as patch:
            _refuse_names(patch, "checkout-")
            with pytest.raises(UnsafeName, match="this file system does not tell it"):
                _apply(lab, before, after)
        assert lab.on_disk() == before
        assert lab.stray() == []


def test_a_folder_with_something_left_in_it_does_not_give_way_to_a_file(lab: Lab) -> None:
    lab.put_all({b"d/a": text(b"1"), b"d/e/mine": text(b"m"), b"z": text(b"1")})
    state = lab.on_disk()
    with pytest.raises(LocalChanges, match="`d/e/mine`") as caught:
        _apply(lab, {b"d/a": text(b"1"), b"z": text(b"1")}, {b"d": text(b"2"), b"z": text(b"2")})
    assert "`d`" in caught.value.hint
    assert lab.on_disk() == state
    # A link to a folder counts as a file.
    lab.put("d/e", link(b"../z"))
    with pytest.raises(LocalChanges, match="`d/e`"):
        _apply(lab, {b"d/a": text(b"1")}, {b"d": text(b"2")})
    # Folders that are empty are nobody's.
    lab.drop("d/e")
    lab.put("d/e/f/g", EMPTY)
    lab.drop("d/a")
    _apply(lab, {b"d/a": text(b"1")}, {b"d": text(b"2")})
    assert lab.on_disk() == {b"d": text(b"2"), b"z": text(b"1")}


def test_a_file_where_an_empty_folder_is_to_be(lab: Lab) -> None:
    lab.put("d", b"mine")
    with pytest.raises(LocalChanges, match="`d`"):
        _apply(lab, [Change(b"d", None, EMPTY.entry(b"d"))])
    assert lab.on_disk() == {b"d": text(b"mine")}


# --- failures while staging -----------------------------------------------------------------------------------------

OLD = {b"a": text(b"1"), b"gone/x": text(b"1"), b"b": link(b"a")}
NEW = {b"a": text(b"2"), b"b": text(b"3"), b"new/y": text(b"4" * 1000), b"new/z": text(bytes(range(256)) * 40_000)}


@pytest.mark.parametrize("content", [b"2", b"4" * 1000, bytes(range(256)) * 40_000])
def test_a_damaged_object_leaves_everything_as_it_was(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    lab.put_all(OLD)
    changes = list(diff_trees(lab.pod.store, lab.add_tree(OLD), lab.add_tree(NEW)))
    damaged = blob_id(content)
    if lab.pod.store.chunks(damaged):
        damaged = lab.pod.store.chunks(damaged)[-1]
    _damage(lab, damaged)
    again = lab.reopened()
    with pytest.raises((IntegrityFailure, ObjectMissing)):
        _apply(again, changes)
    assert lab.on_disk() == OLD
    assert lab.stray() == []


def _damage(lab: Lab, wanted: ObjectId) -> None:
    place = lab.pod.store.location(wanted)
    path = lab.pod.store.pack_path(place.pack)
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[place.offset + 60 + place.stored // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("number", range(1, 6))
def test_a_full_disk_while_staging_leaves_everything_as_it_was(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    lab.put_all(OLD)
    changes = list(diff_trees(lab.pod.store, lab.add_tree(OLD), lab.add_tree(NEW)))
    original = os.write
    written: list[int] = []

    def write(descriptor: int, data: Any) -> int:
        written.append(1)
        if len(written) == number:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return original(descriptor, data)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        with pytest.raises(StorageFull):
            _apply(lab, changes)
    assert lab.on_disk() == OLD
    assert lab.stray() == []
    _apply(lab, changes)
    assert lab.on_disk() == NEW


def test_a_folder_that_cannot_be_written_to_is_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def replace(*_: Any, **__: Any) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(StorageFailure):
        _apply(lab, [_added(lab, b"a")])
    assert lab.stray() == []


def test_a_folder_on_another_file_system(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.put_all({b"mnt/a": text(b"1"), b"mnt/b": text(b"1")})
    original = os.replace

    def replace(source: Any, target: Any, **options: Any) -> None:
        if b"checkout-" in os.fsencode(source):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        original(source, target, **options)

    monkeypatch.setattr(os, "replace", replace)
    after = {b"mnt/a": script(b"2"), b"mnt/b": link(b"a"), b"mnt/c": text(b"3")}
    _apply(lab, lab.on_disk(), after)
    assert lab.on_disk() == after

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("shutil.copyfileobj", full)
    with pytest.raises(StorageFull):
        _apply(lab, after, {**after, b"mnt/c": text(b"4")})
    assert lab.on_disk() == after
