"""The generators of benchmark data, at a size at which they take no time."""

from __future__ import annotations

import hashlib
import importlib.util
import statistics
import sys
import zlib
from pathlib import Path
from types import ModuleType

import pytest

SOURCE = Path(__file__).parents[2] / "benchmarks" / "data.py"


@pytest.fixture(scope="module")
def data() -> ModuleType:
    """The module, which is no part of an installed package."""
    spec = importlib.util.spec_from_file_location("benchmark_data", SOURCE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_small_files_are_the_same_for_the_same_seed_only(data: ModuleType, tmp_path: Path) -> None:
    first = contents(data.small_files(tmp_path / "a", 30))
    assert contents(data.small_files(tmp_path / "b", 30)) == first
    assert contents(data.small_files(tmp_path / "c", 30, seed=data.SEED + 1)) != first


def test_small_files_lie_a_hundred_to_a_folder(data: ModuleType, tmp_path: Path) -> None:
    names = set(contents(data.small_files(tmp_path / "a", 230)))
    assert len(names) == 230
    assert {"0000/00.txt", "0000/99.txt", "0001/00.txt", "0002/29.txt"} <= names


def test_small_files_have_the_sizes_and_the_redundancy_of_text(data: ModuleType, tmp_path: Path) -> None:
    files = contents(data.small_files(tmp_path / "a", 1000))
    sizes = [len(content) for content in files.values()]
    assert 1_800 < statistics.fmean(sizes) < 2_150
    assert statistics.median(sizes) < statistics.fmean(sizes)
    everything = b"".join(files.values())
    assert 0.2 < len(zlib.compress(everything, 1)) / len(everything) < 0.6
    assert len(set(files.values())) == 1000


def test_a_larger_small_set_begins_like_a_smaller_one(data: ModuleType, tmp_path: Path) -> None:
    few, many = contents(data.small_files(tmp_path / "a", 20)), contents(data.small_files(tmp_path / "b", 40))
    assert few.items() <= many.items()


@pytest.mark.parametrize("size", [0, 1, 3 << 20, (3 << 20) + 17])
def test_the_large_file_has_exactly_its_size(data: ModuleType, tmp_path: Path, size: int) -> None:
    assert data.large_file(tmp_path / "f", size).stat().st_size == size


def test_the_large_file_is_the_same_on_every_machine(data: ModuleType, tmp_path: Path) -> None:
    content = data.large_file(tmp_path / "f", (1 << 20) + 5).read_bytes()
    assert hashlib.sha256(content).hexdigest() == "c2a682d9892b7fca0cfcc33369b2c38fe9134ee1400b2248c6a4f2a5f5addbd3"


def test_the_large_file_does_not_compress(data: ModuleType, tmp_path: Path) -> None:
    content = data.large_file(tmp_path / "f", 1 << 20).read_bytes()
    assert len(zlib.compress(content, 1)) > 0.99 * len(content)


def test_the_edited_file_is_the_original_with_an_insertion_and_overwritten_blocks(
    data: ModuleType, tmp_path: Path
) -> None:
    block = data.BLOCK
    original = data.large_file(tmp_path / "f", 6 * block + 100).read_bytes()
    path = data.edited_file(tmp_path / "g", tmp_path / "f")
    edited = path.read_bytes()
    assert len(edited) == len(original) + data.INSERTED
    middle = 3 * block  # of seven blocks, the last one short
    without = edited[:middle] + edited[middle + data.INSERTED :]
    changed = [
        start
        for start in range(0, len(original), block)
        if without[start : start + block] != original[start : start + block]
    ]
    assert len(changed) == 1
    assert data.edited_file(tmp_path / "h", tmp_path / "f").read_bytes() == edited


def test_one_block_in_a_hundred_is_overwritten(
    data: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "BLOCK", 64)
    monkeypatch.setattr(data, "INSERTED", 0)
    original = data.large_file(tmp_path / "f", 64 * 1000).read_bytes()
    edited = data.edited_file(tmp_path / "g", tmp_path / "f").read_bytes()
    assert sum(original[at : at + 64] != edited[at : at + 64] for at in range(0, len(original), 64)) == 10


def test_mixed_files_are_half_compressible(data: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "MIXED_LIMITS", (1_000, 20_000))
    files = contents(data.mixed_files(tmp_path / "a", 20))
    assert all(1_000 <= len(content) <= 20_000 for content in files.values())
    shrinking = [name for name, content in files.items() if len(zlib.compress(content)) < 0.6 * len(content)]
    assert sorted(shrinking) == sorted(name for name in files if name.endswith(".txt"))
    assert len(shrinking) == 10
    assert contents(data.mixed_files(tmp_path / "b", 20)) == files


def test_prepared_data_is_kept(data: ModuleType, tmp_path: Path) -> None:
    places = data.prepare(tmp_path, 0.0002, {"small"})
    kept = places.small / "0000" / "00.txt"
    kept.write_bytes(b"touched")
    assert data.prepare(tmp_path, 0.0002, {"small"}) == places
    assert kept.read_bytes() == b"touched"
    assert not places.large.exists()


def test_what_was_interrupted_is_made_again(data: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a.part" / "0000").mkdir(parents=True)
    (tmp_path / "a.part" / "stale").write_bytes(b"left over")
    assert "stale" not in contents(data.small_files(tmp_path / "a", 20))
