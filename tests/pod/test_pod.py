"""Making and finding pods."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from pod_lab import Lab, text

from sovrgit.errors import (
    IntegrityFailure,
    Locked,
    NotAPod,
    PodExists,
    ReadOnly,
    SovrError,
    StorageFailure,
    StorageFull,
    Unsupported,
)
from sovrgit.objects.tree import EMPTY_TREE_ID
from sovrgit.pod.pod import Pod
from sovrgit.pod.status import status


def test_a_new_pod_is_empty_and_clean(tmp_path: Path) -> None:
    with Pod.create(tmp_path / "some" / "where") as pod:
        assert pod.head() is None
        assert pod.head_tree() == EMPTY_TREE_ID
        found = status(pod)
        assert (found.branch, found.head, found.files, found.is_clean) == ("refs/heads/main", None, 0, True)
    assert {"format", "packs", "refs", "remotes", "tmp"} <= set(os.listdir(tmp_path / "some" / "where" / ".sovr"))


def test_a_folder_with_files_can_become_a_pod(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1")
    with Pod.create(tmp_path) as pod:
        assert Lab(pod).changed() == {"file": "added"}


def test_a_pod_is_found_from_anywhere_in_it(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.put("d/e/file", b"1")
    for start in (lab.root, lab.root / "d" / "e", lab.root / "d" / "not there", lab.root / "d" / ".." / "d"):
        assert Pod.find(start).root == lab.root
    monkeypatch.chdir(lab.root / "d")
    assert Pod.find(Path("e")).root == lab.root
    with pytest.raises(NotAPod) as caught:
        Pod.find(lab.root.parent)
    assert "sovr init" in caught.value.hint
    with pytest.raises(NotAPod):
        Pod(lab.root / "d")
    with pytest.raises(NotAPod):
        Pod(lab.root / "d" / "e" / "file")


def test_a_pod_cannot_be_made_twice(lab: Lab) -> None:
    lab.put("a", b"1")
    made = lab.commit()
    with pytest.raises(PodExists, match="is a pod already"):
        Pod.create(lab.root)
    assert lab.reopened().head == made.id


def test_a_pod_that_lost_its_format_is_not_overwritten(lab: Lab) -> None:
    lab.put("a", b"1")
    made = lab.commit()
    (lab.pod.folder / "format").unlink()
    before = sorted(path for path in lab.pod.folder.rglob("*"))
    with pytest.raises(PodExists) as caught:
        Pod.create(lab.root)
    assert "may hold commits" in caught.value.hint
    assert sorted(path for path in lab.pod.folder.rglob("*")) == before
    (lab.pod.folder / "format").write_bytes(b"sovr pod 1\n")
    assert lab.reopened().head == made.id
    assert lab.reopened().committed() == {b"a": text(b"1")}


@pytest.mark.parametrize("left", ["refs", "damaged refs", "file", "packs", "remotes"])
def test_anything_that_may_be_of_use_is_not_overwritten(tmp_path: Path, left: str) -> None:
    folder = tmp_path / ".sovr"
    for name in ("packs", "tmp", "remotes"):
        (folder / name).mkdir(parents=True)
    if left == "refs":
        (folder / "refs").write_text(f"sovr refs 1\nHEAD refs/heads/main\n{'1' * 64} refs/heads/main\nend\n")
    elif left == "damaged refs":
        (folder / "refs").write_text("sovr refs 1\n")
    elif left == "file":
        (folder / "journal").write_text("")
    else:
        (folder / left / "something").write_text("")
    before = {path: path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}
    with pytest.raises(PodExists):
        Pod.create(tmp_path)
    assert {path: path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")} == before


def test_something_else_named_like_a_repository(tmp_path: Path) -> None:
    (tmp_path / ".sovr").write_bytes(b"mine")
    with pytest.raises(PodExists):
        Pod.create(tmp_path)
    assert (tmp_path / ".sovr").read_bytes() == b"mine"
    with pytest.raises(NotAPod):
        Pod.find(tmp_path)


@pytest.mark.parametrize("names", [[], ["packs"], ["packs", "tmp", "remotes"]])
def test_a_making_that_was_killed_can_be_repeated(tmp_path: Path, names: list[str]) -> None:
    (tmp_path / ".sovr").mkdir()
    for name in names:
        (tmp_path / ".sovr" / name).mkdir()
    if len(names) == 3:
        (tmp_path / ".sovr" / "refs").write_text("sovr refs 1\nHEAD refs/heads/main\nend\n")
        (tmp_path / ".sovr" / ".new-1-abc").write_text("sov")
    with Pod.create(tmp_path) as pod:
        Lab(pod).commit(allow_empty=True)


@pytest.mark.parametrize(("number", "error"), [(errno.ENOSPC, StorageFull), (errno.EACCES, ReadOnly)])
@pytest.mark.parametrize("call", ["write", "mkdir", "fsync"])
def test_a_failure_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, error: type[SovrError], call: str
) -> None:
    (tmp_path / "there").mkdir()
    original = getattr(os, call)
    calls: list[int] = []

    def failing(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if call != "mkdir" or len(calls) == 5:
            raise OSError(number, os.strerror(number))
        return original(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, call, failing)
        with pytest.raises(error):
            Pod.create(tmp_path / "there" / "new" / "pod")
    assert list((tmp_path / "there").iterdir()) == []


def test_formats(lab: Lab) -> None:
    path = lab.pod.folder / "format"
    path.write_bytes(b"sovr pod 2\n")
    with pytest.raises(Unsupported, match="newer version"):
        lab.reopened()
    for damaged in (b"", b"sovr", b"\0" * 11):
        path.write_bytes(damaged)
        with pytest.raises(IntegrityFailure, match="format"):
            lab.reopened()


def test_a_pod_that_cannot_be_read_is_not_called_none(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: object, **__: object) -> object:
        raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refuse)
        with pytest.raises(StorageFailure, match="permission denied"):
            Pod(lab.root)
    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(StorageFailure, match="permission denied"):
        Pod.find(lab.root)


def test_the_store_is_opened_when_it_is_needed(lab: Lab) -> None:
    with lab.reopened().pod as pod:
        pod.head()
        assert "store" not in pod.__dict__
        assert pod.store.packs() == []
        assert pod.store is pod.store


def test_the_lock_holds_others_off(lab: Lab) -> None:
    other = lab.reopened().pod
    with lab.pod.lock(), pytest.raises(Locked) as caught, other.lock(patience=0):
        pass
    assert caught.value.fields["holder"].startswith(f"process {os.getpid()}, since 2")
    with other.lock(patience=0):
        pass
