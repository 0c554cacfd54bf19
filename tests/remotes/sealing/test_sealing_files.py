"""From file to file: what is not good leaves nothing behind, and files that change or are none are noticed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sealing_lab import KEY, OTHER_KEY, PACK, noise, sealed

from sovrgit.errors import FileUnstable, KeyNeeded, SealBroken, SovrError, StorageFailure, StorageFull, Unsupported
from sovrgit.remotes.sealing import places, seal, unseal

CONTENT = noise(200_000)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(CONTENT)
    return path


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (sealed(CONTENT)[:-1], SealBroken),
        (sealed(CONTENT) + b"x", SealBroken),
        (sealed(CONTENT)[:-17], SealBroken),
        (sealed(CONTENT, key=OTHER_KEY), KeyNeeded),
        (sealed(noise(200_001)), SealBroken),
        (b"", SealBroken),
    ],
    ids=["cut", "longer", "last segment emptied", "other key", "too large", "empty"],
)
def test_what_is_refused_leaves_no_file(tmp_path: Path, data: bytes, kind: type[SovrError]) -> None:
    path, target = tmp_path / "sealed", tmp_path / "target"
    path.write_bytes(data)
    with pytest.raises(kind):
        unseal.unseal(path, target, KEY, PACK, limit=len(CONTENT))
    assert [*tmp_path.iterdir()] == [path]


def test_a_file_that_is_there_is_not_touched(tmp_path: Path, source: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"mine")
    with pytest.raises(StorageFailure, match="exists"):
        seal.seal(source, target, KEY, PACK)
    source.write_bytes(sealed(CONTENT))
    with pytest.raises(StorageFailure, match="exists"):
        unseal.unseal(source, target, KEY, PACK, limit=len(CONTENT))
    assert target.read_bytes() == b"mine"


def test_a_link_is_not_followed_when_writing(tmp_path: Path, source: Path) -> None:
    (tmp_path / "target").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageFailure, match="exists"):
        seal.seal(source, tmp_path / "target", KEY, PACK)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("kind", ["absent", "folder", "pipe"])
def test_what_is_no_file_is_not_read(tmp_path: Path, kind: str) -> None:
    path, target = tmp_path / kind, tmp_path / "target"
    if kind == "folder":
        path.mkdir()
    if kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(StorageFailure) as raised:
        seal.seal(path, target, KEY, PACK)
    assert str(path) in raised.value.message
    with pytest.raises(StorageFailure) as raised:
        unseal.unseal(path, target, KEY, PACK, limit=1)
    assert str(path) in raised.value.message
    assert not target.exists()


@pytest.mark.parametrize("size", [0, 199_999, 200_001])
def test_a_file_that_changes_while_it_is_read_is_noticed(
    tmp_path: Path, source: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = seal.sealed_pieces

    def changing(*arguments: object) -> object:
        os.truncate(source, size)
        return whole(*arguments)  # type: ignore[arg-type] # handed on as they came

    monkeypatch.setattr(seal, "sealed_pieces", changing)
    with pytest.raises(FileUnstable):
        seal.seal(source, tmp_path / "target", KEY, PACK)
    assert [*tmp_path.iterdir()] == [source]


@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_a_full_disk_leaves_nothing(tmp_path: Path, source: Path, after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    good = tmp_path / "sealed"
    good.write_bytes(sealed(CONTENT))
    left = after

    def write_all(descriptor: int, data: bytes) -> None:
        nonlocal left
        if not left:
            raise OSError(28, "no space")
        left -= 1
        os.write(descriptor, data)

    for module in (seal, unseal):
        monkeypatch.setattr(module, "write_all", write_all)
    with pytest.raises(StorageFull, match="target"):
        seal.seal(source, tmp_path / "target", KEY, PACK)
    left = after
    with pytest.raises(StorageFull, match="target"):
        unseal.unseal(good, tmp_path / "target", KEY, PACK, limit=len(CONTENT))
    assert {*tmp_path.iterdir()} == {source, good}


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), places.new_file(tmp_path / "target"):
        raise KeyboardInterrupt
    assert not [*tmp_path.iterdir()]


def test_a_library_without_the_cipher_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.ciphers import aead

    def refuse(key: bytes) -> object:
        raise UnsupportedAlgorithm("switched off")

    monkeypatch.setattr(aead, "ChaCha20Poly1305", refuse)
    with pytest.raises(Unsupported, match="no ChaCha20-Poly1305"):
        sealed(b"x")
