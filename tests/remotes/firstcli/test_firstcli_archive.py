"""Unpacking: what honest programs packed comes out as it was, and whatever is wrong is noticed."""

from __future__ import annotations

import os
import random
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from archive_lab import (
    DATE_SECONDS,
    entry,
    link,
    nothing_is_left,
    stored_by_first_cli,
    tarred,
    tree,
    zipped,
    zipped_files,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from sovrgit.errors import ArchiveInvalid, PodExists, SovrError, StorageFull, UnsafeName
from sovrgit.objects.tree import EntryKind
from sovrgit.remotes.firstcli import archive as unpacking
from sovrgit.remotes.firstcli.archive import Unpacked, unpack
from sovrgit.remotes.firstcli.members import Limits

Unpack = Callable[..., Unpacked]


# --- honest archives --------------------------------------------------------------------------------------------


def test_what_the_first_cli_packed(tmp_path: Path, unpacked: Unpack) -> None:
    pod = tmp_path / "pod"
    for folder in ("script", "payload", "output", "logs"):
        (pod / folder).mkdir(parents=True)
    (pod / "script" / "run.py").write_text("print()\n")
    (pod / "script" / "run.py").chmod(0o755)
    (pod / "payload" / "größe ключ.bin").write_bytes(random.Random(1).randbytes(300_000))
    (pod / "recipe.json").write_text("{}")
    (pod / "empty").write_text("")
    os.utime(pod / "empty", (DATE_SECONDS + 1000, DATE_SECONDS + 1000))
    data = stored_by_first_cli(pod, "blender")
    found = unpacked(data)
    assert tree(tmp_path / "new") == tree(pod)
    assert os.access(tmp_path / "new" / "script" / "run.py", os.X_OK)
    assert not os.access(tmp_path / "new" / "recipe.json", os.X_OK)
    assert {file.path: file.kind for file in found.files}[b"script/run.py"] is EntryKind.EXECUTABLE
    assert set(found.folders) == {b"script", b"payload", b"output", b"logs"}
    assert found.size == sum(len(content) for content in tree(pod).values() if isinstance(content, bytes))
    assert found.left_out == ()


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_tar(tmp_path: Path, unpacked: Unpack, mode: str) -> None:
    (tmp_path / "pod" / "deep" / "empty").mkdir(parents=True)
    (tmp_path / "pod" / "deep" / "file").write_bytes(b"x" * 100_000)
    os.link(tmp_path / "pod" / "deep" / "file", tmp_path / "pod" / "hard")
    os.symlink("deep/file", tmp_path / "pod" / "soft")
    long = "n" * 200
    (tmp_path / "pod" / long).write_text("long")
    with tarfile.open(tmp_path / "archive", mode) as archive:  # type: ignore[call-overload]
        archive.add(tmp_path / "pod", ".")
    found = unpack(tmp_path / "archive", tmp_path / "new")
    assert tree(tmp_path / "new") == tree(tmp_path / "pod")
    assert {file.path for file in found.files} == {b"deep/file", b"hard", b"soft", long.encode()}
    assert found.newest > DATE_SECONDS


def test_the_newest_time(unpacked: Unpack) -> None:
    files = (entry("a", date_time=(1980, 1, 1, 0, 0, 0)), b""), (entry("b"), b"")
    assert unpacked(zipped(*files)).newest == DATE_SECONDS


def test_a_time_that_is_none(unpacked: Unpack) -> None:
    data = bytearray(zipped(("a", b"")))
    at = data.rindex(b"PK\1\2") + 12
    data[at : at + 4] = b"\xff\xff\x00\x00"
    assert unpacked(bytes(data)).newest == 0


def test_links_that_stay_inside(tmp_path: Path, unpacked: Unpack) -> None:
    links = link("a/up", "../b"), link("here", "a"), link("a/deep/dots", "../../..x")
    found = unpacked(zipped(("b", b"1"), *links))
    assert tree(tmp_path / "new") == {
        **{"a": None, "a/deep": None, "b": b"1"},
        **{"a/deep/dots": "../../..x", "a/up": "../b", "here": "a"},
    }
    assert len(found.files) == 4


def test_an_empty_archive(tmp_path: Path, unpacked: Unpack) -> None:
    assert unpacked(zipped()) == ((), (), 0, 0, ())
    assert (tmp_path / "new").is_dir()


@pytest.mark.parametrize(
    "name", [".git/config", ".Git/hooks/x", "a/.sovr/format", ".g\u200cit/config", ".SOVR", ".git"]
)
def test_repositories_are_left_out(tmp_path: Path, unpacked: Unpack, name: str) -> None:
    found = unpacked(zipped((name, b"evil"), ("a/b", b"1"), (entry("a/.git/"), b"")))
    assert tree(tmp_path / "new") == {"a": None, "a/b": b"1"}
    assert len(found.left_out) == 2 and b"a/.git" in found.left_out


def test_names_that_only_look_like_repositories(tmp_path: Path, unpacked: Unpack) -> None:
    names = [".gitignore", ".github", "git", ".sovrignore", "sovr", "\u200cgit"]
    unpacked(zipped_files(dict.fromkeys(names, b"")))
    assert sorted(tree(tmp_path / "new")) == sorted(names)


# --- damage -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["zip", "tar", "tar.gz"])
def test_cut_off_anywhere(tmp_path: Path, unpacked: Unpack, form: str) -> None:
    members = [("a", random.Random(2).randbytes(2000)), ("b/c", b"text" * 500)]
    if form == "zip":
        whole = zipped(*members)
    else:
        whole = tarred(*members, mode="w" if form == "tar" else "w:gz")
    content = 2000 + 2048 + 3 * 512 if form == "tar" else len(whole)
    for end in range(0, content, 97):
        with pytest.raises(ArchiveInvalid):
            unpacked(whole[:end])
        assert nothing_is_left(tmp_path)


@pytest.mark.parametrize("form", ["zip", "tar.gz"])
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_bytes_that_were_changed(form: str, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Whatever is wrong: the content as it was, or one of our errors and nothing left."""
    content = {"a": b"text" * 50, "b/c": bytes(range(256))}
    whole = bytearray(zipped_files(content) if form == "zip" else tarred(*content.items(), mode="w:gz"))
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.mktemp("changed")
    (folder / "archive").write_bytes(whole)
    try:
        found = unpack(folder / "archive", folder / "new", limits=Limits(size=10_000_000, entries=100))
    except SovrError as error:
        assert isinstance(error, ArchiveInvalid | UnsafeName)
        assert nothing_is_left(folder)
    else:
        # Names, kinds and times have no checksum in a zip; content has.
        kept = [value for value in tree(folder / "new").values() if isinstance(value, bytes)]
        assert set(kept) <= set(content.values()) and len(kept) == len(found.files)


@given(st.binary(max_size=2000))
@settings(max_examples=50)
def test_bytes_that_are_no_archive(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("noise")
    (folder / "archive").write_bytes(data)
    with pytest.raises(ArchiveInvalid):
        unpack(folder / "archive", folder / "new")
    assert nothing_is_left(folder)


def test_checksums(tmp_path: Path, unpacked: Unpack) -> None:
    stored = entry("a", compress_type=zipfile.ZIP_STORED)
    data = zipped((stored, b"precious bytes"))
    with pytest.raises(ArchiveInvalid, match="a checksum is wrong"):
        unpacked(data.replace(b"precious", b"Precious"))
    assert nothing_is_left(tmp_path)


# --- places -----------------------------------------------------------------------------------------------------


def test_the_folder_must_be_new(tmp_path: Path, unpacked: Unpack) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "mine").write_text("kept")
    with pytest.raises(PodExists):
        unpacked(zipped(("mine", b"theirs")))
    assert (tmp_path / "new" / "mine").read_text() == "kept"


def test_a_full_disk(tmp_path: Path, unpacked: Unpack, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(unpacking, "write_all", full)
    with pytest.raises(StorageFull):
        unpacked(zipped(("a", b"1")))
    assert nothing_is_left(tmp_path)


def test_the_archive_is_called_as_it_should_be(tmp_path: Path) -> None:
    (tmp_path / "archive").write_bytes(b"no")
    with pytest.raises(ArchiveInvalid, match=r"`blender\.zip`"):
        unpack(tmp_path / "archive", tmp_path / "new", name="blender.zip")
