"""Unpacking: what is meant to do harm comes out not at all."""

from __future__ import annotations

import io
import os
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from archive_lab import (
    entry,
    link,
    nothing_is_left,
    of_type,
    tarred,
    zipped,
    zipped_files,
)
from hypothesis import given
from hypothesis import strategies as st

from sovrgit.errors import ArchiveInvalid, SovrError, UnsafeName
from sovrgit.remotes.firstcli import archive as unpacking
from sovrgit.remotes.firstcli.archive import Unpacked
from sovrgit.remotes.firstcli.members import Limits, plain_path

Unpack = Callable[..., Unpacked]


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
