"""Archives from strangers: what is unpacked, and what is refused before anything is written."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sovrgit.runs.golem.requestor.archives import BadArchive, scan, unpack

ROOM = 1 << 20


def member(name: str, data: bytes = b"", **about: object) -> tuple[tarfile.TarInfo, bytes]:
    made = tarfile.TarInfo(name)
    made.size = len(data)
    for key, value in about.items():
        setattr(made, key, value)
    return made, data


def folder(name: str) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, type=tarfile.DIRTYPE)


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, type=kind, linkname=target)


def packed(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.GNU_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for about, data in members:
            archive.addfile(about, io.BytesIO(data))
    return out.getvalue()


@pytest.fixture
def take(tmp_path: Path) -> Callable[[bytes], list[str]]:
    """Unpack an archive into `out`."""

    def unpacked(data: bytes) -> list[str]:
        (tmp_path / "it.tar").write_bytes(data)
        (tmp_path / "out").mkdir(exist_ok=True)
        return unpack(tmp_path / "it.tar", "output", tmp_path / "out", ROOM)

    return unpacked


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_what_is_unpacked(take: Callable[[bytes], list[str]], tmp_path: Path, form: int) -> None:
    names = take(
        packed(
            folder("./output"),
            member("./output/a", b"A", mode=0o755),
            member("output/deep/er/b", b"B", mode=0o4777, uid=0),
            link("output/deep/up", "../a"),
            link("output/same", "output/a", tarfile.LNKTYPE),
            folder("output/empty/"),
            form=form,
        )
    )
    out = tmp_path / "out" / "output"
    assert sorted(names) == ["output/a", "output/deep/er/b", "output/deep/up", "output/same"]
    assert (out / "a").read_bytes() == (out / "same").read_bytes() == (out / "deep" / "up").read_bytes() == b"A"
    assert os.access(out / "a", os.X_OK) and (out / "deep" / "er" / "b").stat().st_mode & 0o7000 == 0
    assert (out / "empty").is_dir()
    assert (out / "same").stat().st_ino != (out / "a").stat().st_ino


def test_an_empty_archive_is_an_output_without_files(take: Callable[[bytes], list[str]]) -> None:
    assert take(packed()) == []


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([member("../x")], "leads out"),
        ([member("/output/x")], "leads out"),
        ([member("output/../../x")], "leads out"),
        ([member("other/x")], "is not in `output`"),
        ([member("outputs/x")], "is not in `output`"),
        ([member("output", b"x")], "is not a folder"),
        ([member("output/.SOVR/config")], "is not a name for a file of a pod"),
        ([member("/".join(["output", *"d" * 64]))], "leads out"),
        ([link("output/l", "/etc/passwd")], "leads out"),
        ([link("output/l", "..")], "leads out"),
        ([link("output/d/l", "../../x")], "leads out"),
        ([link("output/l", "d/../../..")], "leads out"),
        ([link("output/l", "")], "leads out"),
        ([link("output/l", "."), member("output/l/x")], "as a file and as a folder"),
        ([member("output/a", b"x"), member("output/a/b")], "as a file and as a folder"),
        ([member("output/a"), member("output/a")], "twice"),
        ([member("output/a"), folder("output/a")], "twice"),
        ([link("output/h", "output/a", tarfile.LNKTYPE)], "not before it"),
        ([link("output/h", "/etc/passwd", tarfile.LNKTYPE)], "leads out"),
        ([link("output/s", "x"), link("output/h", "output/s", tarfile.LNKTYPE)], "not before it"),
        ([member("output/p", type=tarfile.FIFOTYPE)], "neither a file nor a folder"),
        ([member("output/n", type=tarfile.CHRTYPE)], "neither a file nor a folder"),
        ([member("output/a", b"x" * (ROOM + 1))], "is larger than"),
        ([member("output/a", b"x" * ROOM), link("output/b", "output/a", tarfile.LNKTYPE)], "is larger than"),
    ],
)
def test_what_is_refused(
    take: Callable[[bytes], list[str]], tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes]], said: str
) -> None:
    with pytest.raises(BadArchive, match=said):
        take(packed(member("output/good", b"x"), *members))
    assert list((tmp_path / "out").iterdir()) == []


def test_bombs(take: Callable[[bytes], list[str]], tmp_path: Path) -> None:
    sparse, _ = member("output/s")
    sparse.size = 1 << 50
    header = bytearray(sparse.tobuf(tarfile.GNU_FORMAT))
    with pytest.raises(BadArchive, match="is larger than"):
        take(bytes(header) + bytes(1024))
    long, _ = member("././@LongLink", type=tarfile.GNUTYPE_LONGNAME)
    long.size = 1 << 30
    with pytest.raises(BadArchive, match="too long"):
        take(long.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    import gzip

    with pytest.raises(BadArchive, match="not a complete tar archive"):
        take(gzip.compress(packed(member("output/a", bytes(ROOM)))))
    (tmp_path / "many.tar").write_bytes(packed(*(member(f"output/{number}") for number in range(30))))
    with pytest.raises(BadArchive, match="more than 20 files"):
        scan(tmp_path / "many.tar", "output", ROOM, 20)


def test_wherever_it_is_cut_off_it_is_refused(take: Callable[[bytes], list[str]], tmp_path: Path) -> None:
    whole = packed(member("output/a", b"x" * 700), member("output/b", b"y"))
    for length in range(0, 3 * 512 + 2 * 512 + 511, 64):
        with pytest.raises(BadArchive):
            take(whole[:length])
    assert list((tmp_path / "out").iterdir()) == []


def test_a_header_that_is_damaged_is_not_an_end(take: Callable[[bytes], list[str]]) -> None:
    whole = bytearray(packed(member("output/a", b"x"), member("output/b", b"y")))
    whole[1024 + 150] ^= 1
    with pytest.raises(BadArchive, match="damaged in the middle"):
        take(bytes(whole))


def test_what_is_there_already_stays(take: Callable[[bytes], list[str]], tmp_path: Path) -> None:
    assert take(packed(folder("output"), member("output/d/a", b"1"))) == ["output/d/a"]
    assert take(packed(folder("output"), folder("output/d"), member("output/d/b", b"2"))) == ["output/d/b"]
    with pytest.raises(BadArchive, match="`output/d/a` is there already"):
        take(packed(member("output/c", b"3"), member("output/d/a", b"3")))
    assert (tmp_path / "out" / "output" / "d" / "a").read_bytes() == b"1"
    assert not (tmp_path / "out" / "output" / "c").exists()


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=2048), st.integers(0, 2500))
def test_noise_never_gets_out(tmp_path_factory: pytest.TempPathFactory, noise: bytes, at: int) -> None:
    place = tmp_path_factory.mktemp("noise")
    whole = packed(member("output/a", b"x" * 600), link("output/l", "a"))
    (place / "it.tar").write_bytes(whole[:at] + noise + whole[at + len(noise) :])
    (place / "out").mkdir()
    try:
        unpack(place / "it.tar", "output", place / "out", ROOM)
    except BadArchive:
        assert list((place / "out").iterdir()) == []
    assert {entry.name for entry in place.iterdir()} == {"it.tar", "out"}
    assert {entry.name for entry in (place / "out").iterdir()} <= {"output"}
