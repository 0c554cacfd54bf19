"""The index is a cache with a checksum: what comes out is what went in, or nothing."""

from __future__ import annotations

import errno
import os
import pickle
import random
import tempfile
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from sovrgit.errors import StorageFull
from sovrgit.objects.ids import ID_SIZE
from sovrgit.pod.index import (
    DIRECTORY,
    EXECUTABLE,
    FILE,
    IGNORED,
    NO_STAMP,
    SPECIAL,
    SYMLINK,
    UNKNOWN,
    Folder,
    Index,
    children_first,
    join,
    parent_of,
)

COLUMNS = ("modified", "names", "kinds", "sizes", "mtimes", "ctimes", "inodes", "ids", "tree", "size")

# As the operating system gives them: bytes that are not UTF-8 come as lone surrogates.
NAMES = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=12),
    st.binary(min_size=1, max_size=12)
    .filter(lambda name: not {0, 47} & {*name})
    .map(lambda name: name.decode("utf-8", "surrogateescape")),
)
STAMPS = st.one_of(st.just(NO_STAMP), st.integers(-(1 << 63), (1 << 63) - 1))
WORDS = st.integers(0, (1 << 64) - 1)
IDS = st.one_of(st.just(UNKNOWN), st.binary(min_size=ID_SIZE, max_size=ID_SIZE))
KINDS = st.sampled_from([FILE, EXECUTABLE, SYMLINK, DIRECTORY, IGNORED, SPECIAL])


@st.composite
def folders(draw: st.DrawFn) -> Folder:
    folder = Folder.empty(draw(STAMPS))
    for name in draw(st.lists(NAMES, max_size=6, unique=True)):
        folder.append(name, draw(KINDS), draw(WORDS), draw(STAMPS), draw(STAMPS), draw(WORDS), draw(IDS))
    folder.tree, folder.size = draw(st.sampled_from([b"", bytes(range(ID_SIZE))])), draw(WORDS)
    return folder


PATHS = st.lists(NAMES, max_size=3).map("/".join)
INDEXES = st.builds(
    Index,
    head=st.sampled_from([b"", bytes(ID_SIZE)]),
    commit=st.sampled_from([b"", bytes(range(ID_SIZE))]),
    folders=st.dictionaries(PATHS, folders(), max_size=5),
)


def plain(index: Index) -> object:
    """Everything in an index, to be compared."""
    rows = {path: [getattr(folder, name) for name in COLUMNS] for path, folder in index.folders.items()}
    return index.head, index.commit, rows, list(rows)


@settings(deadline=None)
@given(INDEXES)
def test_round_trip(index: Index) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index"
        index.save(path)
        assert plain(Index.load(path)) == plain(index)


@settings(deadline=None)
@given(INDEXES, st.randoms())
def test_a_part_that_was_not_looked_at_is_written_as_it_was(index: Index, chance: random.Random) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "index"
        index.save(path)
        again = Index.load(path)
        for folder, expected in zip(again.folders.values(), index.folders.values(), strict=True):
            if chance.random() < 0.5:
                assert folder.names == expected.names
            folder.tree = expected.tree = b"\1" * ID_SIZE
            folder.modified = expected.modified = 7
        again.save(path)
        assert plain(Index.load(path)) == plain(index)


@settings(deadline=None)
@given(INDEXES)
def test_folders_that_another_process_hands_over(index: Index) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index"
        handed = pickle.loads(pickle.dumps(index.folders))
        Index(index.head, index.commit, handed).save(path)
        assert plain(Index.load(path)) == plain(index)


def filled(count: int = 30) -> Index:
    index = Index(head=b"h" * ID_SIZE)
    for number in range(count):
        folder = Folder.empty(number)
        for name in ("a", "b\udcff", "ü"):
            folder.append(name, FILE, number, 1 << 60, NO_STAMP, number + 1, bytes([number]) * ID_SIZE)
        index.folders[f"f{number}" if number else ""] = folder
    return index


def test_no_file_gives_an_empty_index(tmp_path: Path) -> None:
    assert plain(Index.load(tmp_path / "index")) == plain(Index())


@pytest.mark.parametrize("place", [0, 7, 8, 9, 100, -33, -32, -1])
def test_a_flipped_bit_gives_an_empty_index(tmp_path: Path, place: int) -> None:
    path = tmp_path / "index"
    filled().save(path)
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    assert plain(Index.load(path)) == plain(Index())


def test_every_truncation_gives_an_empty_index(tmp_path: Path) -> None:
    path = tmp_path / "index"
    filled(1).save(path)
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        assert plain(Index.load(path)) == plain(Index())
    path.write_bytes(data)
    assert plain(Index.load(path)) == plain(filled(1))


@settings(deadline=None)
@given(st.binary(max_size=100))
def test_noise_gives_an_empty_index(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index"
        path.write_bytes(data)
        assert plain(Index.load(path)) == plain(Index())


def test_another_version_gives_an_empty_index(tmp_path: Path) -> None:
    path = tmp_path / "index"
    filled().save(path)
    data = path.read_bytes()
    body = data[8:-ID_SIZE]
    assert blake3(body).digest() == data[-ID_SIZE:]
    path.write_bytes(b"SOVRIDX0" + data[8:])
    assert plain(Index.load(path)) == plain(Index())


def test_a_folder_in_its_place_gives_an_empty_index(tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    assert plain(Index.load(tmp_path / "index")) == plain(Index())


def test_a_full_disk_leaves_the_index_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "index"
    filled(2).save(path)

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(StorageFull):
            filled(3).save(path)
    assert plain(Index.load(path)) == plain(filled(2))
    assert list(tmp_path.iterdir()) == [path]


def test_ids_by_position() -> None:
    folder = filled(4).folders["f3"]
    folder.set_id(1, b"x" * ID_SIZE)
    assert folder.all_ids() == [b"\3" * ID_SIZE, b"x" * ID_SIZE, b"\3" * ID_SIZE]
    assert [folder.id_at(position) for position in range(3)] == folder.all_ids()


def test_paths() -> None:
    assert (parent_of("a/b/c"), parent_of("a"), parent_of("")) == ("a/b", "", "")
    assert (join("", "a"), join("a/b", "c")) == ("a", "a/b/c")


@settings(deadline=None)
@given(st.lists(PATHS, unique=True))
def test_children_come_first(paths: list[str]) -> None:
    order = children_first({path: Folder.empty(0) for path in paths})
    assert sorted(order) == sorted(paths)
    for position, path in enumerate(order):
        above = {parent_of(path)} - {path}
        while above:
            assert not above & {*order[:position]}
            above = {parent_of(item) for item in above} - above
