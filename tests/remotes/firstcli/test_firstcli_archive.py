"""Unpacking: what honest programs packed comes out as it was, and what is meant to do harm comes out not at all."""

from __future__ import annotations

import io
import os
import random
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from archive_lab import DATE_SECONDS, entry, link, of_type, stored_by_first_cli, tarred, zipped, zipped_files
from hypothesis import given, settings
from hypothesis import strategies as st

from sovrgit.errors import ArchiveInvalid, PodExists, SovrError, StorageFull, UnsafeName
from sovrgit.objects.tree import EntryKind
from sovrgit.remotes.firstcli import archive as unpacking
from sovrgit.remotes.firstcli.archive import Unpacked, unpack
from sovrgit.remotes.firstcli.members import LIMITS, Limits, plain_path

Unpack = Callable[..., Unpacked]


@pytest.fixture
def unpacked(tmp_path: Path) -> Unpack:
    """Unpacks bytes into `tmp_path / "new"`."""

    def run(data: bytes, limits: Limits = LIMITS) -> Unpacked:
        (tmp_path / "archive").write_bytes(data)
        return unpack(tmp_path / "archive", tmp_path / "new", limits=limits)

    return run


def tree(folder: Path) -> dict[str, object]:
    """What is in a folder: bytes of files, targets of links, None for folders."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        found[name] = os.readlink(path) if path.is_symlink() else None if path.is_dir() else path.read_bytes()
    return found


def nothing_is_left(folder: Path) -> bool:
    return sorted(path.name for path in folder.iterdir()) == ["archive"]


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


# --- names ------------------------------------------------------------------------------------------------------

BAD_NAMES = [
    *("/etc/passwd", "../x", "a/../../x", "a/..", "..", "C:/x", "c:x", "a\\b", "\\\\host\\x", "a//b", "//x", "a/\0/b"),
    *("x" * 256, "a/" * 65 + "b", ("y" * 250 + "/") * 9 + "z", "ж" * 128, "//"),
]


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.parametrize("make", [zipped, tarred])
def test_bad_names(tmp_path: Path, unpacked: Unpack, name: str, make: Callable[..., bytes]) -> None:
    if make is tarred and "\0" in name:
        pytest.skip("tar ends names there")
    if make is zipped:
        data = zipped(("good", b"1"), (entry(name), b"2"))
    else:
        data = tarred(("good", b"1"), (name, b"2"))
    with pytest.raises(UnsafeName):
        unpacked(data)
    assert nothing_is_left(tmp_path)


@given(st.text())
def test_a_name_becomes_a_plain_path_or_is_refused(name: str) -> None:
    try:
        path = plain_path(name)
    except UnsafeName:
        return
    parts = path.split(b"/") if path else []
    assert not {b"", b".", b"..", b"\0"}.intersection(parts) and b"\\" not in path
    assert parts == [part for part in name.encode().split(b"/") if part not in (b".", b"")]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "entries",
    [
        [("a", b"1"), ("a", b"2")],
        [("a", b"1"), ("./a", b"2")],
        [("a/", b""), ("a", b"2")],
        [("a", b"1"), ("a/", b"")],
        [("a/", b""), ("a/", b"")],
        [("a", b"1"), ("a/b", b"2")],
        [("a/b", b"1"), ("a", b"2")],
        [("a/b/c", b"1"), ("a/b", b"2")],
        [link("a", "b"), ("a/x", b"1"), ("b/y", b"2")],
        [("a/x", b"1"), link("a", "b")],
        [link("a", "b"), ("a", b"1")],
    ],
)
def test_two_things_at_one_place(tmp_path: Path, unpacked: Unpack, entries: list[tuple[str, bytes]]) -> None:
    with pytest.raises(UnsafeName):
        unpacked(zipped(*entries))
    assert nothing_is_left(tmp_path)


@pytest.mark.parametrize(
    ("path", "target"),
    [
        *[("a", "/etc/passwd"), ("a", ".."), ("a", "../x"), ("a/b", "../../x"), ("a/b", "x/../../../y"), ("a", "")],
        *[("a", "x/.."), ("a", "b\\c"), ("a", ".git/hooks"), ("a", ".SOVR"), ("a/b", "../.sovr/refs"), ("a", "x\0y")],
        ("a", "y" * 4096),
    ],
)
@pytest.mark.parametrize("form", ["zip", "tar"])
def test_links_that_may_lead_out(tmp_path: Path, unpacked: Unpack, path: str, target: str, form: str) -> None:
    if form == "zip":
        data = zipped(link(path, target))
    else:
        data = tarred((path, of_type(tarfile.SYMTYPE, target)))
        if "\0" in target:
            pytest.skip("tar ends targets there")
    with pytest.raises((UnsafeName, ArchiveInvalid)):
        unpacked(data)
    assert nothing_is_left(tmp_path)


def test_a_chain_of_links_that_would_lead_out(tmp_path: Path, unpacked: Unpack) -> None:
    # `d/x` is the top, so `d/x/..` would be above it, though it looks like `d`.
    with pytest.raises(UnsafeName):
        unpacked(zipped(link("d/x", ".."), link("y", "d/x/..")))
    assert nothing_is_left(tmp_path)


def test_names_that_this_file_system_takes_for_one(
    tmp_path: Path, unpacked: Unpack, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = os.open

    def case_blind(path: bytes | str, *how: int, **where: int) -> int:
        return really(path.lower() if isinstance(path, bytes) else path, *how, **where)

    monkeypatch.setattr(unpacking.os, "open", case_blind)
    with pytest.raises(UnsafeName, match="does not tell it from another"):
        unpacked(zipped_files({"Readme": b"1", "README": b"2"}))
    assert nothing_is_left(tmp_path)


# --- forms ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_devices_in_a_zip(tmp_path: Path, unpacked: Unpack, form: int) -> None:
    with pytest.raises(ArchiveInvalid):
        unpacked(zipped((entry("a", form | 0o644), b"")))
    assert nothing_is_left(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        *[
            of_type(tarfile.CHRTYPE),
            of_type(tarfile.BLKTYPE),
            of_type(tarfile.FIFOTYPE),
        ],
        *[of_type(tarfile.LNKTYPE, "nowhere"), of_type(tarfile.LNKTYPE, "soft"), of_type(tarfile.LNKTYPE, "a")],
        of_type(tarfile.GNUTYPE_SPARSE),
    ],
)
def test_odd_members_of_a_tar(tmp_path: Path, unpacked: Unpack, change: Callable[[tarfile.TarInfo], None]) -> None:
    with pytest.raises(SovrError):
        unpacked(tarred(("soft", of_type(tarfile.SYMTYPE, "x")), ("a", change)))
    assert nothing_is_left(tmp_path)


def test_a_hard_link_out_of_the_archive(tmp_path: Path, unpacked: Unpack) -> None:
    with pytest.raises(UnsafeName):
        unpacked(tarred(("a", of_type(tarfile.LNKTYPE, "/etc/passwd"))))
    assert nothing_is_left(tmp_path)


def test_encrypted_and_unknown_methods(tmp_path: Path, unpacked: Unpack) -> None:
    whole = bytearray(zipped(("a", b"secret")))
    at = whole.rindex(b"PK\1\2")
    encrypted = whole[: at + 8] + b"\1" + whole[at + 9 :]
    with pytest.raises(ArchiveInvalid, match="encrypted"):
        unpacked(bytes(encrypted))
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with pytest.raises(ArchiveInvalid, match="other than deflate"):
            unpacked(zipped((entry("a", compress_type=method), b"x")))
    unknown = whole[: at + 10] + b"\x63" + whole[at + 11 :]
    with pytest.raises(ArchiveInvalid):
        unpacked(bytes(unknown))
    assert nothing_is_left(tmp_path)


def test_a_folder_with_content(tmp_path: Path, unpacked: Unpack) -> None:
    for made in (entry("a/"), entry("a", stat.S_IFDIR | 0o755), entry("a/", stat.S_IFLNK | 0o777)):
        with pytest.raises(ArchiveInvalid):
            unpacked(zipped((made, b"content")))
    assert nothing_is_left(tmp_path)


# --- bombs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [zipped, lambda *members: tarred(*members, mode="w:gz")])
def test_too_much(tmp_path: Path, unpacked: Unpack, make: Callable[..., bytes]) -> None:
    zeros = make(("a", bytes(3_000_000)))
    with pytest.raises(ArchiveInvalid, match="unpacks to"):
        unpacked(zeros, Limits(free=100_000, ratio=10))
    with pytest.raises(ArchiveInvalid, match="unpacks to"):
        unpacked(zeros, Limits(size=2_999_999))
    assert nothing_is_left(tmp_path)
    unpacked(zeros, Limits(size=3_000_000))


@pytest.mark.parametrize("make", [zipped, tarred])
def test_too_many(tmp_path: Path, unpacked: Unpack, make: Callable[..., bytes]) -> None:
    with pytest.raises(ArchiveInvalid, match="more than 9 entries"):
        unpacked(make(*((f"f{number}", b"") for number in range(10))), Limits(entries=9))
    with pytest.raises(ArchiveInvalid, match="more than 9 folders"):
        unpacked(make(("a/b/c/d/e/f/g/h/i/j/k", b"")), Limits(entries=9))
    assert nothing_is_left(tmp_path)
    unpacked(make(*((f"f{number}", b"") for number in range(9))), Limits(entries=9))


def test_a_table_of_contents_that_says_it_is_small(tmp_path: Path, unpacked: Unpack) -> None:
    data = bytearray(zipped(*((f"f{number}", b"") for number in range(100))))
    data[-14:-10] = struct.pack("<HH", 1, 1)
    with pytest.raises(ArchiveInvalid, match="more than 50 entries"):
        unpacked(bytes(data), Limits(entries=50))
    wide = zipped((entry("f", comment=b"c" * 60_000), b""))
    with pytest.raises(ArchiveInvalid, match="table of contents"):
        unpacked(wide, Limits(entries=10))
    assert nothing_is_left(tmp_path)


def test_entries_that_share_bytes(tmp_path: Path, unpacked: Unpack) -> None:
    data = zipped(("a", bytes(1000)), ("b", bytes(1000)))
    table = data.index(b"PK\1\2")
    second = data.index(b"PK\1\2", table + 4)
    # Both entries lead to the first one's content; its name is made to fit.
    forged = bytearray(data)
    forged[second + 42 : second + 46] = bytes(4)
    forged[second + 46 : second + 47] = b"a"
    with pytest.raises(ArchiveInvalid, match="overlap"):
        unpacked(bytes(forged))
    # An entry that reaches into the table of contents.
    long = bytearray(data)
    long[second + 20 : second + 24] = struct.pack("<I", 5000)
    with pytest.raises(ArchiveInvalid, match="overlap"):
        unpacked(bytes(long))
    assert nothing_is_left(tmp_path)


def test_sizes_that_are_not_true(tmp_path: Path, unpacked: Unpack) -> None:
    data = zipped(("a", bytes(1000)))
    at = data.index(b"PK\1\2") + 24
    for size in (0, 999, 1001, 1 << 31):
        with pytest.raises(ArchiveInvalid):
            unpacked(data[:at] + struct.pack("<I", size) + data[at + 4 :])
    assert nothing_is_left(tmp_path)


def test_a_header_of_a_tar_that_is_a_bomb(tmp_path: Path, unpacked: Unpack) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("a")
        info.pax_headers = {"comment": "x" * 2_000_000}
        archive.addfile(info)
    with pytest.raises(ArchiveInvalid, match="header that is too large"):
        unpacked(file.getvalue())
    assert nothing_is_left(tmp_path)


def test_many_headers_of_one_member(tmp_path: Path, unpacked: Unpack) -> None:
    info = tarfile.TarInfo("a")
    info.type = tarfile.XGLTYPE
    with pytest.raises(ArchiveInvalid):
        unpacked(info.tobuf() * 1500 + bytes(1024))
    assert nothing_is_left(tmp_path)


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
